"""Synchronous commit through a relay: what a client saw committed is where it must be."""

import itertools
import os
import random
import threading

from support.lsn import parse_lsn
from support.relay import RelayCase, Writer, random_pause
from support.replication import Keepalive, ReplicationClient
from support.wait import wait_until

ROUNDS = int(os.environ.get("WALCAST_RELAY_ROUNDS", 5))


class CommitCase(RelayCase):
    """Rounds of writers until the primary and the relay are killed, at random moments."""

    WRITERS = 8

    def setUp(self):
        super().setUp()
        self.primary.sql("CREATE TABLE committed (id int)")
        self.numbers = itertools.count()
        self.confirmed = set()

    def play_rounds(self):
        self.seed_chance()
        for number in range(ROUNDS):
            with self.subTest(number, seed=self.seed):
                begin, committed = self.write_until_killed()
                # There is no server that could give the relay again what it has lost.
                in_spool = self.commits_in_spool(begin)
                self.check_round()
                self.assertEqual(committed - in_spool, set(), "committed, and not in the spool")
        self.figure(f"{ROUNDS} rounds, {len(self.confirmed)} commits confirmed, none lost")
        self.assertGreater(len(self.confirmed), ROUNDS)
        self.primary.start()
        self.walcast.stop()

    def victims(self):
        """What kills one each."""
        return [self.primary.crash, self.walcast.process.kill]

    def write_until_killed(self):
        """Where this began, and the transactions that clients saw committed."""
        if not self.primary.process:
            self.primary.start()
        self.wait_until_synchronous()
        begin = parse_lsn(self.primary.flush_lsn())
        writers = [Writer(self.primary.port, self.numbers) for _ in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        kills = self.victims()
        random.shuffle(kills)
        for kill in kills:
            random_pause(0.0, 0.7)
            kill()
        for writer in writers:
            writer.join()
            self.confirmed.update(writer.confirmed)
        return begin, {xid for writer in writers for xid in writer.transactions}

    def end_of_relay(self):
        client = self.connect(self.walcast.port)
        end = parse_lsn(client.identify()[2])
        client.close()
        return end

    @staticmethod
    def rows_of(standby):
        return set(map(int, standby.sql("SELECT id FROM committed").split()))


class SynchronousTest(CommitCase):
    """The primary's commits wait for the relay's disk."""

    def setUp(self):
        super().setUp()
        self.walcast = self.relay()
        self.port = self.walcast.port
        self.standby_of_relay = self.standby("standby", self.port)
        self.make_commits_wait()

    def test_what_a_client_saw_committed_is_in_the_spool(self):
        self.play_rounds()

    def check_round(self):
        # Without its primary the relay has only its spool, and the standby only the relay.
        self.walcast = self.relay(port=self.port)
        self.standby_of_relay.wait_for_replay(self.end_of_relay())
        self.assertEqual(self.confirmed - self.rows_of(self.standby_of_relay), set())


class AnyOfThreeTest(CommitCase):
    """The primary's commits wait for the relay's disk, and for that of any one standby."""

    def setUp(self):
        super().setUp()
        self.walcast = self.start_relay()
        self.standbys = [self.standby(f"standby{i}", self.walcast.port, cluster_name=f"s{i}")
                         for i in range(3)]
        for standby in self.standbys:
            standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.make_commits_wait()
        self.lacking = 0

    def start_relay(self, **options):
        return self.relay(upstream_ack="any 1 (s0, s1, s2)", **options)

    def test_what_a_client_saw_committed_is_on_a_standby_and_in_the_spool(self):
        self.play_rounds()
        self.figure(f"{self.lacking} times a standby alone would not have had all of it")

    def victims(self):
        fallen = random.sample(self.standbys, random.randrange(len(self.standbys)))
        return [*super().victims(), *(standby.crash for standby in fallen)]

    def check_round(self):
        self.check_standbys_alone()
        # Without its primary the relay has only its spool, and standbys only the relay.
        self.walcast = self.start_relay(port=self.walcast.port)
        end = self.end_of_relay()
        for standby in self.standbys:
            standby.wait_for_replay(end)
            self.assertEqual(self.confirmed - self.rows_of(standby), set())

    def check_standbys_alone(self):
        """The primary is dead, and so is the relay."""
        for standby in self.standbys:
            if not standby.process:
                standby.start()
            standby.wait_for_replay_of_all()
        missing = [self.confirmed - self.rows_of(standby) for standby in self.standbys]
        self.assertEqual(set.intersection(*missing), set())
        self.lacking += sum(map(bool, missing))


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
        self.make_commits_wait()

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


class LevelsTest(RelayCase):
    """What each level of synchronous_commit waits for: the standbys behind the relay confirm what
    the test says, and no more."""

    LEVELS = ["on", "remote_apply", "remote_write"]

    def setUp(self):
        super().setUp()
        self.primary.sql("CREATE TABLE IF NOT EXISTS waited (id int)")

    def start_relay(self, *names, **options):
        """Returns standbys of these names: without any the relay would not be synchronous."""
        self.walcast = self.relay(wal_receiver_status_interval="1s", **options)
        # Before the primary is stopped, which waits for WAL that no standby confirms.
        self.addCleanup(self.walcast.process.kill)
        self.begin = parse_lsn(self.primary.flush_lsn())
        self.wait_for_spool_of(self.begin)
        standbys = [self.attach(name) for name in names]
        self.make_commits_wait()
        return standbys

    def wait_for_spool_of(self, lsn):
        client = self.connect(self.walcast.port)
        wait_until(lambda: parse_lsn(client.identify()[2]) >= lsn, "the relay has it")
        client.close()

    def attach(self, name):
        standby = self.connect(self.walcast.port, application_name=name)
        self.assertIsNone(standby.start(self.begin))
        self.confirm(standby, self.begin, self.begin, self.begin)
        return standby

    def commit(self, level):
        """The session of a commit at this level, which waits."""
        session = ReplicationClient.connect(self.primary.port, replication="false",
                                            database="postgres", application_name=level)
        self.addCleanup(session.close)
        self.assertIsNone(session.query(f"SET synchronous_commit = {level}").error)
        session.send("Q", b"INSERT INTO waited VALUES (1)\0")
        return session

    def waiting(self):
        return self.primary.sql("SELECT application_name FROM pg_stat_activity"
                                " WHERE wait_event = 'SyncRep' ORDER BY 1").split()

    def wait_for_commits(self, *levels):
        """Until so many wait. Returns the end of their WAL."""
        wait_until(lambda: self.waiting() == sorted(levels),
                   lambda: f"{levels} wait; {self.waiting()} do")
        return parse_lsn(self.primary.flush_lsn())

    def assert_still_waiting(self, *levels):
        """The primary hears once more from the relay, and that does not end their wait."""
        now = self.primary.sql("SELECT clock_timestamp()")
        wait_until(lambda: self.primary.sql(f"SELECT reply_time > timestamptz '{now}'"
                                            " FROM pg_stat_replication") == "t", "a reply")
        self.assertEqual(self.waiting(), sorted(levels))

    def assert_committed(self, session):
        answer = session.result()
        self.assertEqual((answer.error, answer.tags), (None, ["INSERT 0 1"]))
        self.assertEqual(answer.bodies("N"), [])

    @staticmethod
    def confirm(standby, write, flush, apply):
        """The relay has it when this returns."""
        standby.receive_until(write)
        standby.send_status(write, flush, apply, reply=True)
        while not isinstance(standby.next_event(), Keepalive):
            pass  # more WAL

    def test_each_level_waits_for_what_its_name_says(self):
        standby, _ = self.start_relay("s0", "s1", upstream_ack="any 1 (s0, s1)")
        sessions = {level: self.commit(level) for level in self.LEVELS}
        end = self.wait_for_commits(*self.LEVELS)
        self.assert_still_waiting(*self.LEVELS)
        self.confirm(standby, write=end, flush=self.begin, apply=self.begin)
        self.assert_committed(sessions["remote_write"])
        self.assert_still_waiting("on", "remote_apply")
        self.confirm(standby, write=end, flush=end, apply=self.begin)
        self.assert_committed(sessions["on"])
        self.assert_still_waiting("remote_apply")
        self.confirm(standby, write=end, flush=end, apply=end)
        self.assert_committed(sessions["remote_apply"])
        self.walcast.stop()

    def test_the_spool_alone_writes_and_flushes_but_applies_nothing(self):
        self.start_relay()
        sessions = {level: self.commit(level) for level in self.LEVELS}
        self.assert_committed(sessions["remote_write"])
        self.assert_committed(sessions["on"])
        self.wait_for_commits("remote_apply")
        self.assert_still_waiting("remote_apply")
        self.primary.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                         " WHERE wait_event = 'SyncRep'")
        answer = sessions["remote_apply"].result()
        self.assertIn(b"canceling wait for synchronous replication", answer.bodies("N")[0])
        self.walcast.stop()

    def test_all_means_each_of_them(self):
        a, b = self.start_relay("a", "b", upstream_ack="all (a, b)")
        session = self.commit("on")
        end = self.wait_for_commits("on")
        self.confirm(a, end, end, end)
        self.assert_still_waiting("on")
        self.confirm(b, end, end, end)
        self.assert_committed(session)
        # One that has gone does not confirm any more.
        a.close()
        session = self.commit("on")
        end = self.wait_for_commits("on")
        self.confirm(b, end, end, end)
        self.assert_still_waiting("on")
        self.confirm(self.attach("a"), end, end, end)
        self.assert_committed(session)
        self.walcast.stop()
