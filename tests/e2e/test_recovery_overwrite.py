"""A record whose end a crash has taken from the primary's disk, as PostgreSQL's recovery test 026
has it: others have its begin already, and behind that comes what says that it is void."""

import os

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.wal import WalFiles
from support.walcast import Walcast
from support.workload import wal_of

MB = 1 << 20


class OverwriteTest(E2eCase):
    """Three kinds of walcast that have the record's begin, up to the end of a segment, when the
    primary goes on without the next one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        cls.primary.sql("CREATE TABLE rows (word text)")
        cls.addClassCleanup(lambda: cls.primary.process and cls.primary.kill())
        cls.lose_the_end_of_a_record()
        cls.standbys = {name: cls.primary.cold_copy(name, recovery_target_timeline="latest")
                        for name in ("behind-relay", "behind-archive", "attached")}
        for standby in cls.standbys.values():
            cls.addClassCleanup(lambda standby=standby: standby.process and standby.kill())

    @classmethod
    def lose_the_end_of_a_record(cls):
        """The record begins shortly before a segment ends, and the next segment is lost."""
        cls.emit(MB - cls.end() % MB - 60_000 if cls.end() % MB < MB - 100_000 else MB)
        cls.emit(MB - cls.end() % MB - 60_000 if cls.end() % MB < MB - 100_000 else 0)
        cls.begin = cls.end()
        cls.emit(600_000)
        cls.lost = cls.begin // MB * MB + MB
        assert cls.begin > cls.lost - 100_000 and cls.end() > cls.lost + 8192
        cls.primary.crash()
        os.remove(wal_of(cls.primary).file(1, cls.lost))
        os.remove(f"{cls.primary.data}/postmaster.pid")

    @classmethod
    def emit(cls, size):
        cls.primary.sql(f"SELECT pg_logical_emit_message(true, 'x', repeat('x', {size}))")

    @classmethod
    def end(cls):
        return parse_lsn(cls.primary.flush_lsn())

    def copy_segments(self, target, end):
        """Those that are complete before `end`, as an archive_command copies them."""
        wal = wal_of(self.primary)
        for name in wal.complete():
            copy = f"{target}/{name}"
            if wal.start_of(name) + MB <= end and not os.path.exists(copy):
                self.area.copy_file(f"{wal.path}/{name}", f"{copy}.new")
                os.rename(f"{copy}.new", copy)

    def start_servers(self):
        """The directory is served from before the primary comes back, and ends before the record;
        the relay has all of its begin in its spool, and continues with what the primary has."""
        conninfo = self.primary.conninfo()
        archive = Walcast.of_directory(self.area, self.archive.path)
        self.assertEqual(self.connect(archive.port).identify()[2], format_lsn(self.begin))
        self.primary.start()
        relay = Walcast(self.area, spool_directory=self.spool.path, adopt_spool=True,
                        primary_conninfo=conninfo)
        attached = Walcast(self.area, wal_directory=self.primary.wal_path,
                           primary_conninfo=conninfo, primary_slot_name="attached",
                           create_primary_slot=True)
        return {"behind-relay": relay, "behind-archive": archive, "attached": attached}

    def test_what_overwrites_it_reaches_standbys_that_have_its_begin(self):
        self.archive = WalFiles(self.area.directory("archive"), MB)
        self.spool = WalFiles(self.area.directory("spool"), MB)
        for files in (self.archive, self.spool):
            self.copy_segments(files.path, self.lost)
        servers = self.start_servers()
        for name, standby in self.standbys.items():
            standby.configure(primary_conninfo=self.primary.conninfo(servers[name].port))
            standby.start()
        self.primary.sql("INSERT INTO rows VALUES ('hello')")
        self.emit(100)
        end = self.end()
        self.primary.sql("SELECT pg_switch_wal()")
        self.copy_segments(self.archive.path, self.end())
        first = self.begin // MB * MB
        expected = wal_of(self.primary).read(1, first, end)
        for name, standby in self.standbys.items():
            with self.subTest(name):
                standby.wait_for_replay(end)
                self.assertEqual(standby.sql("SELECT word FROM rows"), "hello")
                self.assertEqual(standby.process.count_in_log(
                    "successfully skipped missing contrecord at"), 1)
                client = self.connect(servers[name].port)
                self.assertIsNone(client.start(first, 1))
                self.assertTrue(client.receive_until(end)[:end - first] == expected)
                client.close()
        for server in servers.values():
            self.assertNotRegex(server.log(), "ERROR|invalid WAL")
            server.stop()
