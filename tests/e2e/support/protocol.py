"""PostgreSQL's frontend/backend protocol as raw bytes on a socket."""

import socket
import ssl
import struct
from dataclasses import dataclass, field

PROTOCOL_3_0 = 0x00030000
SSL_REQUEST = 80877103


@dataclass(frozen=True)
class Message:
    type: str
    body: bytes


@dataclass
class Result:
    """All that answers one command, up to ReadyForQuery or, if `closed`, the end of the socket."""
    messages: list = field(default_factory=list)
    columns: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    tags: list = field(default_factory=list)
    error: dict = None
    closed: bool = False

    def types(self):
        return "".join(message.type for message in self.messages)

    def bodies(self, message_type):
        return [message.body for message in self.messages if message.type == message_type]

    def add(self, message):
        self.messages.append(message)
        if message.type == "T":
            self.columns = parse_columns(message.body)
        elif message.type == "D":
            self.rows.append(parse_row(message.body))
        elif message.type == "C":
            self.tags.append(message.body.rstrip(b"\0").decode())
        elif message.type == "E":
            self.error = parse_fields(message.body)


class ServerError(Exception):
    """An ErrorResponse where none was expected."""

    def __init__(self, fields):
        super().__init__(f"{fields['S']} {fields['C']}: {fields['M']}")
        self.fields = fields


class Wire:
    """One socket, whole messages in both directions. Not for use by two threads at once."""

    def __init__(self, port, timeout=60, receive_buffer=None, host="127.0.0.1"):
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:  # before connect, or the window is already offered
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect((host, port))
        except OSError:
            self._socket.close()
            raise
        self._buffer = b""
        self._at = 0

    def start_tls(self):
        """Encrypts what follows, whoever the server is."""
        self.send_untyped(SSL_REQUEST)
        assert self.receive_bytes(1) == b"S", "the server has no TLS"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._socket = context.wrap_socket(self._socket)

    def set_timeout(self, seconds):
        self._socket.settimeout(seconds)

    def send_raw(self, data):
        self._socket.sendall(data)

    def send(self, message_type, body=b""):
        self.send_raw(message_type.encode() + struct.pack("!I", 4 + len(body)) + body)

    def send_untyped(self, code, body=b""):
        self.send_raw(struct.pack("!II", 8 + len(body), code) + body)

    def send_startup(self, version=PROTOCOL_3_0, **parameters):
        self.send_raw(startup_packet(version, **parameters))

    def receive(self):
        """The next message, or None when the server has closed the connection between two."""
        if not self._fill(5):
            assert len(self._buffer) == self._at, "connection closed inside a message"
            return None
        length = struct.unpack_from("!I", self._buffer, self._at + 1)[0]
        assert self._fill(1 + length), "connection closed inside a message"
        message_type = chr(self._buffer[self._at])
        body = self._buffer[self._at + 5:self._at + 1 + length]
        self._at += 1 + length
        return Message(message_type, body)

    def receive_bytes(self, count):
        """Bytes outside messages; fewer than `count` only if the server closed the connection."""
        self._fill(count)
        data = self._buffer[self._at:self._at + count]
        self._at += len(data)
        return data

    def result(self, first=None):
        """Everything from `first`, if given, to ReadyForQuery or the end of the connection."""
        answer = Result()
        message = first or self.receive()
        while message is not None:
            answer.add(message)
            if message.type == "Z":
                return answer
            message = self.receive()
        answer.closed = True
        return answer

    def result_to_close(self):
        """Everything until the server closes the connection."""
        answer = self.result()
        while not answer.closed:
            more = self.result()
            for message in more.messages:
                answer.add(message)
            answer.closed = more.closed
        return answer

    def close(self):
        self._socket.close()

    def _receive_some(self, count):
        return self._socket.recv(count)

    def _fill(self, count):
        """Reads until `count` bytes are buffered; false if the connection ends before that."""
        while len(self._buffer) - self._at < count:
            try:
                data = self._receive_some(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                return False
            self._buffer = self._buffer[self._at:] + data
            self._at = 0
        return True


def startup_packet(version=PROTOCOL_3_0, **parameters):
    """As a client sends it first of all."""
    pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    body = struct.pack("!I", version) + pairs + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def parse_fields(body):
    """ErrorResponse or NoticeResponse: one letter to text."""
    return {chr(item[0]): item[1:].decode() for item in body.split(b"\0") if item}


def parse_columns(body):
    """RowDescription as (name, type oid, type length, type modifier, format)."""
    columns, at = [], 2
    for _ in range(struct.unpack_from("!H", body)[0]):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        _, _, oid, length, modifier, code = struct.unpack_from("!IhIhih", body, end + 1)
        columns.append((name, oid, length, modifier, code))
        at = end + 1 + 18
    return columns


def parse_row(body):
    """DataRow as a tuple of bytes, None for NULL."""
    values, at = [], 2
    for _ in range(struct.unpack_from("!H", body)[0]):
        length = struct.unpack_from("!i", body, at)[0]
        at += 4
        values.append(None if length < 0 else body[at:at + length])
        at += max(length, 0)
    return tuple(values)
