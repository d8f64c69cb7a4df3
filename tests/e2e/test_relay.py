"""A relay between a real primary and stock standbys: one stream in, a spool, all standbys behind."""

import itertools
import os
import random
import re
import signal
import threading

from support.case import E2eCase
from support.cluster import PgCluster, pg_program
from support.link import Link
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import SmallDiskWalcast, Walcast, fail_to_serve
from support.workload import bulk_load, wal_of

LOAD_SECONDS = int(os.environ.get("WALCAST_RELAY_SECONDS", 15))
KILLS = int(os.environ.get("WALCAST_RELAY_KILLS", 10))
FAILOVERS = int(os.environ.get("WALCAST_RELAY_FAILOVERS", 2))
ROUNDS = int(os.environ.get("WALCAST_RELAY_ROUNDS", 5))

_NEVER = threading.Event()  # what a random time is waited by


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
        # The copy ends early in a segment, and so the spool begins in the one that it asks for.
        self.primary.start()
        self.primary.sql("SELECT pg_switch_wal()")
        self.primary.stop()
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
            _NEVER.wait(random.uniform(1.0, 2.0))
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


class Writer(threading.Thread):
    """Inserts numbers, and remembers those whose commit the primary has confirmed."""

    def __init__(self, port, numbers):
        super().__init__(daemon=True)
        self._client = ReplicationClient.connect(port, replication="false", database="postgres")
        self._numbers = numbers
        self.confirmed = []

    def run(self):
        try:
            for number in self._numbers:
                answer = self._client.query(f"INSERT INTO committed VALUES ({number})")
                if answer.closed or answer.error:
                    break
                self.confirmed.append(number)
        except (OSError, AssertionError):
            pass  # the primary was killed
        finally:
            self._client.close()


