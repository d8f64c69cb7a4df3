"""Directories in which something is wrong: a clear error, and no other session is disturbed."""

import os

from support.case import StoppedCase
from support.cluster import PgCluster
from support.lsn import format_lsn
from support.replication import StreamError
from support.walcast import fail_to_serve
from support.wal import PAGE
from support.workload import bulk_load, wal_of


class BadDirectoryTest(StoppedCase):
    """What PostgreSQL says of the same files is in walsender.c, WalSndSegmentOpen, and in
    xlogutils.c, WALReadRaiseError. A bystander streams at the end all the while."""

    def setUp(self):
        self.copy = self.copy_of_wal()
        self.segments = self.copy.complete()

    def begin_service(self):
        self.walcast = self.serve(self.copy)
        self.client = self.connect(self.walcast.port)
        self.bystander = self.connect(self.walcast.port)
        self.bystander.start(self.end, 1)
        self.bystander.ping()

    def start_of(self, index):
        return self.wal.start_of(self.segments[index])

    def path_of(self, index):
        return os.path.join(self.copy.path, self.segments[index])

    def assert_stream_fails(self, start, at, code, text):
        """The stream brings all up to `at`, then this error, and the session goes on."""
        self.assertIsNone(self.client.start(start, 1))
        data, event = self.client.receive_to_end()
        self.assertIsInstance(event, StreamError)
        self.assertEqual((event.fields["S"], event.fields["C"]), ("ERROR", code))
        self.assertRegex(event.fields["M"], text)
        self.assertLessEqual(self.client.position, max(start, at))
        self.assertTrue(data == self.wal.read(1, start, self.client.position))
        self.assertEqual(self.client.result().types(), "Z")

    def assert_nobody_is_disturbed(self):
        self.assertEqual(self.bystander.ping()[1], b"")
        self.assertEqual(self.client.identify()[0], self.system_identifier)

    def assert_all_flows(self, start):
        self.assertIsNone(self.client.start(start, 1))
        self.assertTrue(self.client.receive_until(self.end) == self.wal.read(1, start, self.end))

    def test_a_segment_is_missing(self):
        os.remove(self.path_of(4))
        self.begin_service()
        removed = f"requested WAL segment {self.segments[4]} has already been removed"
        for start in (self.start_of(4), self.start_of(4) + 4711, self.start_of(2)):
            with self.subTest(format_lsn(start)):
                self.assert_stream_fails(start, self.start_of(4), "58P01", f"^{removed}$")
        self.assert_nobody_is_disturbed()
        self.assert_all_flows(self.start_of(5))

    def test_a_missing_segment_comes_back(self):
        os.rename(self.path_of(4), self.path_of(4) + ".away")
        self.begin_service()
        gap = self.start_of(4)
        self.assert_stream_fails(gap, gap, "58P01", "already been removed")
        os.rename(self.path_of(4) + ".away", self.path_of(4))
        self.assert_all_flows(self.start_of(4))

    def test_a_segment_before_the_first(self):
        self.begin_service()
        before = self.start_of(0) - self.wal.segment_size
        self.assert_stream_fails(before, before, "58P01",
                                 f"^requested WAL segment {self.wal.name(1, before)}"
                                 " has already been removed$")
        self.assert_nobody_is_disturbed()

    def test_an_old_segment_is_truncated(self):
        os.truncate(self.path_of(4), 61 * PAGE + 17)
        self.begin_service()
        self.assert_stream_fails(self.start_of(2), self.start_of(4) + 61 * PAGE + 17, "XX001",
                                 f"could not read from log segment {self.segments[4]}, offset ")
        self.assert_nobody_is_disturbed()
        self.assert_all_flows(self.start_of(5))

    def test_the_newest_segment_is_truncated(self):
        size = self.wal.segment_size
        cut = next(r for r in reversed(self.records)
                   if r.length > 64 and r.begin % size + 40 < size)
        while self.start_of(-1) > cut.begin:
            os.remove(self.path_of(-1))
            self.segments.pop()
        os.truncate(self.path_of(-1), cut.begin % size + 40)
        client = self.connect(self.serve(self.copy).port)
        self.assertEqual(client.identify()[2], format_lsn(cut.begin))
        client.start(self.begin, 1)
        self.assertTrue(client.receive_until(cut.begin) ==
                        self.wal.read(1, self.begin, cut.begin))
        self.assertEqual(client.ping()[1], b"")

    def test_the_newest_segment_is_of_size_zero(self):
        os.truncate(self.path_of(-1), 0)
        client = self.connect(self.serve(self.copy).port)
        client.start(self.begin, 1)
        last = max(r.end for r in self.records if r.end <= self.start_of(-1))
        client.receive_until(last)
        self.assertLessEqual(client.ping()[0].wal_end, self.start_of(-1))

    def test_a_segment_may_not_be_read(self):
        os.chmod(self.path_of(4), 0)
        self.begin_service()
        denied = f'^could not open file ".*{self.segments[4]}": Permission denied$'
        for start in (self.start_of(4), self.start_of(2)):
            self.assert_stream_fails(start, self.start_of(4), "42501", denied)
        self.assert_nobody_is_disturbed()
        os.chmod(self.path_of(4), 0o600)
        self.assert_all_flows(self.start_of(4))

    def test_files_of_other_kinds_are_no_segments(self):
        newest = self.segments[-1]
        for name in ("README", "00000001000000000000000G", f"{newest}.00000028.backup",
                     f"{newest}.gz", f"{newest}.tmp", newest[:-1], "FFFFFFFFFFFFFFFFFFFFFFFF.tmp"):
            self.area.write_file(f"{self.copy.path}/{name}", "not WAL\n")
        os.makedirs(f"{self.copy.path}/archive_status/{newest}.done")
        self.begin_service()
        self.assert_nobody_is_disturbed()
        self.assert_all_flows(self.begin)


