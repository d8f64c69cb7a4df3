"""The bases of the end-to-end test classes."""

import os
import sys
import unittest

from support.area import Area
from support.cluster import PgCluster
from support.replication import ReplicationClient
from support.wal import WalFiles, waldump
from support.walcast import Walcast
from support.workload import end_inside_a_segment, wal_of, write_wal


class E2eCase(unittest.TestCase):
    """Gives each class an area, and prints what its processes said when a test fails."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.area = Area()
        cls.addClassCleanup(cls.area.close)

    def run(self, result=None):
        result = result if result is not None else self.defaultTestResult()
        failures = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > failures:
            print(f"\n=== {self.id()} failed; its processes said:\n{self.area.logs()}",
                  file=sys.stderr)
        return result

    def connect(self, port, **options):
        """A session ready for commands, closed when the test ends."""
        client = ReplicationClient.connect(port, **options)
        self.addCleanup(client.close)
        return client

    def assert_same_segments(self, copy, original, names):
        self.assertGreater(len(names), 0)
        for name in names:
            self.area.run(["cmp", f"{copy.path}/{name}", f"{original.path}/{name}"])

    def figure(self, text):
        """Prints a measured number, so that it can be found in a test's output."""
        print(f"{self.id().split('.', 1)[-1]}: {text}", flush=True)


class PostgresCase(E2eCase):
    """A primary with some WAL. It is the server under test, and so proves the tests themselves."""

    WAL_MEGABYTES = 10
    SETTINGS = {}
    WALCAST_OPTIONS = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1, **cls.SETTINGS).start()
        write_wal(cls.primary, cls.WAL_MEGABYTES)
        cls.system_identifier = cls.primary.system_identifier()
        cls.wal = wal_of(cls.primary)
        cls.port = cls.primary.port
        cls.server = cls.primary.process

    def session(self, **options):
        return self.connect(self.port, **options)

    def assert_serves(self):
        """The server is alive and answers a newcomer."""
        self.assertEqual(self.session().identify()[0], self.system_identifier)


class WalcastCase(PostgresCase):
    """walcast in that primary's place, on its files."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.while_primary_runs()
        cls.primary.stop()
        cls.walcast = Walcast.of_directory(cls.area, cls.wal.path, **cls.WALCAST_OPTIONS)
        cls.port = cls.walcast.port
        cls.server = cls.walcast.process

    @classmethod
    def while_primary_runs(cls):
        """For a class that wants PostgreSQL's own answers before walcast takes over."""


class StoppedCase(PostgresCase):
    """The WAL of a primary that has stopped: its records, and copies of its directory to spoil."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        end_inside_a_segment(cls.primary)
        cls.primary.stop()
        cls.begin = cls.wal.begin()
        cls.records, _ = waldump(cls.area, cls.wal, 1, cls.begin)
        cls.end = cls.records[-1].end

    def copy_of_wal(self):
        """A copy named after the test; only segments that hold WAL are in it."""
        name = self.id().rsplit(".", 1)[-1]
        copy = WalFiles(self.area.directory(name), self.wal.segment_size)
        for segment in self.wal.complete():
            if self.wal.start_of(segment) < self.end:
                self.area.copy_file(f"{self.wal.path}/{segment}", f"{copy.path}/{segment}")
        return copy

    def copy_of_wal_before(self, lsn):
        """A copy of the segments that end at or before `lsn`."""
        copy = self.copy_of_wal()
        for segment in copy.complete():
            if copy.start_of(segment) + copy.segment_size > lsn:
                os.remove(f"{copy.path}/{segment}")
        return copy

    def serve(self, wal, **options):
        """walcast on a directory, stopped when the test ends, which must succeed."""
        walcast = Walcast.of_directory(self.area, wal.path, **options)
        self.addCleanup(walcast.stop)
        return walcast
