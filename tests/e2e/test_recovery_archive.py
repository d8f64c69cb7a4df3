"""Archives whose end PostgreSQL's recovery tests 028 and 043 make odd: WAL that only a later
timeline's segment has, and a record that goes on with a page of zeros. walcast serves them."""

import os

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.replication import CopyDone
from support.timelines import fork_of
from support.wait import wait_until
from support.wal import PAGE, WalFiles, waldump
from support.walcast import Walcast
from support.workload import wal_of

MB = 1 << 20


class ArchiveCase(E2eCase):
    def setUp(self):
        self.primary = PgCluster.create(self.area, f"primary-{self.id()}", segment_mb=1).start()
        self.primary.sql("CREATE TABLE rows (i int)")
        self.primary.sql("SELECT pg_switch_wal()")
        self.primary.stop()
        self.standby, self.late, *self.newcomers = map(self.copy, range(4))
        self.archive = WalFiles(self.area.directory(f"archive-{self.id()}"), MB)
        self.primary.start()
        self.addCleanup(lambda: self.primary.process and self.primary.kill())

    def copy(self, number):
        copy = self.primary.cold_copy(f"copy{number}-{self.id()}",
                                      recovery_target_timeline="latest")
        self.addCleanup(lambda: copy.process and copy.kill())
        return copy

    def archive_from(self, cluster, timeline):
        """What it has of a timeline, but for the segment in work; as an archive_command does it."""
        end = parse_lsn(cluster.flush_lsn()) if cluster.process else None
        for name in sorted(os.listdir(cluster.wal_path), key=len):  # the history first
            if not name.startswith(f"{timeline:08X}") or os.path.exists(self.archived(name)):
                continue
            if name.endswith(".history") or self.archive.start_of(name) + MB <= end:
                self.area.copy_file(f"{cluster.wal_path}/{name}", self.archived(name) + ".new")
                os.rename(self.archived(name) + ".new", self.archived(name))

    def archived(self, name):
        return f"{self.archive.path}/{name}"

    def promote(self, cluster):
        cluster.promote()
        wait_until(lambda: cluster.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")

    def rows_of(self, cluster):
        return cluster.sql("SELECT string_agg(i::text, ' ' ORDER BY i) FROM rows")


class PitrTest(ArchiveCase):
    def test_a_timeline_that_left_before_another_is_streamed_from_its_parents_begin(self):
        self.archive_from(self.primary, 1)
        self.primary.sql("INSERT INTO rows VALUES (1)")
        self.primary.sql("SELECT pg_create_restore_point('rp')")
        self.primary.sql("INSERT INTO rows VALUES (2)")
        end = parse_lsn(self.primary.flush_lsn())
        self.standby.configure(primary_conninfo=self.primary.conninfo())
        self.standby.start()
        self.standby.wait_for_replay(end)
        self.primary.crash()  # before its last segment is archived
        self.promote(self.standby)
        self.standby.sql("SELECT pg_switch_wal()")
        self.standby.sql("INSERT INTO rows VALUES (4)")
        self.archive_from(self.standby, 2)
        fork = fork_of(self.archived("00000002.history"))
        self.assertFalse(os.path.exists(self.archive.file(1, fork)))

        # Recovery to the point before, which only the second timeline's segment has. It becomes
        # timeline 3, which is no child of 2.
        pitr = self.late
        pitr.configure(restore_command=f'cp {self.archive.path}/%f "%p"',
                       recovery_target_name="rp", recovery_target_action="promote")
        pitr.start()
        wait_until(lambda: pitr.sql("SELECT pg_is_in_recovery()") == "f", "the recovery's end")
        self.assertEqual(self.rows_of(pitr), "1")
        pitr.sql("INSERT INTO rows VALUES (3)")
        pitr.sql("SELECT pg_switch_wal()")
        pitr.sql("INSERT INTO rows VALUES (5)")
        self.archive_from(pitr, 3)

        for target, expected in (("3", "1 3"), ("2", "1 2")):
            with self.subTest(target):
                self.assert_serves(target, expected)

    def assert_serves(self, target, expected):
        walcast = Walcast.of_directory(self.area, self.archive.path,
                                       recovery_target_timeline=target)
        fork = fork_of(self.archived(f"0000000{target}.history"))
        client = self.connect(walcast.port)
        self.assertEqual(client.identify()[1], int(target))
        begin = self.archive.begin(1)
        self.assertIsNone(client.start(begin, 1))
        data, event = client.receive_to_end()
        self.assertEqual((event, client.position), (CopyDone(), fork))
        start = fork - fork % MB
        self.assertTrue(data == self.archive.read(1, begin, start) +
                        self.archive.read(int(target), start, fork))
        standby = self.newcomers.pop()
        standby.configure(primary_conninfo=self.primary.conninfo(walcast.port))
        standby.start()
        wait_until(lambda: self.rows_of(standby) == expected,
                   lambda: f"{expected}, not {self.rows_of(standby)}\n{walcast.process.tail()}"
                   f"\n{standby.process.tail()}", 30)
        walcast.stop()


class LostPageTest(ArchiveCase):
    def test_a_record_that_goes_on_with_zeros_is_left_for_the_next_timeline(self):
        """The primary was lost within it. The standby that is promoted has read the same archive."""
        while not PAGE - 1500 < parse_lsn(self.primary.flush_lsn()) % PAGE < PAGE - 200:
            self.primary.sql("SELECT pg_logical_emit_message(true, '', repeat('a', 300))")
        end = parse_lsn(self.primary.flush_lsn())
        self.primary.sql("SELECT pg_logical_emit_message(true, '', repeat('a', 5000))")
        self.primary.crash()
        page = end // PAGE * PAGE + PAGE
        for name in wal_of(self.primary).complete():
            self.area.copy_file(f"{self.primary.wal_path}/{name}", self.archived(name))
        with open(self.archive.file(1, page), "r+b") as file:
            file.seek(page % MB)
            file.write(bytes(MB - page % MB))
        walcast = Walcast.of_directory(self.area, self.archive.path)
        self.assertEqual(self.connect(walcast.port).identify()[2], format_lsn(end))
        standbys = [self.standby, self.late]
        for standby in standbys:
            standby.configure(primary_conninfo=self.primary.conninfo(walcast.port),
                              restore_command=f'cp {self.archive.path}/%f "%p"')
            standby.start()
            standby.wait_for_replay(end)
        self.promote(self.standby)
        self.standby.sql("SELECT pg_switch_wal()")
        self.standby.sql("INSERT INTO rows SELECT generate_series(1, 1000)")
        self.standby.sql("SELECT pg_switch_wal()")
        self.archive_from(self.standby, 2)
        wait_until(lambda: self.late.sql("SELECT count(*) FROM rows") == "1000",
                   lambda: f"all rows\n{walcast.process.tail()}\n{self.late.process.tail()}", 30)
        records, _ = waldump(self.area, self.archive, 2, end)
        self.assertEqual(records[0].begin, end)
        walcast.stop()