class ForeignWalTest(StoppedCase):
    """Segments of two clusters in one directory."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        foreign = PgCluster.create(cls.area, "foreign", segment_mb=1).start()
        bulk_load_until(foreign, cls.end)
        foreign.stop()
        cls.foreign = wal_of(foreign)
        cls.foreign_identifier = foreign.system_identifier()

    def plant(self, copy, name):
        self.area.copy_file(f"{self.foreign.path}/{name}", f"{copy.path}/{name}")

    def assert_other_system_is_logged(self, walcast):
        walcast.wait_for_log(
            "WAL file is from different database system: WAL file database system identifier is "
            f"{self.foreign_identifier}, .*database system identifier is {self.system_identifier}")

    def test_an_old_segment_is_of_another_system(self):
        copy = self.copy_of_wal()
        name = copy.complete()[4]
        self.plant(copy, name)
        walcast = self.serve(copy)
        client, other = self.connect(walcast.port), self.connect(walcast.port)
        client.start(self.begin, 1)
        boundary = self.wal.start_of(name)
        sound = max(record.end for record in self.records if record.end <= boundary)
        client.receive_until(sound)
        self.assert_other_system_is_logged(walcast)
        self.assertLessEqual(client.ping()[0].wal_end, boundary)
        other.start(self.wal.start_of(copy.complete()[5]), 1)
        other.receive_until(self.end)

    def test_the_newest_segment_is_of_another_system(self):
        copy = self.copy_of_wal()
        self.plant(copy, copy.complete()[-1])
        self.assertRegex(
            fail_to_serve(self.area, wal_directory=copy.path),
            "WAL file is from different database system: WAL file database system identifier is "
            f"({self.foreign_identifier}|{self.system_identifier}), "
            f".*identifier is ({self.foreign_identifier}|{self.system_identifier})")


def bulk_load_until(cluster, lsn):
    """Until the cluster has a segment of the same name as the one that holds `lsn`."""
    cluster.sql("CREATE TABLE bulk (id int, words text)")
    while not os.path.exists(wal_of(cluster).file(1, lsn)):
        bulk_load(cluster, rows=5_000)
