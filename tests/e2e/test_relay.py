"""A relay between a real primary and stock standbys: one stream in, a spool, all standbys behind."""

import os
import random
import signal
import threading

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import Walcast, fail_to_serve
from support.workload import bulk_load, wal_of

LOAD_SECONDS = int(os.environ.get("WALCAST_RELAY_SECONDS", 15))
KILLS = int(os.environ.get("WALCAST_RELAY_KILLS", 10))


class RelayCase(E2eCase):
    """A primary that runs, and a cold copy of what it was before, to make standbys of."""

    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1, **cls.SETTINGS).start()
        cls.primary.pgbench("-i", "-q", "-s", 2)
        cls.primary.sql("CREATE TABLE bulk (id int, words text)")
        cls.primary.stop()

    def setUp(self):
        self.base = self.primary.cold_copy(f"base-{self.id()}")
        self.primary.start()
        self.addCleanup(self.stop_primary)
        self.spool = WalFiles(self.area.path(f"spool-{self.id()}"), self.primary.segment_size)

    def stop_primary(self):
        if self.primary.process:
            self.primary.stop()

    def relay(self, conninfo=None, **options):
        options = {"spool_directory": self.spool.path, "wal_retrieve_retry_interval": "100ms",
                   "primary_conninfo": conninfo or self.primary.conninfo(), **options}
        return Walcast(self.area, **options)

    def standby(self, name, port, **settings):
        standby = self.base.cold_copy(f"{name}-{self.id()}",
                                      primary_conninfo=self.primary.conninfo(port), **settings)
        self.addCleanup(lambda: standby.process and standby.kill())
        return standby.start()

    def walsenders(self, cluster=None):
        return (cluster or self.primary).sql(
            "SELECT application_name FROM pg_stat_replication").split()

    def wait_for_spool(self, lsn):
        """Until the primary knows that the relay has flushed so much."""
        wait_until(lambda: self.primary.sql(
            f"SELECT bool_or(flush_lsn >= '{lsn}') FROM pg_stat_replication") == "t",
            lambda: f"the spool has {lsn}; walsenders: {self.walsenders()}")

    def assert_spool_is_the_primarys_wal(self, end, timeline=1, source=None):
        wal = wal_of(source or self.primary)
        begin = self.spool.begin(timeline)
        self.assertEqual(self.spool.read(timeline, begin, end), wal.read(timeline, begin, end))

    def load(self, seconds, clients=4):
        """pgbench beside the test; its result is waited for by join()."""
        thread = threading.Thread(target=self.primary.pgbench,
                                  args=("-n", "-c", clients, "-T", seconds), daemon=True)
        thread.start()
        return thread


class FanOutTest(RelayCase):
    def test_three_standbys_follow_behind_one_walsender(self):
        walcast = self.relay()
        standbys = [self.standby(f"standby{i}", walcast.port) for i in range(3)]
        load = self.load(LOAD_SECONDS)
        bulk_load(self.primary, rows=20_000)
        load.join()
        end = self.primary.flush_lsn()
        self.assertEqual(self.walsenders(), ["walcast"])
        expected = self.primary.checksums()
        for standby in standbys:
            standby.wait_for_replay(parse_lsn(end))
            self.assertEqual(standby.checksums(), expected)
            self.assertEqual(standby.process.count_in_log("started streaming WAL"), 1)
            begin = self.spool.begin()
            self.assertEqual(wal_of(standby).read(1, begin, parse_lsn(end)),
                             wal_of(self.primary).read(1, begin, parse_lsn(end)))
        self.wait_for_spool(end)
        self.assert_spool_is_the_primarys_wal(parse_lsn(end))
        walcast.stop()

    def test_a_slot_on_the_primary_is_created_and_moves(self):
        walcast = self.relay(primary_slot_name="relay", create_primary_slot=True)
        bulk_load(self.primary, rows=5_000)
        end = self.primary.flush_lsn()
        wait_until(lambda: self.primary.sql(
            f"SELECT restart_lsn >= '{end}' AND active FROM pg_replication_slots"
            " WHERE slot_name = 'relay'") == "t", "the slot follows the spool")
        walcast.stop()
        self.relay(primary_slot_name="relay").stop()  # it is there, and free

    def test_a_lost_primary_is_found_again_and_standbys_stay(self):
        walcast = self.relay()
        standby = self.standby("standby", walcast.port)
        for _ in range(2):
            bulk_load(self.primary, rows=2_000)
            standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
            self.primary.kill()
            self.primary.start()
        bulk_load(self.primary, rows=2_000)
        standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.assertEqual(standby.checksums(), self.primary.checksums())
        self.assertEqual(standby.process.count_in_log("started streaming WAL"), 1)
        walcast.stop()

    def test_an_unreachable_primary_is_an_error_only_for_an_empty_spool(self):
        self.primary.stop()
        said = fail_to_serve(self.area, primary_conninfo=self.primary.conninfo(),
                             spool_directory=self.spool.path)
        self.assertIn("Connection refused", said)
        self.primary.start()
        walcast = self.relay()
        bulk_load(self.primary, rows=2_000)
        self.wait_for_spool(end := self.primary.flush_lsn())
        walcast.stop()
        self.primary.stop()
        walcast = self.relay()
        client = self.connect(walcast.port)
        self.assertGreaterEqual(parse_lsn(client.identify()[2]), parse_lsn(end))
        walcast.wait_for_log("Connection refused")
        walcast.stop()

    def test_the_conninfo_is_not_shown(self):
        walcast = self.relay(self.primary.conninfo() + " password=secret")
        shown = self.connect(walcast.port).query("SHOW primary_conninfo").rows[0][0]
        self.assertNotIn(b"secret", shown)
        walcast.stop()


