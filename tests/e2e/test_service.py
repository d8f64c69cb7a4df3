"""What a service manager is told (sd_notify): that the server is ready, and how it is."""

import os
import socket

from support.cluster import PgCluster
from support.case import E2eCase
from support.walcast import WrappedWalcast, generate
from support.wait import wait_until


class NotifySocket:
    """The socket of a service manager, with a path that the server's user may write to."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o777)
        self._socket.setblocking(False)
        self.said = []

    def read(self):
        """All that was said so far."""
        while True:
            try:
                self.said += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.said

    def wait_for(self, *words):
        wait_until(lambda: any(all(word in line for word in words) for line in self.read()),
                   lambda: f"{words} in {self.said}")

    def close(self):
        self._socket.close()


class ServiceTest(E2eCase):
    def setUp(self):
        path = self.area.path(f"{self.id()[-30:]}.socket")
        self.manager = NotifySocket(path)
        self.addCleanup(self.manager.close)
        self.wrapper = ["env", f"NOTIFY_SOCKET={path}"]
        self.spool = self.area.path(f"spool-{self.id()}")

    def serve(self, **options):
        return WrappedWalcast(self.area, self.wrapper, **options)

    def test_a_directory_is_ready_when_sessions_are_taken(self):
        generate(self.area, self.spool, size="2MB", wal_segment_size="1MB")
        walcast = self.serve(wal_directory=self.spool)
        self.manager.wait_for("READY=1")
        self.manager.wait_for("STATUS=serving WAL; WAL ends at 0/", ", 0 standbys")
        walcast.process.send_signal(1)
        self.manager.wait_for("RELOADING=1")
        self.manager.wait_for("MONOTONIC_USEC=")
        wait_until(lambda: self.manager.read().count("READY=1") == 2, "it is ready again")
        walcast.stop()
        self.manager.wait_for("STOPPING=1")

    def test_a_relay_is_ready_when_wal_comes(self):
        generate(self.area, self.spool, size="2MB", wal_segment_size="1MB")
        walcast = self.serve(spool_directory=self.spool, adopt_spool=True,
                             primary_conninfo="host=127.0.0.1 port=1")
        self.manager.wait_for("STATUS=connecting to the primary")
        self.manager.wait_for("STATUS=no WAL comes from the primary: ", "Connection refused")
        self.connect(walcast.port).identify()
        walcast.process.send_signal(1)
        walcast.wait_for_log("received SIGHUP")
        walcast.stop()
        self.assertNotIn("READY=1", self.manager.read())
        self.assertNotIn("RELOADING=1", self.manager.read())
        self.manager.wait_for("STOPPING=1")

    def test_a_manager_that_watches_hears_that_the_server_lives(self):
        generate(self.area, self.spool, size="2MB", wal_segment_size="1MB")
        self.wrapper.append("WATCHDOG_USEC=400000")
        walcast = self.serve(wal_directory=self.spool)
        wait_until(lambda: self.manager.read().count("WATCHDOG=1") >= 5, "five words of life")
        walcast.stop()

    def test_a_relay_that_streams_says_from_where(self):
        primary = PgCluster.create(self.area, "primary", segment_mb=1).start()
        walcast = self.serve(spool_directory=self.spool, primary_conninfo=primary.conninfo())
        self.manager.wait_for("READY=1")
        self.manager.wait_for(f"STATUS=streaming from host=127.0.0.1 port={primary.port}")
        primary.stop()
        self.manager.wait_for("STATUS=no WAL comes from the primary: ")
        walcast.stop()
