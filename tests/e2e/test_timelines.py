"""A promoted standby's directory: the same tests for PostgreSQL on it and for walcast."""

import os

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.receivewal import Receivewal
from support.replication import CopyDone
from support.timelines import NEXT_TIMELINE_COLUMNS, fork_of, next_timeline_row
from support.wal import waldump
from support.walcast import Walcast
from support.workload import bulk_load, wal_of, write_wal

class PromotedCase(E2eCase):
    """A primary's copy, promoted; an older copy waits to follow it from timeline 1 to 2."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        write_wal(primary, megabytes=5)
        primary.stop()
        cls.old_copy = primary.cold_copy("old", recovery_target_timeline="latest")
        primary.start()
        bulk_load(primary, rows=5_000)
        primary.stop()
        cls.promoted = primary.cold_copy("promoted").start()
        cls.promoted.promote()
        bulk_load(cls.promoted, rows=5_000)
        cls.expected = cls.promoted.checksums()
        cls.wal = wal_of(cls.promoted)
        cls.history = os.path.join(cls.wal.path, "00000002.history")
        cls.fork = fork_of(cls.history)
        cls.port = cls.promoted.port

    def setUp(self):
        self.client = self.connect(self.port)
        _, self.timeline, position = self.client.identify()
        self.end = parse_lsn(position)


class TimelineTests:
    """Mixed into one class per server."""

    def assert_next_timeline(self, answer, prefix=""):
        self.assertEqual(answer.types(), prefix + "TDCCZ")
        self.assertEqual(answer.bodies("T"), [NEXT_TIMELINE_COLUMNS])
        self.assertEqual(answer.bodies("D"), [next_timeline_row(self.fork)])
        self.assertEqual(answer.tags, ["START_STREAMING", "START_REPLICATION"])

    def assert_error(self, answer, text, detail=None):
        self.assertEqual(answer.types(), "EZ")
        self.assertEqual((answer.error["S"], answer.error["C"]), ("ERROR", "XX000"))
        self.assertEqual((answer.error["M"], answer.error.get("D")), (text, detail))

    def test_the_newest_timeline_is_reported(self):
        self.assertEqual(self.timeline, 2)

    def test_the_old_timeline_ends_at_the_fork(self):
        begin = self.wal.begin(1)
        self.assertIsNone(self.client.start(begin, 1))
        data, event = self.client.receive_to_end()
        self.assertEqual(event, CopyDone())
        self.assertEqual(format_lsn(self.client.position), format_lsn(self.fork))
        self.assertTrue(data == self.wal.read(1, begin, self.fork))
        self.assert_next_timeline(self.client.stop())
        self.assertIsNone(self.client.start(self.fork - self.fork % self.wal.segment_size, 2))
        self.client.receive_until(self.end)

    def test_leaving_the_old_timeline_early_names_the_next_one_too(self):
        self.client.start(self.wal.begin(1), 1)
        self.client.next_event()
        self.assert_next_timeline(self.client.stop(), prefix="c")

    def test_a_start_at_the_fork_streams_nothing(self):
        self.assert_next_timeline(self.client.start(self.fork, 1))
        self.assert_next_timeline(self.client.start(self.fork, 1))

    def test_a_start_beyond_the_fork_is_refused(self):
        beyond = self.fork + 8
        self.assert_error(
            self.client.start(beyond, 1),
            f"requested starting point {format_lsn(beyond)} on timeline 1"
            " is not in this server's history",
            f"This server's history forked from timeline 1 at {format_lsn(self.fork)}.")

    def test_an_unknown_timeline_is_refused(self):
        self.assert_error(self.client.start(self.fork, 3),
                          "requested timeline 3 is not in this server's history")

    def test_without_a_timeline_the_newest_is_streamed(self):
        self.assertIsNone(self.client.start(self.fork))
        self.assertTrue(self.client.receive_until(self.end) ==
                        self.wal.read(2, self.fork, self.end))

    def test_a_start_before_the_new_timeline_misses_its_file(self):
        begin = self.wal.begin(1)
        self.assertIsNone(self.client.start(begin, 2))
        error = self.client.next_event().fields
        self.assertEqual((error["C"], error["M"]), (
            "58P01", f"requested WAL segment {self.wal.name(2, begin)} has already been removed"))
        self.assertEqual(self.client.result().types(), "Z")

    def test_the_history_file_is_sent_as_it_is(self):
        answer = self.client.query("TIMELINE_HISTORY 2")
        with open(self.history, "rb") as history:
            self.assertEqual(answer.rows, [(b"00000002.history", history.read())])
        self.assertEqual(answer.columns, [("filename", 25, -1, 0, 0), ("content", 25, -1, 0, 0)])
        self.assertEqual(answer.tags, ["TIMELINE_HISTORY"])

    def test_a_stock_standby_follows_to_the_new_timeline(self):
        follower = self.old_copy.cold_copy(
            "follower", primary_conninfo=self.promoted.conninfo(self.port)).start()
        self.addCleanup(follower.stop)
        follower.wait_for_replay(self.end)
        self.assertEqual(follower.checksums(), self.expected)
        self.assertEqual(follower.sql("SELECT received_tli FROM pg_stat_wal_receiver"), "2")

    def test_pg_receivewal_follows_to_the_new_timeline(self):
        archive = Receivewal(self.area, self.area.directory("archive"), self.wal.segment_size)
        first = self.wal.complete(1)[0]
        self.area.copy_file(f"{self.wal.path}/{first}", f"{archive.files.path}/{first}")
        target = waldump(self.area, self.wal, 2, self.fork, self.end)[0][-2].begin
        archive.run_to(self.port, target)
        self.assert_same_segments(archive.files, self.wal,
                                  ["00000002.history", *archive.files.complete(1),
                                   *archive.files.complete(2)])
        start = target - target % self.wal.segment_size
        self.assertTrue(archive.files.read(2, start, target) == self.wal.read(2, start, target))


class PostgresTimelines(TimelineTests, PromotedCase):
    pass


class WalcastTimelines(TimelineTests, PromotedCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.promoted.stop()
        cls.port = Walcast.of_directory(cls.area, cls.wal.path).port
