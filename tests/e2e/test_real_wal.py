"""WAL of real clusters of every shape, compared byte by byte at the far end."""

from support.case import E2eCase
from support.cluster import PgCluster
from support.gate import Gate
from support.lsn import format_lsn
from support.receivewal import Receivewal
from support.wal import waldump
from support.walcast import Fleet, Walcast
from support.workload import wal_of, write_wal


class RealWalTests:
    """Mixed into one class per segment size; the cluster is stopped before walcast starts."""

    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", cls.SEGMENT_MB, **cls.SETTINGS).start()
        write_wal(cls.primary, cls.WAL_MEGABYTES)
        cls.system_identifier = cls.primary.system_identifier()
        cls.wal = wal_of(cls.primary)
        cls.prepare()
        cls.primary.stop()
        cls.begin = cls.wal.begin()
        cls.records, _ = waldump(cls.area, cls.wal, 1, cls.begin)
        cls.end = cls.records[-1].end
        cls.walcast = Walcast.of_directory(cls.area, cls.wal.path)

    @classmethod
    def prepare(cls):
        """What a class does before its cluster stops."""

    def new_archive(self, name):
        """pg_receivewal begins at the current segment, unless it finds an earlier one."""
        archive = Receivewal(self.area, self.area.directory(name), self.wal.segment_size)
        first = self.wal.complete()[0]
        self.area.copy_file(f"{self.wal.path}/{first}", f"{archive.files.path}/{first}")
        return archive

    def segments_before(self, lsn):
        """All segments that end at or before this position."""
        return [name for name in self.wal.complete()
                if self.wal.start_of(name) + self.wal.segment_size <= lsn]

    def assert_received(self, archive, lsn):
        """Complete segments are identical, and so is the unfinished one up to `lsn`."""
        whole = self.segments_before(lsn)
        self.assertEqual(archive.files.complete()[:len(whole)], whole)
        self.assert_same_segments(archive.files, self.wal, whole)
        start = lsn - lsn % self.wal.segment_size
        self.assertTrue(archive.files.read(1, start, lsn) == self.wal.read(1, start, lsn))

    def test_the_workload_is_what_it_claims(self):
        self.assertGreaterEqual(self.end - self.begin, self.MINIMUM_MEGABYTES << 20)
        self.assertGreater(sum("FPW" in record.description for record in self.records), 100)
        self.assertGreater(max(record.length for record in self.records), 100_000)

    def test_the_end_of_wal_is_the_shutdown_checkpoint(self):
        self.assertIn("CHECKPOINT_SHUTDOWN", self.records[-1].description)
        self.assertEqual(self.connect(self.walcast.port).identify(),
                         (self.system_identifier, 1, format_lsn(self.end)))

    def test_eight_readers_compare_every_byte(self):
        fleet = Fleet(self.area, self.walcast.port, 8, self.begin, self.end, verify=self.wal.path)
        report = fleet.finish()
        self.assertEqual(report.status, 0, report.output)
        self.assertEqual((report["mismatches"], report["failures"]), (0, {}))
        self.assertEqual(report["bytes"], 8 * (self.end - self.begin))
        self.figure(f"{report['bytes_per_second'] / 1e6:.0f} MB/s verified to 8 readers")

    def test_our_own_client_compares_every_byte(self):
        client = self.connect(self.walcast.port)
        client.start(self.begin, 1)
        for start in range(self.begin, self.end, 64 << 20):
            stop = min(self.end, start + (64 << 20))
            got_from, data = client.position, client.receive_until(stop)
            self.assertTrue(data == self.wal.read(1, got_from, client.position))

    def test_pg_receivewal_stops_at_endpos(self):
        archive = self.new_archive("stopped")
        middle = self.records[len(self.records) * 2 // 3].end
        archive.run_to(self.walcast.port, middle)
        self.assertIn("stopped log streaming", archive.process.stderr())
        self.assert_received(archive, middle)

    def test_pg_receivewal_resumes_after_being_killed(self):
        archive = self.new_archive("killed")
        gate = Gate(self.walcast.port, limit=(self.end - self.begin) // 2)
        self.addCleanup(gate.close)
        archive.start(gate.port)
        gate.wait_until_held()
        archive.kill_in_mid_segment()
        archive.run_to(self.walcast.port, self.records[-2].begin)
        self.assert_received(archive, self.records[-2].begin)


class RealWal1MB(RealWalTests, E2eCase):
    """Also the cluster that recycles: beyond its end of WAL lie segments with older WAL in them."""

    SEGMENT_MB = 1
    WAL_MEGABYTES = 60
    MINIMUM_MEGABYTES = 30
    SETTINGS = {"wal_keep_size": "40MB", "min_wal_size": "80MB"}

    @classmethod
    def prepare(cls):
        cls.primary.sql("CHECKPOINT; SELECT pg_switch_wal(); SELECT txid_current(); CHECKPOINT")

    def test_recycled_segments_lie_beyond_the_end(self):
        beyond = [name for name in self.wal.complete() if self.wal.start_of(name) > self.end]
        self.assertGreater(len(beyond), 0)
        with open(f"{self.wal.path}/{beyond[0]}", "rb") as segment:
            page_address = int.from_bytes(segment.read(16)[8:], "little")
        self.assertTrue(0 < page_address < self.end)


class RealWal16MB(RealWalTests, E2eCase):
    SEGMENT_MB = 16
    WAL_MEGABYTES = 320
    MINIMUM_MEGABYTES = 300


class RealWal64MB(RealWalTests, E2eCase):
    SEGMENT_MB = 64
    WAL_MEGABYTES = 140
    MINIMUM_MEGABYTES = 60
