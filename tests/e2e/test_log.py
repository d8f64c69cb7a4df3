"""A reader of the server's log or of its standby table that stands still must stop nothing else."""

import socket

from support.lsn import parse_lsn
from support.relay import RelayCase
from support.walcast import WrappedWalcast

# Standard error is a pipe that nothing is read from; the program goes on as the server.
SLEEPING_READER = ["bash", "-c", 'exec "$@" 2> >(exec sleep 60 > /dev/null 2>&1)', "bash"]


class LogTest(RelayCase):
    def garbage(self, port, count):
        """Start-up packets that are none, each of which is a line of the log."""
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"\xff" * 8)
                while connection.recv(1024):
                    pass

    def test_a_reader_that_stands_still_stops_neither_commits_nor_the_end(self):
        walcast = WrappedWalcast(self.area, SLEEPING_READER, **self.relay_options())
        standby = self.standby("standby", walcast.port)
        self.garbage(walcast.port, 1_000)
        self.primary.sql("INSERT INTO bulk VALUES (1, 'a commit')")
        end = parse_lsn(self.primary.flush_lsn())
        standby.wait_for_replay(end)
        self.assertEqual(standby.sql("SELECT count(*) FROM bulk"), "1")
        walcast.stop()
