"""Plays scripts at a server and keeps what it says."""

import select
import socket
import struct
from dataclasses import dataclass

from play.messages import CANCEL_REQUEST, untyped
from play.transcript import Transcript

_CANCEL_SECONDS = 0.2    # between CancelRequests of which one must do
SILENCE_SECONDS = 20.0  # of a server that should have spoken: a difference, or a bad script


class Silence(Exception):
    """Nothing came where the script expects something."""


class Connection:
    """One socket of a script; its methods are the script's steps."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SILENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._ended = False
        self.was_reset = False
        self.transcript = Transcript()

    def close(self):
        self._socket.close()

    def send(self, data):
        try:
            self._socket.sendall(data)
        except OSError:
            self.was_reset = True  # the server has closed, which its answer tells

    def send_pieces(self, argument):
        data, size = argument
        for at in range(0, len(data), size):
            self.send(data[at:at + size])

    def send_cancel(self, process_id_and_key, key):
        data = process_id_and_key if key is None else process_id_and_key[:4] + key
        self.send(untyped(CANCEL_REQUEST, data))

    def speaks_within(self, seconds):
        """Whether there is something to receive."""
        return bool(self._buffer or select.select([self._socket], [], [], seconds)[0])

    def half_close(self, _=None):
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster

    def await_types(self, types):
        while (kind := self._receive()) is not None and kind not in types:
            pass

    def await_wal(self, lsn):
        while self.transcript.position < lsn and self._receive() is not None:
            pass

    def await_byte(self, _=None):
        if self._fill(1):
            self.transcript.add_bytes(bytes(self._take(1)))

    def await_untyped_end(self, _=None):
        while self._fill(len(self._buffer) + 1):
            pass
        self.transcript.add_bytes(bytes(self._take(len(self._buffer))))

    def await_end(self, _=None):
        while self._receive() is not None:
            pass

    def _receive(self):
        """The type of the next message, which is in the transcript then; None at the end."""
        if self._fill(5):
            length = struct.unpack_from("!I", self._buffer, 1)[0]
            if self._fill(1 + length):
                whole = self._take(1 + length)
                self.transcript.add(chr(whole[0]), bytes(whole[5:]))
                return chr(whole[0])
        if self._buffer:  # the connection ended within a message, or what came is none
            self.transcript.add_bytes(bytes(self._take(len(self._buffer))))
        return None

    def _fill(self, count):
        """False if the connection ends before so many bytes are there."""
        while len(self._buffer) < count and not self._ended:
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                raise Silence from None
            except ConnectionResetError:
                self.was_reset = True
                data = b""
            self._buffer += data
            if not data:
                self._ended = True
                self.transcript.add_close()
        return len(self._buffer) >= count

    def _take(self, count):
        taken = self._buffer[:count]
        del self._buffer[:count]
        return taken


@dataclass(frozen=True)
class Played:
    transcripts: dict  # by connection, each to its end
    was_reset: bool    # so that some of what the server said may never have come


def _cancel_until_told(connection, port):
    """What it sent last may not have been read yet, and a cancel of an idle session does nothing."""
    for _ in range(int(SILENCE_SECONDS / _CANCEL_SECONDS)):
        canceller = Connection(port)
        canceller.send_cancel(connection.transcript.cancel_key, None)
        canceller.await_end()
        canceller.close()
        if connection.speaks_within(_CANCEL_SECONDS):
            return
    raise Silence


def play(script, port):
    connections = {}
    try:
        for step in script.steps:
            if step.on not in connections:
                connections[step.on] = Connection(port)
            connection = connections[step.on]
            if step.what == "send_cancel":
                other, key = step.argument
                connection.send_cancel(connections[other].transcript.cancel_key, key)
            elif step.what == "cancel_until_told":
                _cancel_until_told(connection, port)
            else:
                getattr(connection, step.what)(step.argument)
        for connection in connections.values():
            connection.send(script.farewell)
            connection.half_close()
            connection.await_end()
    except Silence:
        connection.transcript.add_silence()
    finally:
        for connection in connections.values():
            connection.close()
    return Played({name: connection.transcript for name, connection in connections.items()},
                  any(connection.was_reset for connection in connections.values()))