class SynchronousTest(RelayCase):
    """The primary's commits wait for the relay's disk."""

    WRITERS = 8

    def setUp(self):
        super().setUp()
        self.primary.sql("CREATE TABLE committed (id int)")
        self.walcast = self.relay()
        self.port = self.walcast.port
        self.standby_of_relay = self.standby("standby", self.port)
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'walcast'")
        self.addCleanup(self.primary.sql, "ALTER SYSTEM RESET synchronous_standby_names")
        self.numbers = itertools.count()
        self.confirmed = set()

    def test_what_a_client_saw_committed_is_in_the_spool(self):
        self.seed = int(os.environ.get("WALCAST_TEST_SEED", random.randrange(1 << 32)))
        random.seed(self.seed)
        for number in range(ROUNDS):
            with self.subTest(number, seed=self.seed):
                self.play_round()
        self.figure(f"{ROUNDS} rounds, {len(self.confirmed)} commits confirmed, none lost")
        self.assertGreater(len(self.confirmed), ROUNDS)
        self.primary.start()
        self.walcast.stop()

    def play_round(self):
        if not self.primary.process:
            self.primary.start()
        self.primary.sql("SELECT pg_reload_conf()")
        wait_until(lambda: self.primary.sql(
            "SELECT sync_state FROM pg_stat_replication") == "sync", "the relay is synchronous")
        writers = [Writer(self.primary.port, self.numbers) for _ in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        kills = [self.primary.kill, self.walcast.process.kill]
        random.shuffle(kills)
        for kill in kills:
            _NEVER.wait(random.uniform(0.0, 0.7))
            kill()
        for writer in writers:
            writer.join()
            self.confirmed.update(writer.confirmed)
        # Without its primary the relay has only its spool, and the standby only the relay.
        self.walcast = self.relay(port=self.port)
        client = self.connect(self.port)
        end = parse_lsn(client.identify()[2])
        client.close()
        self.standby_of_relay.wait_for_replay(end)
        rows = set(map(int, self.standby_of_relay.sql("SELECT id FROM committed").split()))
        self.assertEqual(self.confirmed - rows, set())


class QuorumTest(RelayCase):
    """The primary's commits wait for standbys behind the relay."""

    def setUp(self):
        super().setUp()
        self.walcast = self.relay(upstream_ack="any 2 (s0, s1, s2)")
        self.standbys = [self.standby(f"standby{i}", self.walcast.port, cluster_name=f"s{i}")
                         for i in range(3)]
        self.primary.sql("CREATE TABLE IF NOT EXISTS waited (id int)")
        for standby in self.standbys:
            standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'walcast'")
        self.primary.sql("SELECT pg_reload_conf()")
        wait_until(lambda: self.primary.sql(
            "SELECT sync_state FROM pg_stat_replication") == "sync", "the relay is synchronous")
        self.addCleanup(self.primary.sql, "SELECT pg_reload_conf()")
        self.addCleanup(self.primary.sql, "ALTER SYSTEM RESET synchronous_standby_names")

    def insert(self, number, level):
        self.primary.sql(f"SET synchronous_commit = {level}; INSERT INTO waited VALUES ({number})")

    def holders(self, number):
        return [s.sql(f"SELECT count(*) FROM waited WHERE id = {number}") for s in self.standbys
                if s.process].count("1")

    def test_two_of_three_have_what_is_committed(self):
        for number in range(20):
            self.insert(number, "remote_apply")
            self.assertGreaterEqual(self.holders(number), 2)
        self.insert(100, "on")
        self.insert(101, "remote_write")
        self.standbys[0].kill()
        self.insert(102, "remote_apply")
        self.assertEqual(self.holders(102), 2)
        # One is too few, and the commit waits until there are two again.
        self.standbys[1].kill()
        waiting = threading.Thread(target=self.insert, args=(103, "on"), daemon=True)
        waiting.start()
        wait_until(lambda: self.primary.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1", "a wait")
        waiting.join(1.0)
        self.assertTrue(waiting.is_alive())
        self.standbys[0].start()
        waiting.join(60)
        self.assertFalse(waiting.is_alive())
        self.walcast.stop()


class FailoverTest(RelayCase):
    def setUp(self):
        super().setUp()
        self.walcast = self.relay()
        self.heir = self.standby("heir", self.walcast.port)

    def restart_with_both(self):
        """From now on the relay knows both; only the one that is no standby will do."""
        port = self.walcast.port
        self.walcast.stop()
        self.walcast = self.relay(
            f"host=127.0.0.1,127.0.0.1 port={self.primary.port},{self.heir.port} user=postgres"
            " target_session_attrs=read-write", port=port)

    def promote_heir(self):
        self.heir.promote()
        wait_until(lambda: self.heir.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")

    def load_and_wait(self, *standbys):
        bulk_load(self.primary, rows=3_000)
        end = parse_lsn(self.primary.flush_lsn())
        for standby in standbys:
            standby.wait_for_replay(end)

    def assert_follows_heir(self, standby):
        bulk_load(self.heir, rows=3_000)
        end = parse_lsn(self.heir.flush_lsn())
        standby.wait_for_replay(end)
        self.assertEqual(standby.checksums(), self.heir.checksums())
        self.assertEqual(self.walsenders(self.heir), ["walcast"])
        self.walcast.wait_for_log("timeline 2 follows timeline 1")
        self.assert_spool_is_the_primarys_wal(end, timeline=2, source=self.heir)
        self.walcast.stop()

    def test_standbys_follow_a_promoted_one_without_being_told(self):
        other = self.standby("other", self.walcast.port)
        self.restart_with_both()
        self.load_and_wait(self.heir, other)
        self.primary.kill()
        self.promote_heir()
        self.assert_follows_heir(other)

    def test_a_relay_that_was_away_follows_too(self):
        other = self.standby("other", self.walcast.port)
        self.load_and_wait(self.heir, other)
        port = self.walcast.port
        self.walcast.stop()
        self.primary.kill()
        self.promote_heir()
        bulk_load(self.heir, rows=1_000)
        self.walcast = self.relay(self.heir.conninfo(), port=port)
        self.assert_follows_heir(other)

    def test_an_upstream_that_has_diverged_is_refused_and_the_spool_stays(self):
        self.load_and_wait(self.heir)
        self.heir.stop()
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(end := self.primary.flush_lsn())
        self.walcast.stop()
        wal = self.primary.area.copy_tree(self.primary.wal_path, f"wal-{self.id()}")
        self.primary.kill()
        self.heir.configure(primary_conninfo="")
        self.heir.start()
        self.promote_heir()
        bulk_load(self.heir, rows=3_000)
        begin = self.spool.begin()
        received = self.spool.read(1, begin, parse_lsn(end))
        self.walcast = self.relay(self.heir.conninfo())
        self.walcast.wait_for_log("new timeline 2 forked off current database system timeline 1"
                                  " before current recovery point")
        client = self.connect(self.walcast.port)
        self.assertEqual(client.identify()[1:], (1, end))
        self.assertEqual(self.spool.read(1, begin, parse_lsn(end)), received)
        self.assertEqual(received, WalFiles(wal, self.spool.segment_size).read(
            1, begin, parse_lsn(end)))
        self.assertEqual(self.spool.complete(timeline=2), [])
        self.walcast.stop()


class FailbackTest(RelayCase):
    """Two servers that take turns as the primary; the one that was killed comes back by pg_rewind."""

    SETTINGS = {"wal_log_hints": "on"}

    def test_the_old_primary_returns_as_a_standby_through_the_relay(self):
        walcast = self.relay()
        heir, other = (self.standby(name, walcast.port) for name in ("heir", "other"))
        port = walcast.port
        walcast.stop()
        walcast = self.relay(
            f"host=127.0.0.1,127.0.0.1 port={self.primary.port},{heir.port} user=postgres"
            " target_session_attrs=read-write", port=port)
        primary = self.primary
        for timeline in range(2, 2 + FAILOVERS):
            bulk_load(primary, rows=1_000)
            heir.wait_for_replay(parse_lsn(primary.flush_lsn()))
            primary.kill()
            self.wait_for_all_of(port, heir)
            heir.promote()
            walcast.wait_for_log(f"timeline {timeline} follows timeline {timeline - 1}")
            bulk_load(heir, rows=1_000)
            self.rewind(primary, heir, port)
            end = parse_lsn(heir.flush_lsn())
            for standby in (primary, other):
                standby.wait_for_replay(end)
                self.assertEqual(standby.checksums(), heir.checksums())
            self.assertEqual(self.walsenders(heir), ["walcast"])
            primary, heir = heir, primary
        walcast.stop()
        for cluster in (primary, heir):
            cluster.kill()
        self.primary.process = None

    def wait_for_all_of(self, port, standby):
        """Until the standby has all that the relay has: what only the relay had would be lost."""
        client = self.connect(port)
        end = client.identify()[2]
        client.close()
        standby.wait_for_replay(parse_lsn(end))

    def rewind(self, old, new, port):
        new.sql("CHECKPOINT")  # so that its control file tells the new timeline
        self.area.run([pg_program("pg_rewind"), "--no-sync", "-D", old.data, "--source-server",
                       new.conninfo() + " dbname=postgres"])
        self.area.write_file(os.path.join(old.data, "standby.signal"), "")
        old.configure(primary_conninfo=new.conninfo(port))
        old.start()


class NetworkTest(RelayCase):
    """The relay's way to its primary."""

    def setUp(self):
        super().setUp()
        self.link = Link(self.primary.port)
        self.addCleanup(self.link.close)

    def test_a_cut_connection_is_made_again(self):
        walcast = self.relay(self.primary.conninfo(self.link.port))
        standby = self.standby("standby", walcast.port)
        for _ in range(5):
            bulk_load(self.primary, rows=1_000)
            self.link.cut()
        standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.assertEqual(standby.process.count_in_log("started streaming WAL"), 1)
        walcast.stop()

    def test_a_primary_that_says_nothing_any_more_is_left(self):
        walcast = self.relay(self.primary.conninfo(self.link.port), wal_receiver_timeout="1s")
        walcast.wait_for_log("started streaming WAL from primary")
        self.link.stall()
        bulk_load(self.primary, rows=1_000)
        walcast.wait_for_log("terminating walreceiver due to timeout")
        self.link.mend()
        self.wait_for_spool(self.primary.flush_lsn())
        walcast.stop()


class ChainTest(RelayCase):
    def test_a_relay_behind_a_relay_behind_a_relay(self):
        first = self.relay()
        spools = [self.area.path(f"{name}-{self.id()}") for name in ("second", "third")]
        second = self.relay(self.primary.conninfo(first.port), spool_directory=spools[0])
        third = self.relay(self.primary.conninfo(second.port), spool_directory=spools[1])
        standby = self.standby("standby", third.port)
        bulk_load(self.primary, rows=5_000)
        end = parse_lsn(self.primary.flush_lsn())
        standby.wait_for_replay(end)
        self.assertEqual(standby.checksums(), self.primary.checksums())
        begin = self.spool.begin()
        expected = wal_of(self.primary).read(1, begin, end)
        for spool in spools:
            self.assertEqual(WalFiles(spool, self.spool.segment_size).read(1, begin, end), expected)
        self.assertEqual(self.walsenders(), ["walcast"])
        for walcast in (third, second, first):
            walcast.stop()


class FeedbackTest(RelayCase):
    """A query on a standby behind the relay, and what it keeps on the primary."""

    def setUp(self):
        super().setUp()
        self.primary.sql("CREATE TABLE IF NOT EXISTS old (id int)")
        self.primary.sql("INSERT INTO old SELECT generate_series(1, 1000)")

    def standby_with_query(self, port):
        """The session of a query that will not end before we say so."""
        standby = self.standby("standby", port, hot_standby_feedback="on",
                               wal_receiver_status_interval="1s")
        standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        query = ReplicationClient.connect(standby.port, replication="false", database="postgres")
        self.addCleanup(query.close)
        for text in ("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM old"):
            self.assertIsNone(query.query(text).error)
        return standby, query

    def held_back(self):
        return self.primary.sql("SELECT backend_xmin IS NOT NULL AND age(backend_xmin) > 0"
                                " FROM pg_stat_replication") == "t"

    def vacuum(self):
        """How many dead rows VACUUM had to leave."""
        done = self.primary.area.run([
            pg_program("psql"), "-XqAt", "-h", "127.0.0.1", "-p", self.primary.port, "-U",
            "postgres", "-d", "postgres", "-c", "VACUUM (VERBOSE) old"])
        return int(re.search(r"(\d+) are dead but not yet removable", done.stderr)[1])

    def test_a_query_holds_vacuum_back_until_it_ends(self):
        walcast = self.relay()
        standby, query = self.standby_with_query(walcast.port)
        wait_until(lambda: self.primary.sql(
            "SELECT backend_xmin IS NOT NULL FROM pg_stat_replication") == "t", "feedback")
        self.primary.sql("DELETE FROM old")
        wait_until(self.held_back, "the query's xmin is the primary's")
        self.assertEqual(self.vacuum(), 1000)
        query.query("COMMIT")
        wait_until(lambda: self.vacuum() == 0, "VACUUM may remove them")
        standby.stop()
        wait_until(lambda: self.primary.sql(
            "SELECT backend_xmin IS NULL FROM pg_stat_replication") == "t", "nobody needs any")
        walcast.stop()

    def test_a_query_that_takes_too_long_is_left_out(self):
        walcast = self.relay(max_feedback_age="8s")
        _, query = self.standby_with_query(walcast.port)
        wait_until(lambda: self.primary.sql(
            "SELECT backend_xmin IS NOT NULL FROM pg_stat_replication") == "t", "feedback")
        self.primary.sql("DELETE FROM old")
        self.assertEqual(self.vacuum(), 1000)
        walcast.wait_for_log("is older than max_feedback_age and is not passed on")
        wait_until(lambda: self.vacuum() == 0, "VACUUM may remove them")
        query.query("COMMIT")
        walcast.stop()

    def test_feedback_may_be_turned_off(self):
        walcast = self.relay(hot_standby_feedback="off")
        _, query = self.standby_with_query(walcast.port)
        self.primary.sql("DELETE FROM old")
        wait_until(lambda: self.vacuum() == 0, "VACUUM may remove them")
        query.query("COMMIT")
        walcast.stop()


class FullDiskTest(RelayCase):
    """The spool lies on a file system of its own, in a mount namespace of the relay's."""

    def test_a_full_disk_pauses_the_stream_and_room_lets_it_go_on(self):
        if not SmallDiskWalcast.is_possible(self.area):
            self.skipTest("no user may mount anything here")
        mount = self.area.directory(f"mount-{self.id()}")
        walcast = SmallDiskWalcast(self.area, mount, megabytes=12, port=0, min_free_space="0",
                                   primary_conninfo=self.primary.conninfo(),
                                   spool_directory=f"{mount}/spool")
        inside = f"/proc/{walcast.process.pid}/root{mount}"
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(self.primary.flush_lsn())
        while not walcast.process.count_in_log("No space left on device; receiving WAL pauses"):
            bulk_load(self.primary, rows=2_000)
        client = self.connect(walcast.port)
        client.identify()  # sessions go on
        self.assertEqual(self.primary.sql("SELECT count(*) FROM pg_stat_replication"), "1")
        os.remove(f"{inside}/ballast")
        walcast.wait_for_log("receiving WAL goes on at")
        self.wait_for_spool(end := self.primary.flush_lsn())
        spool = WalFiles(f"{inside}/spool", self.spool.segment_size)
        begin = spool.begin()
        self.assertEqual(spool.read(1, begin, parse_lsn(end)),
                         wal_of(self.primary).read(1, begin, parse_lsn(end)))
        walcast.stop()
