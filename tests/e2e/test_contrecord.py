"""A primary that is killed inside records which reach over segments, as PostgreSQL's recovery tests
026, 028, 039 and 043 have it, with walcast in the middle; and a promotion behind that, as 001, 004 and
025 have it.

    primary --> relay ----> near (to be promoted), far
       |  `---> attached --> beside
       `------> pg_receivewal --> archive --> walcast --> last
"""

import os
import threading

from support.case import E2eCase
from support.cluster import PgCluster, pg_program
from support.lsn import parse_lsn
from support.receivewal import Receivewal
from support.relay import random_pause
from support.timelines import fork_of
from support.wait import wait_until
from support.walcast import Walcast
from support.workload import wal_of

ROUNDS = int(os.environ.get("WALCAST_CONTRECORD_ROUNDS", 2))
# Each is longer than two segments, so most moments lie inside one.
MESSAGES = ("SELECT count(pg_logical_emit_message(false, 'x', repeat('x', 3 << 20)))"
            " FROM generate_series(1, 200)")


class ContrecordTest(E2eCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1, wal_sender_timeout="5s",
                                       max_wal_senders=20).start()
        cls.primary.sql("CREATE TABLE rounds (round int)")
        cls.primary.stop()
        names = ("near", "far", "beside", "last")
        cls.standbys = {name: cls.primary.cold_copy(
            name, recovery_target_timeline="latest", max_wal_senders=20) for name in names}
        cls.primary.start()
        cls.primary.sql("SELECT pg_create_physical_replication_slot('attached', true)")
        for cluster in (cls.primary, *cls.standbys.values()):
            cls.addClassCleanup(lambda cluster=cluster: cluster.process and cluster.kill())

    def begin_service(self):
        near = self.standbys["near"]
        retry = {"wal_retrieve_retry_interval": "100ms"}
        self.relay = Walcast(self.area, spool_directory=self.area.path("spool"),
                             primary_conninfo="host=127.0.0.1,127.0.0.1 user=postgres"
                             f" port={self.primary.port},{near.port}"
                             " target_session_attrs=read-write", **retry)
        attached = Walcast(self.area, wal_directory=self.primary.wal_path, **retry,
                           primary_conninfo=self.primary.conninfo(), primary_slot_name="attached")
        self.archive = Receivewal(self.area, self.area.directory("archive"),
                                  self.primary.segment_size)
        for name in wal_of(self.primary).complete():  # that its standby may need
            if wal_of(self.primary).start_of(name) < self.end() // (1 << 20) * (1 << 20):
                self.area.copy_file(f"{self.primary.wal_path}/{name}",
                                    f"{self.archive.files.path}/{name}")
        self.archive.start(self.primary.port)
        self.archive.wait_for_partial()
        self.primary.sql("INSERT INTO rounds VALUES (0)")
        archived = Walcast.of_directory(self.area, self.archive.files.path)
        for name, server in (("near", self.relay), ("far", self.relay), ("beside", attached),
                             ("last", archived)):
            self.standbys[name].configure(primary_conninfo=self.primary.conninfo(server.port))
            self.standbys[name].start()
        self.servers = (self.relay, attached, archived)

    def end(self, cluster=None):
        return parse_lsn((cluster or self.primary).flush_lsn())

    def relayed(self):
        return parse_lsn(self.connect(self.relay.port).identify()[2])

    def crash_inside_a_record(self):
        def load():
            self.area.run([pg_program("psql"), "-Xq", "-h", "127.0.0.1", "-p", self.primary.port, "-U",
                           "postgres", "-c", MESSAGES], check=False)
        thread = threading.Thread(target=load)
        before = self.end()
        thread.start()
        wait_until(lambda: self.end() > before + (1 << 20), "the first message")
        random_pause(0.0, 0.3)
        self.primary.crash()
        thread.join()

    def assert_all_have(self, rounds, standbys=None):
        expected = str(rounds)
        for standby in standbys or self.standbys.values():
            wait_until(lambda standby=standby: standby.sql("SELECT count(*) FROM rounds") == expected,
                       lambda standby=standby: f"{standby.name} has {rounds} rounds, it has "
                       + standby.sql("SELECT count(*), pg_last_wal_replay_lsn() FROM rounds") + "\n"
                       + standby.process.tail() + "".join(server.process.tail()
                                                          for server in self.servers), 180)

    def keep_archive_running(self, port):
        """pg_receivewal ends with its primary."""
        if self.archive.process.alive():
            self.archive.process.wait(30)
        self.archive.start(port)

    def bring_timeline(self, cluster):
        """What an archive_command of the promoted standby would copy with archive_mode = always:
        the relay may have had more of the dead primary's WAL than pg_receivewal."""
        fork = fork_of(os.path.join(cluster.wal_path, "00000002.history"))
        before_fork = [name for name in wal_of(cluster).complete(1)
                       if wal_of(cluster).start_of(name) + cluster.segment_size <= fork]
        second = [name for name in os.listdir(cluster.wal_path) if name.startswith("00000002")]
        for name in sorted([*before_fork, *second], key=len):  # the history first
            target = f"{self.archive.files.path}/{name}"
            if os.path.exists(target):
                continue
            self.area.copy_file(f"{cluster.wal_path}/{name}", f"{target}.new")
            os.rename(f"{target}.new", target)

    def promote_near(self):
        """It has all that the relay may have passed on, so its timeline forks where that ends. The
        relay has taken the last bytes of a dead primary when it has tried to connect again."""
        near = self.standbys["near"]
        wait_until(lambda: self.relay.process.count_in_log("Connection refused") > self.refused,
                   "the relay knows that its primary is gone")
        relayed = self.relayed()
        near.wait_for_replay(relayed)
        near.promote()
        near.process.wait_for("archive recovery complete")
        fork = fork_of(os.path.join(near.wal_path, "00000002.history"))
        self.assertEqual(fork, relayed)
        return near

    def test_records_that_a_crash_has_cut(self):
        self.begin_service()
        self.assert_all_have(1)
        for number in range(1, ROUNDS + 1):
            self.crash_inside_a_record()
            self.primary.start()
            self.primary.sql(f"INSERT INTO rounds VALUES ({number})")
            self.keep_archive_running(self.primary.port)
            self.assert_all_have(number + 1)
        skipped = {name: standby.process.count_in_log("successfully skipped missing contrecord")
                   for name, standby in self.standbys.items()}
        self.figure(f"{ROUNDS} crashes, records that were skipped: {skipped}")

        # The last crash is followed by a promotion. The record that it has cut is nowhere whole. A
        # kill may lose what is on its way to the relay and not what is to pg_receivewal, and with
        # WAL behind the fork its standby could not follow: so that has none of the last WAL.
        self.archive.process.stop()
        archived = self.end()
        wait_until(lambda: self.relayed() >= archived, "the relay has what is archived")
        self.refused = self.relay.process.count_in_log("Connection refused")
        self.crash_inside_a_record()
        near = self.promote_near()
        near.sql("INSERT INTO rounds VALUES (-1)")
        near.sql("SELECT pg_switch_wal()")
        near.sql("INSERT INTO rounds VALUES (-2)")
        end = self.end(near)  # PostgreSQL goes on to write, of which the archive gets nothing
        self.bring_timeline(near)
        self.assert_all_have(ROUNDS + 3, [self.standbys["far"], self.standbys["last"]])
        for name in ("far", "last"):
            standby = self.standbys[name]
            standby.wait_for_replay(end)
            self.assertEqual(standby.checksums(), near.checksums())
            self.assertEqual(standby.sql("SELECT received_tli FROM pg_stat_wal_receiver"), "2")
            self.assertNotRegex(standby.process.stderr(), "PANIC|incorrect resource manager")
        for server in self.servers:
            self.assertNotIn("bug", server.log())
        for server in (self.relay, self.servers[2]):
            server.stop()
