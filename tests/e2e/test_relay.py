"""A relay between a real primary and stock standbys: one stream in, a spool, and all behind it."""

import os
import re
import struct

from support.cluster import PgCluster, pg_program
from support.gate import Gate
from support.link import Link
from support.lsn import parse_lsn
from support.relay import RelayCase
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import fail_to_serve
from support.workload import bulk_load, wal_of

LOAD_SECONDS = int(os.environ.get("WALCAST_RELAY_SECONDS", 15))


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

    def test_what_the_cluster_decides_is_passed_on_and_kept(self):
        walcast = self.relay()
        names = ("data_checksums", "track_commit_timestamp", "segment_size", "wal_level",
                 "max_connections", "max_wal_size", "full_page_writes", "block_size",
                 "data_directory_mode", "in_hot_standby", "default_transaction_read_only")
        said = self.shown(self.primary.port, names)
        self.assertEqual(self.shown(walcast.port, names), said)
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(self.primary.flush_lsn())
        walcast.stop()
        self.primary.kill()
        walcast = self.relay()
        self.assertEqual(self.shown(walcast.port, names), said)
        self.primary.configure(max_connections="77", track_commit_timestamp="on")
        self.primary.start()
        client = self.connect(walcast.port)
        wait_until(lambda: client.query("SHOW max_connections").rows[0][0] == b"77",
                   "what the primary says now")
        self.assertEqual(self.shown(walcast.port, names), self.shown(self.primary.port, names))
        walcast.stop()

    def shown(self, port, names):
        client = self.connect(port)
        return {name: client.query(f"SHOW {name}").rows[0][0] for name in names}

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

    def test_the_primarys_own_pg_wal_is_no_spool(self):
        """As where a server is to be relayed that was attached to, and the path is kept."""
        self.primary.sql("CHECKPOINT")
        bulk_load(self.primary, rows=10_000)
        for directory in (self.primary.wal_path, os.path.dirname(self.primary.wal_path)):
            before = sorted(os.listdir(directory))
            for adopt in ({}, {"adopt_spool": True}):
                said = fail_to_serve(self.area, spool_directory=directory,
                                     primary_conninfo=self.primary.conninfo(),
                                     wal_keep_size="1MB", **adopt)
                self.assertIn("belongs to a running server", said)
            self.assertTrue(set(before) <= set(os.listdir(directory)), "nothing is removed")
            self.assertNotIn("walcast.spool", os.listdir(directory))


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


class AheadTest(RelayCase):
    """As after a crash of its host, the relay has less WAL than its standbys."""

    def test_a_standby_that_is_ahead_waits_for_the_relay(self):
        walcast = self.relay()
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(self.primary.flush_lsn())
        walcast.stop()
        bulk_load(self.primary, rows=10_000)
        end = parse_lsn(self.primary.flush_lsn())
        gate = Gate(self.primary.port, limit=200_000)
        walcast = self.relay("host=127.0.0.1,127.0.0.1 user=postgres"
                             f" port={gate.port},{self.primary.port}")
        gate.wait_until_held()
        client = self.connect(walcast.port)
        self.assertLess(parse_lsn(client.identify()[2]), end)
        self.assertIsNone(client.start(end))
        self.assertEqual(client.ping()[1], b"")
        beyond = self.connect(walcast.port)
        self.assertIsNone(beyond.start(end + (1 << 30)))
        self.assertRegex(beyond.next_event().fields["M"],
                         "^requested starting point .* is ahead of the WAL flush position")
        gate.close()
        bulk_load(self.primary, rows=1_000)
        later = parse_lsn(self.primary.flush_lsn())
        received = client.receive_until(later)
        self.assertEqual(received[:later - end], wal_of(self.primary).read(1, end, later))
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

    def test_feedback_passes_through_a_chain(self):
        first = self.relay()
        second = self.relay(self.primary.conninfo(first.port),
                            spool_directory=self.area.path(f"second-{self.id()}"))
        _, query = self.standby_with_query(second.port)
        wait_until(lambda: self.primary.sql(
            "SELECT backend_xmin IS NOT NULL FROM pg_stat_replication") == "t", "feedback")
        self.primary.sql("DELETE FROM old")
        self.assertEqual(self.vacuum(), 1000)
        query.query("COMMIT")
        wait_until(lambda: self.vacuum() == 0, "VACUUM may remove them")
        second.stop()
        wait_until(lambda: self.primary.sql(
            "SELECT backend_xmin IS NULL FROM pg_stat_replication") == "t", "nobody needs any")
        first.stop()

    def test_a_query_that_takes_too_long_is_left_out(self):
        walcast = self.relay(max_feedback_age="8s")
        _, query = self.standby_with_query(walcast.port)
        wait_until(lambda: self.primary.sql(
            "SELECT backend_xmin IS NOT NULL FROM pg_stat_replication") == "t", "feedback")
        self.primary.sql("DELETE FROM old")
        self.assertEqual(self.vacuum(), 1000)
        walcast.wait_for_log(r'feedback of process \d+ \(standby "walreceiver"\) is older than'
                             " max_feedback_age and is not passed on")
        wait_until(lambda: self.vacuum() == 0, "VACUUM may remove them")
        query.query("COMMIT")
        walcast.stop()

    def test_nobody_is_left_out_while_the_primary_is_idle(self):
        walcast = self.relay(max_feedback_age="3s", wal_receiver_status_interval="1s")
        _, query = self.standby_with_query(walcast.port)
        begin = wait_until(lambda: self.primary.sql(
            "SELECT reply_time FROM pg_stat_replication WHERE backend_xmin IS NOT NULL"),
            "feedback")
        wait_until(lambda: self.primary.sql(
            f"SELECT reply_time > timestamptz '{begin}' + interval '5 seconds'"
            " FROM pg_stat_replication") == "t", "five seconds of replies")
        self.primary.sql("DELETE FROM old")
        self.assertEqual(self.vacuum(), 1000)
        self.assertNotIn("max_feedback_age", walcast.log())
        walcast.wait_for_log("older than max_feedback_age")
        query.query("COMMIT")
        walcast.stop()

    def test_wrong_feedback_of_one_standby_takes_nothing_from_the_others(self):
        walcast = self.relay(wal_receiver_status_interval="1s")
        self.primary.sql("CHECKPOINT")  # which tells the epoch
        standby = self.standby("standby", walcast.port, hot_standby_feedback="on",
                               wal_receiver_status_interval="1s")
        odd = self.connect(walcast.port, application_name="odd")
        self.assertIsNone(odd.start(parse_lsn(self.primary.flush_lsn())))
        # A message with one wrong id is ignored by the primary as a whole.
        for xmin, epoch in ((1000, 7), (3_000_000_000, 0)):
            odd.send("d", struct.pack("!cqIIII", b"h", 0, 0, 0, xmin, epoch))
        walcast.wait_for_log('WARNING:  ignoring hot standby feedback of standby "odd"')
        for _ in range(2):
            xid = self.primary.sql("SELECT txid_current()")
            self.primary.sql("INSERT INTO old VALUES (1)")
            wait_until(lambda: self.primary.sql(
                f"SELECT backend_xmin::text::bigint >= {xid} FROM pg_stat_replication") == "t",
                "the standby's xmin moves on")
        odd.close()
        standby.stop()
        walcast.stop()

    def test_feedback_may_be_turned_off(self):
        walcast = self.relay(hot_standby_feedback="off")
        _, query = self.standby_with_query(walcast.port)
        self.primary.sql("DELETE FROM old")
        wait_until(lambda: self.vacuum() == 0, "VACUUM may remove them")
        query.query("COMMIT")
        walcast.stop()