class ForeignPrimaryTest(RelayCase):
    def test_the_wal_of_another_system_is_refused(self):
        walcast = self.relay()
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(end := self.primary.flush_lsn())
        walcast.stop()
        stranger = PgCluster.create(self.area, "stranger", segment_mb=1).start()
        self.addCleanup(stranger.process.kill)
        walcast = self.relay(stranger.conninfo())
        walcast.wait_for_log("database system identifier differs between the primary and standby")
        self.assert_spool_is_the_primarys_wal(parse_lsn(end))
        walcast.stop()


class KillTest(RelayCase):
    def test_nothing_is_lost_when_the_relay_is_killed_again_and_again(self):
        self.seed = int(os.environ.get("WALCAST_TEST_SEED", random.randrange(1 << 32)))
        random.seed(self.seed)
        walcast = self.relay()
        port = walcast.port
        standbys = [self.standby(f"standby{i}", port) for i in range(2)]
        load = self.load(seconds=2 * KILLS + 2)
        acknowledged = 0
        for _ in range(KILLS):
            self._stop.wait(random.uniform(1.0, 2.0))
            flushed = self.primary.sql("SELECT max(flush_lsn) FROM pg_stat_replication")
            acknowledged = max(acknowledged, parse_lsn(flushed) if flushed else 0)
            walcast.process.send_signal(signal.SIGKILL)
            walcast.process.wait()
            walcast = self.relay(port=port)
            client = self.connect(port)
            self.assertGreaterEqual(parse_lsn(client.identify()[2]), acknowledged)
            client.close()
        load.join()
        end = self.primary.flush_lsn()
        expected = self.primary.checksums()
        for standby in standbys:
            standby.wait_for_replay(parse_lsn(end))
            self.assertEqual(standby.checksums(), expected)
            self.assertNotRegex(standby.process.stderr(), "PANIC|incorrect|ahead of the WAL flush position")
        self.wait_for_spool(end)
        self.assert_spool_is_the_primarys_wal(parse_lsn(end))
        walcast.stop()

    _stop = threading.Event()


class SynchronousTest(RelayCase):
    SETTINGS = {"synchronous_standby_names": "walcast"}

    @classmethod
    def setUpClass(cls):
        # Nobody is there yet to confirm what makes the tables.
        settings, cls.SETTINGS = cls.SETTINGS, {}
        super().setUpClass()
        cls.primary.configure(**settings)

    def test_what_the_primary_has_committed_is_in_the_spool(self):
        walcast = self.relay()
        self.primary.sql("CREATE TABLE committed (id int)")
        for i in range(3):
            for _ in range(20):
                self.primary.sql(f"INSERT INTO committed VALUES ({i})")
            end = self.primary.flush_lsn()
            walcast.process.kill()
            walcast = self.relay()
            client = self.connect(walcast.port)
            self.assertGreaterEqual(parse_lsn(client.identify()[2]), parse_lsn(end))
            client.close()
        walcast.stop()


class FailoverTest(RelayCase):
    def test_standbys_follow_a_promoted_one_without_being_told(self):
        walcast = self.relay()
        heir = self.standby("heir", walcast.port)
        other = self.standby("other", walcast.port)
        # From now on the relay knows both; only a primary will do.
        port = walcast.port
        walcast.stop()
        both = (f"host=127.0.0.1,127.0.0.1 port={self.primary.port},{heir.port} user=postgres"
                " target_session_attrs=read-write")
        walcast = self.relay(both, port=port)
        bulk_load(self.primary, rows=3_000)
        end = parse_lsn(self.primary.flush_lsn())
        heir.wait_for_replay(end)
        other.wait_for_replay(end)
        self.primary.kill()
        heir.promote()
        wait_until(lambda: heir.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")
        bulk_load(heir, rows=3_000)
        end = parse_lsn(heir.flush_lsn())
        other.wait_for_replay(end)
        self.assertEqual(other.checksums(), heir.checksums())
        self.assertEqual(self.walsenders(heir), ["walcast"])
        walcast.wait_for_log("timeline 2 follows timeline 1")
        wait_until(lambda: parse_lsn(self.connect(port).identify()[2]) >= end, "the relay's end")
        self.assert_spool_is_the_primarys_wal(end, timeline=2, source=heir)
        walcast.stop()
