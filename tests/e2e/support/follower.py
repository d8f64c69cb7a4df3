"""A standby that keeps nothing: it follows a server that comes and goes, and looks at each byte."""

import threading

from support.lsn import format_lsn
from support.replication import Keepalive, ReplicationClient, XLogData


class Follower(threading.Thread):
    """Streams from `begin` on, and after each loss of the server from where it was, at once. What
    comes must be what the files of `wal` have there. The first thing that is wrong ends it."""

    def __init__(self, port, begin, wal):
        super().__init__(daemon=True)
        self._port = port
        self._wal = wal
        self._ends = threading.Event()
        self.position = begin
        self.streams = 0
        self.wrong = None

    def run(self):
        while not self._ends.is_set() and not self.wrong:
            try:
                client = ReplicationClient.connect(self._port, application_name="follower")
            except (OSError, AssertionError):
                self._ends.wait(0.01)  # the server is down
                continue
            try:
                self._follow(client)
            except (OSError, AssertionError) as error:
                # A server that is killed leaves half a message behind.
                if "connection closed" not in str(error) and not isinstance(error, OSError):
                    self.wrong = repr(error)
            finally:
                client.close()

    def finish(self):
        self._ends.set()
        self.join()

    def _follow(self, client):
        refusal = client.start(self.position, 1)
        if refusal is not None:
            if refusal.error:
                self.wrong = f"refused at {format_lsn(self.position)}: {refusal.error}"
            return
        self.streams += 1
        while not self._ends.is_set():
            event = client.next_event()
            if isinstance(event, XLogData):
                self._compare(event)
            elif isinstance(event, Keepalive):
                client.send_status()
            else:
                return

    def _compare(self, event):
        if event.data != self._wal.read(1, event.begin, event.end):
            self.wrong = f"other bytes between {format_lsn(event.begin)} and {format_lsn(event.end)}"
            self._ends.set()
        self.position = event.end
