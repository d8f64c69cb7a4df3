"""A record of many segments, and the padding of a switch: what they cost behind a relay and behind an archive that has
started since. A walk through the whole record for each megabyte of it would show in the bytes that are read."""

import os
import re
import threading

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.receivewal import Receivewal
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import Walcast
from support.workload import wal_of

_RECORD_MB = 24
# 1019 are as long as a record may be (XLogRecordMaxSize of PostgreSQL 16), but for a megabyte.
_LONGEST_MB = int(os.environ.get("WALCAST_LONGEST_RECORD_MEGABYTES", 8))
_FILLER = "INSERT INTO filler SELECT generate_series(1, 60000)"  # about 4 MB


def bytes_read(walcast):
    """By all calls of read(2) and its kin."""
    with open(f"/proc/{walcast.process.pid}/io", encoding="ascii") as io:
        return int(re.search(r"^rchar: (\d+)$", io.read(), re.MULTILINE)[1])


class LongRecordTest(E2eCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        cls.primary.sql("CREATE TABLE filler(i int)")

    @classmethod
    def tearDownClass(cls):
        cls.primary.stop()
        super().tearDownClass()

    def setUp(self):
        self.spool = self.area.path(f"spool-{self.id()}")

    def relay(self):
        return Walcast(self.area, spool_directory=self.spool,
                       primary_conninfo=self.primary.conninfo())

    def position(self):
        return parse_lsn(self.primary.flush_lsn())

    def assert_same(self, walcast, begin, end):
        """Returns how many bytes the server has read for it."""
        before = bytes_read(walcast)
        client = self.connect(walcast.port)
        client.start(begin, 1)
        data = client.receive_until(end)
        self.assertTrue(data == wal_of(self.primary).read(1, begin, client.position))
        client.close()
        return bytes_read(walcast) - before

    def test_a_long_record_is_read_a_few_times_whole_live_and_cold(self):
        walcast = self.relay()
        begin = self.position()
        self.primary.sql("SELECT pg_logical_emit_message(false, 'long',"
                         f" repeat('x', {_RECORD_MB} << 20))")
        self.primary.sql(_FILLER)
        end = self.position()
        live = self.assert_same(walcast, begin, end)
        walcast.stop()
        walcast = self.relay()
        readers = [threading.Thread(target=self.assert_same, args=(walcast, begin, end))
                   for _ in range(3)]
        before = bytes_read(walcast)
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        cold = bytes_read(walcast) - before
        walcast.stop()
        archive = Walcast.of_directory(self.area, self.spool)
        copied = self.assert_same(archive, begin, end)
        archive.stop()
        size = end - begin
        self.figure(f"reads of {size >> 20} MB: live {live / size:.1f}, three cold readers"
                    f" {cold / size:.1f}, an archive {copied / size:.1f} times that")
        self.assertLess(live, 6 * size)
        self.assertLess(cold, 12 * size)
        self.assertLess(copied, 8 * size)


class LongestRecordTest(E2eCase):
    """pg_receivewal, live and late, has a record as long as can be as the primary has it, and
    nothing between walcast and the disk takes it for wrong."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary",
                                       segment_mb=1 if _LONGEST_MB < 100 else 64).start()
        cls.addClassCleanup(lambda: cls.primary.process and cls.primary.kill())
        cls.timeout = 60 + _LONGEST_MB

    def receive(self, name, walcast, begin):
        """From the segment on that it has already."""
        files = Receivewal(self.area, self.area.directory(name), self.primary.segment_size)
        before = wal_of(self.primary).name(1, begin - 1)
        self.area.copy_file(f"{self.primary.wal_path}/{before}", f"{files.files.path}/{before}")
        return files.start(walcast.port)

    def assert_has(self, received, end):
        last = wal_of(self.primary).name(1, end - 1)
        wait_until(lambda: last in received.files.complete(),
                   lambda: f"{last}\n{received.process.tail()}", self.timeout)
        self.assert_same_segments(received.files, wal_of(self.primary), received.files.complete())
        received.process.kill()

    def test_it_arrives_as_it_is(self):
        self.primary.sql("SELECT pg_logical_emit_message(true, 'first', 'x')")
        self.primary.sql("SELECT pg_switch_wal()")
        begin = self.position()
        self.primary.sql("SELECT pg_logical_emit_message(true, 'first', 'x')")
        conninfo = self.primary.conninfo()
        spool = WalFiles(self.area.path("spool"), self.primary.segment_size)
        relay = Walcast(self.area, spool_directory=spool.path, primary_conninfo=conninfo)
        live = self.receive("live", relay, begin)
        live.wait_for_partial()
        self.primary.sql("SELECT pg_logical_emit_message(true, 'longest',"
                         f" repeat('x', {_LONGEST_MB} << 20))")
        self.primary.sql("SELECT pg_switch_wal()")
        end = self.position()
        self.assertGreater(end - begin, _LONGEST_MB << 20)
        self.assert_has(live, end)
        relay.stop()
        relay = Walcast(self.area, spool_directory=spool.path, primary_conninfo=conninfo)
        directory = Walcast.of_directory(self.area, self.primary.wal_path)
        for name, walcast in (("late", relay), ("of-directory", directory)):
            self.assert_has(self.receive(name, walcast, begin), end)
            self.assertNotRegex(walcast.log(), "ERROR|invalid WAL")
            walcast.stop()

    def position(self):
        """Where the segment in work begins."""
        end = parse_lsn(self.primary.flush_lsn())
        return end - end % self.primary.segment_size
