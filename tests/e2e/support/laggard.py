"""Standbys that do not keep up: one that reads slowly, and one that does not read at all."""

import threading
import time

from support.replication import ReplicationClient

_RECEIVE_BUFFER = 64 << 10  # so that what lags is the server's to keep, not the kernel's
_ROUND_SECONDS = 0.05


class Laggard:
    """A stream that is read at a rate, if at all, until it is let go; every byte is compared."""

    def __init__(self, port, wal, begin, bytes_per_second=0):
        self._client = ReplicationClient.connect(port, receive_buffer=_RECEIVE_BUFFER)
        self._client.set_timeout(60)
        assert self._client.start(begin, 1) is None
        self._wal = wal
        self._rate = bytes_per_second
        self._free = threading.Event()
        self._thread = threading.Thread(target=self._read_slowly, daemon=True)
        self._failure = None
        self._thread.start()

    @property
    def position(self):
        return self._client.position

    def let_go(self, end):
        """Reads as fast as it can; returns at `end` how many seconds that took."""
        began = time.monotonic()
        self._free.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the slow reader hangs"
        if self._failure:
            raise self._failure
        while self.position < end:
            self._read_one()
        return time.monotonic() - began

    def close(self):
        self._free.set()
        self._client.close()

    def _read_slowly(self):
        try:
            began, first = time.monotonic(), self.position
            while not self._free.wait(_ROUND_SECONDS):
                allowed = first + (time.monotonic() - began) * self._rate
                while self.position < allowed and not self._free.is_set():
                    self._read_one()
        except (OSError, AssertionError) as failure:
            self._failure = failure

    def _read_one(self):
        begin = self.position
        data = self._client.receive_until(begin + 1)
        assert data == self._wal.read(1, begin, self.position), f"other bytes after {begin:X}"
        self._client.send_status()
