"""Stock PostgreSQL 15 standbys that have never seen their primary, only walcast."""

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.receivewal import Receivewal
from support.wal import waldump
from support.walcast import Walcast
from support.workload import bulk_load, wal_of, write_wal


class StandbyTest(E2eCase):
    """The base is a cold copy made early; each test makes its standby of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary").start()
        write_wal(cls.primary, megabytes=60)
        cls.primary.stop()
        cls.base = cls.primary.cold_copy("base")

    def new_standby(self, name, port):
        """Started, and stopped when the test ends."""
        standby = self.base.cold_copy(name, primary_conninfo=self.primary.conninfo(port))
        standby.start()
        self.addCleanup(standby.stop)
        return standby

    def assert_streams(self, standby):
        self.assertEqual(standby.sql("SELECT status FROM pg_stat_wal_receiver"), "streaming")
        self.assertEqual(standby.process.count_in_log("started streaming WAL"), 1)

    def test_a_standby_streams_and_replays_what_the_directory_holds(self):
        self.primary.start()
        bulk_load(self.primary, rows=30_000)
        self.primary.pgbench("-n", "-c", 4, "-t", 500)
        expected = self.primary.checksums()
        self.primary.stop()
        wal = wal_of(self.primary)
        end = waldump(self.area, wal, 1, wal.begin())[0][-1].end
        walcast = Walcast.of_directory(self.area, wal.path)
        standby = self.new_standby("standby", walcast.port)
        standby.wait_for_replay(end)
        self.assertEqual(standby.checksums(), expected)
        self.assert_streams(standby)

    def test_wal_that_arrives_in_the_directory_reaches_a_standby_live(self):
        archive = self.new_archive()
        self.primary.start()
        self.addCleanup(self.primary.stop)
        archive.start(self.primary.port)
        archive.wait_for_partial()
        complete = len(archive.files.complete())
        walcast = Walcast.of_directory(self.area, archive.files.path)
        standby = self.new_standby("live", walcast.port)
        standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        for _ in range(3):
            bulk_load(self.primary, rows=10_000)
            self.primary.pgbench("-n", "-c", 4, "-t", 500)
            standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
            self.assertEqual(standby.checksums(), self.primary.checksums())
        self.assert_streams(standby)
        self.assertGreaterEqual(len(archive.files.complete()), complete + 2)

    def new_archive(self):
        """What pg_receivewal would have received by now, without the segment in work."""
        wal = wal_of(self.primary)
        end = waldump(self.area, wal, 1, wal.begin())[0][-1].end
        archive = Receivewal(self.area, self.area.directory("archive"), wal.segment_size)
        for name in wal.complete():
            if wal.start_of(name) + wal.segment_size <= end:
                self.area.copy_file(f"{wal.path}/{name}", f"{archive.files.path}/{name}")
        return archive


class StrangerTest(E2eCase):
    """A standby of another cluster is the client's own business, and harms no other."""

    def test_a_standby_of_another_system_refuses_to_stream(self):
        primary = PgCluster.create(self.area, "primary", segment_mb=1)
        stranger = PgCluster.create(self.area, "stranger", segment_mb=1)
        walcast = Walcast.of_directory(self.area, primary.wal_path)
        copy = stranger.cold_copy("copy", primary_conninfo=primary.conninfo(walcast.port)).start()
        copy.process.wait_for("database system identifier differs between the primary and standby")
        self.assertEqual(self.connect(walcast.port).identify()[0], primary.system_identifier())
