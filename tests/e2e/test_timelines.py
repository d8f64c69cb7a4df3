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


class BranchTest(PromotedCase):
    """A copy of the promoted standby's directory, in which history files are missing, or WAL of
    another branch lies."""

    def serve_copy(self, **options):
        walcast = Walcast.of_directory(self.area, self.copy, **options)
        self.addCleanup(walcast.stop)
        return walcast, self.connect(walcast.port)

    def setUp(self):
        super().setUp()
        self.copy = self.area.directory(self.id().rsplit(".", 1)[-1])
        for name in [*self.wal.complete(1), *self.wal.complete(2), "00000002.history"]:
            self.area.copy_file(f"{self.wal.path}/{name}", f"{self.copy}/{name}")

    def plant(self, timeline, history):
        """WAL of another branch; a segment that begins with its parent's is enough."""
        self.area.write_file(f"{self.copy}/{timeline:08X}.history", history)
        first = self.wal.complete(1)[1]
        self.area.copy_file(f"{self.wal.path}/{first}", f"{self.copy}/{timeline:08X}{first[8:]}")

    def test_an_abandoned_timeline_takes_nothing_over(self):
        self.plant(3, f"1\t{format_lsn(self.wal.begin(1) + (1 << 20))}\trestore test\n")
        walcast, client = self.serve_copy()
        _, timeline, end = client.identify()
        self.assertEqual(timeline, 2)
        self.assertGreater(parse_lsn(end), self.fork)
        walcast.wait_for_log('timeline 3 is not a child of timeline 2 by its history file '
                             '"00000003.history"')
        _, other = self.serve_copy(recovery_target_timeline="3")
        self.assertEqual(other.identify()[1], 3)
        _, oldest = self.serve_copy(recovery_target_timeline="current")
        self.assertEqual(oldest.identify()[1], 1)

    def test_a_missing_history_is_derived(self):
        with open(self.history, "rb") as file:
            second = file.read()
        os.remove(f"{self.copy}/00000002.history")
        last = self.end - 1  # of the newest segment: one that begins at the end has no file yet
        fork = last - last % self.wal.segment_size
        text = f"{second.decode()}\n2\t{format_lsn(fork)}\tx\n"
        self.area.write_file(f"{self.copy}/00000003.history", text)
        name = self.wal.name(2, fork)
        self.area.copy_file(f"{self.wal.path}/{name}", f"{self.copy}/00000003{name[8:]}")
        _, client = self.serve_copy()
        self.assertEqual(client.identify()[1], 3)
        self.assertEqual(client.query("TIMELINE_HISTORY 2").rows, [(b"00000002.history", second)])
        self.assertEqual(client.query("TIMELINE_HISTORY 3").rows,
                         [(b"00000003.history", text.encode())])

    def test_nothing_beyond_a_known_fork_is_served(self):
        for name in self.wal.complete(2):
            os.remove(f"{self.copy}/{name}")
        before = self.fork - self.fork % 8192 - 8
        self.area.write_file(f"{self.copy}/00000002.history", f"1\t{format_lsn(before)}\tx\n")
        _, client = self.serve_copy()
        self.assertEqual(client.identify()[1:], (1, format_lsn(before)))


class StandsStillTest(PromotedCase):
    """A new segment that may not be read, and one that is late."""

    def test_the_log_names_the_file_and_streams_go_on(self):
        copy = self.area.directory("still")
        names = self.wal.complete(2)
        for name in [*self.wal.complete(1), "00000002.history", names[0]]:
            self.area.copy_file(f"{self.wal.path}/{name}", f"{copy}/{name}")
        walcast = Walcast.of_directory(self.area, copy)
        self.addCleanup(walcast.stop)
        client = self.connect(walcast.port)
        start = self.wal.start_of(names[0])
        # It has all of the first segment, which ends inside a record, and waits for the next.
        self.assertIsNone(client.start(start + self.wal.segment_size, 2))
        self.assertEqual(client.ping()[1], b"")
        later = f"{copy}/{names[1]}"
        self.area.copy_file(f"{self.wal.path}/{names[1]}", f"{later}.new")
        os.chmod(f"{later}.new", 0)
        os.rename(f"{later}.new", later)
        walcast.wait_for_log(f'WARNING:  could not open file ".*{names[1]}": Permission denied')
        os.chmod(later, 0o600)
        client.receive_until(start + self.wal.segment_size + 100_000)
        walcast.wait_for_log("reading WAL goes on at")
