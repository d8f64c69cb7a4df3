"""A replication client that keeps every byte and checks what every receiver relies on."""

import struct
import time
from dataclasses import dataclass

from support.lsn import format_lsn
from support.protocol import PROTOCOL_3_0, Result, ServerError, Wire, parse_fields

CHUNK_BYTES_MAX = 131072  # MAX_SEND_SIZE of walsender.c
_EPOCH_2000_US = 946684800 * 1_000_000


@dataclass(frozen=True)
class XLogData:
    begin: int
    wal_end: int
    sent_at: int
    data: bytes

    @property
    def end(self):
        return self.begin + len(self.data)


@dataclass(frozen=True)
class Keepalive:
    wal_end: int
    sent_at: int
    reply_requested: bool


@dataclass(frozen=True)
class CopyDone:
    """The server has ended the stream and waits for our CopyDone."""


@dataclass(frozen=True)
class StreamError:
    """An ErrorResponse inside the stream; the session may go on with commands after `Z`."""
    fields: dict


@dataclass(frozen=True)
class Shutdown:
    """CommandComplete without CopyDone: how a walsender says that its server stops."""
    tag: str


@dataclass(frozen=True)
class Closed:
    """The socket has ended."""


class ReplicationClient(Wire):
    """A physical replication session from start-up to streaming and back."""

    def __init__(self, port, **options):
        super().__init__(port, **options)
        self.parameters = {}
        self.backend_pid = None
        self.backend_key = None
        self.negotiated = None  # the body of NegotiateProtocolVersion, if one came
        self.position = None    # the end of what this stream has received
        self.message_ends = []  # of every XLogData of this stream

    @classmethod
    def connect(cls, port, version=PROTOCOL_3_0, receive_buffer=None, host="127.0.0.1",
                tls=False, **parameters):
        """A session that is ready for commands; raises ServerError if it is refused."""
        client = cls(port, receive_buffer=receive_buffer, host=host)
        defaults = {"user": "postgres", "database": "replication", "replication": "true"}
        try:
            if tls:
                client.start_tls()
            client.send_startup(version, **{**defaults, **parameters})
            client.finish_startup()
        except BaseException:
            client.close()
            raise
        return client

    def finish_startup(self):
        while (message := self.receive()) is not None:
            if message.type == "E":
                raise ServerError(parse_fields(message.body))
            if message.type == "v":
                self.negotiated = message.body
            elif message.type == "S":
                name, value, _ = message.body.decode().split("\0")
                self.parameters[name] = value
            elif message.type == "K":
                self.backend_pid = struct.unpack_from("!I", message.body)[0]
                self.backend_key = message.body[4:]
            elif message.type == "Z":
                return
        raise AssertionError("connection closed during start-up")

    def query(self, text):
        """Sends one simple query and returns its whole answer, errors included."""
        self.send("Q", text.encode() + b"\0")
        return self.result()

    def identify(self):
        """(system identifier, timeline, position) as text, int, text."""
        answer = self.query("IDENTIFY_SYSTEM")
        if answer.error:
            raise ServerError(answer.error)
        system, timeline, position, _ = answer.rows[0]
        return system.decode(), int(timeline), position.decode()

    def start(self, lsn, timeline=None, slot=None):
        """None if the stream has begun, else the whole answer that came instead of one."""
        suffix = f" TIMELINE {timeline}" if timeline is not None else ""
        by_slot = f"SLOT {slot} " if slot is not None else ""
        text = f"START_REPLICATION {by_slot}{format_lsn(lsn)}{suffix}"
        self.send("Q", text.encode() + b"\0")
        message = self.receive()
        if message is not None and message.type == "W":
            assert message.body == b"\0\0\0", message.body
            self.position, self.message_ends = lsn, []
            return None
        return Result(closed=True) if message is None else self.result(message)

    def next_event(self):
        """The next thing that happens in the stream. Position and contiguity are checked."""
        message = self.receive()
        if message is None:
            return Closed()
        if message.type == "c":
            return CopyDone()
        if message.type == "E":
            return StreamError(parse_fields(message.body))
        if message.type == "C":
            return Shutdown(message.body.rstrip(b"\0").decode())
        assert message.type == "d", f"unexpected message {message.type} in a stream"
        if message.body[:1] == b"k":
            wal_end, sent_at, reply = struct.unpack("!QqB", message.body[1:])
            return Keepalive(wal_end, sent_at, reply == 1)
        return self._accept(message.body)

    def receive_until(self, lsn):
        """Streams until `lsn` is reached and returns the bytes; answers pings on the way."""
        pieces = []
        while self.position < lsn:
            event = self.next_event()
            if isinstance(event, XLogData):
                pieces.append(event.data)
            elif isinstance(event, Keepalive):
                if event.reply_requested:
                    self.send_status()
            else:
                raise AssertionError(f"{event} at {format_lsn(self.position)},"
                                     f" short of {format_lsn(lsn)}")
        return b"".join(pieces)

    def receive_to_end(self, answer_pings=True):
        """Streams until the server ends it; the bytes, and the event that was the end."""
        pieces = []
        while True:
            event = self.next_event()
            if isinstance(event, XLogData):
                pieces.append(event.data)
            elif isinstance(event, Keepalive):
                if event.reply_requested and answer_pings:
                    self.send_status()
            else:
                return b"".join(pieces), event

    def send_status(self, write=None, flush=None, apply=0, reply=False):
        """A standby status update; by default, all that was received is written and flushed."""
        write = self.position if write is None else write
        flush = write if flush is None else flush
        now = int(time.time() * 1_000_000) - _EPOCH_2000_US
        self.send("d", struct.pack("!cQQQqB", b"r", write, flush, apply, now, reply))

    def ping(self):
        """Asks for a keepalive and returns it, with the bytes that the server sent before it."""
        self.send_status(reply=True)
        pieces = []
        while not isinstance(event := self.next_event(), Keepalive):
            assert isinstance(event, XLogData), event
            pieces.append(event.data)
        return event, b"".join(pieces)

    def stop(self):
        """Ends the stream from our side, or answers the server's end; the closing result."""
        self.send("c")
        answer = Result()
        while (message := self.receive()) is not None:
            if message.type == "d":
                continue
            answer.add(message)
            if message.type == "Z":
                return answer
        raise AssertionError(f"connection closed after CopyDone: {answer}")

    def _accept(self, body):
        assert body[:1] == b"w", body[:1]
        begin, wal_end, sent_at = struct.unpack_from("!QQq", body, 1)
        event = XLogData(begin, wal_end, sent_at, body[25:])
        assert begin == self.position, f"{format_lsn(begin)} after {format_lsn(self.position)}"
        assert 0 < len(event.data) <= CHUNK_BYTES_MAX, len(event.data)
        assert wal_end >= event.end, f"wal_end {format_lsn(wal_end)} < {format_lsn(event.end)}"
        self.position = event.end
        self.message_ends.append(event.end)
        return event
