"""A relay whose primary is replaced by a standby behind it, and by the old primary again."""

import os
import time

from support.cluster import pg_program
from support.link import Link
from support.lsn import parse_lsn
from support.relay import RelayCase
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import fail_to_serve
from support.workload import bulk_load

FAILOVERS = int(os.environ.get("WALCAST_RELAY_FAILOVERS", 2))


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
        self.promote(self.heir)

    def promote(self, standby):
        standby.promote()
        wait_until(lambda: standby.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")

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

    def test_a_former_primary_that_is_back_is_passed_over(self):
        self.restart_with_both()
        self.load_and_wait(self.heir)
        self.primary.kill()
        self.promote_heir()
        self.walcast.wait_for_log("timeline 2 follows timeline 1")
        self.primary.start()
        self.restart_with_both()
        self.walcast.wait_for_log("ERROR:  highest timeline 1 of the primary is behind recovery"
                                  fr" timeline 2 \(host=127.0.0.1 port={self.primary.port}\)")
        self.walcast.wait_for_log("started streaming WAL from primary at .*"
                                  fr" \(host=127.0.0.1 port={self.heir.port}\)")
        bulk_load(self.heir, rows=1_000)
        end = parse_lsn(self.heir.flush_lsn())
        client = self.connect(self.walcast.port)
        wait_until(lambda: parse_lsn(client.identify()[2]) >= end, "the heir's WAL")
        self.walcast.stop()

    def test_another_timeline_of_the_same_number_is_refused(self):
        rival = self.standby("rival", self.walcast.port)
        self.restart_with_both()
        self.load_and_wait(self.heir, rival)
        rival.stop()
        self.load_and_wait(self.heir)
        self.primary.kill()
        self.promote_heir()
        self.walcast.wait_for_log("timeline 2 follows timeline 1")
        bulk_load(self.heir, rows=1_000)
        end = parse_lsn(self.heir.flush_lsn())
        client = self.connect(self.walcast.port)
        wait_until(lambda: parse_lsn(client.identify()[2]) >= end, "the heir's WAL")
        self.walcast.stop()
        begin = end - end % self.spool.segment_size
        received = self.spool.read(2, begin, end)
        rival.configure(primary_conninfo="")
        rival.start()
        self.promote(rival)
        while parse_lsn(rival.flush_lsn()) <= end:
            bulk_load(rival, rows=1_000)
        self.walcast = self.relay(rival.conninfo())
        self.walcast.wait_for_log("requested timeline 2 is not a child of this server's history")
        self.assertEqual(self.spool.read(2, begin, end), received)
        self.walcast.stop()


class HostsTest(RelayCase):
    """Several hosts, of which one takes connections and says nothing."""

    def setUp(self):
        super().setUp()
        self.silent = Link(self.primary.port)
        self.addCleanup(self.silent.close)
        self.silent.stall()

    def relay_of(self, *servers, extra="", **options):
        """A relay with these hosts, and how long it took to start."""
        begin = time.monotonic()
        walcast = self.relay(
            f"host={','.join('127.0.0.1' for _ in servers)} user=postgres"
            f" port={','.join(str(server.port) for server in servers)} {extra}", **options)
        return walcast, time.monotonic() - begin

    def wait_for_stream(self, walcast, server):
        walcast.wait_for_log("started streaming WAL from primary at .*"
                             fr" \(host=127.0.0.1 port={server.port}\)")

    def test_it_is_left_for_the_next_after_connect_timeout(self):
        walcast, seconds = self.relay_of(self.silent, self.primary, extra="connect_timeout=2")
        self.wait_for_stream(walcast, self.primary)
        self.assertGreaterEqual(seconds, 2)
        self.assertLess(seconds, 10)
        walcast.stop()

    def test_it_is_an_error_if_there_is_no_other(self):
        said = fail_to_serve(self.area, spool_directory=self.spool.path,
                             primary_conninfo=self.primary.conninfo(self.silent.port)
                             + " connect_timeout=1")
        self.assertIn(f'connection to server at "127.0.0.1", port {self.silent.port} failed:'
                      " timeout expired", said)

    def test_it_is_left_after_ten_seconds_if_there_is_no_other_limit(self):
        standby = self.standby("standby", self.primary.port)
        walcast, seconds = self.relay_of(self.silent, standby, self.primary,
                                         extra="target_session_attrs=primary")
        self.wait_for_stream(walcast, self.primary)
        self.assertGreaterEqual(seconds, 10)
        self.assertLess(seconds, 30)
        walcast.stop()

    def test_a_standby_is_preferred_and_the_primary_does_where_there_is_none(self):
        standby = self.standby("standby", self.primary.port)
        walcast, _ = self.relay_of(self.primary, self.silent, standby,
                                   extra="connect_timeout=2 target_session_attrs=prefer-standby")
        self.wait_for_stream(walcast, standby)
        standby.kill()
        self.wait_for_stream(walcast, self.primary)
        walcast.stop()

    def test_a_primary_that_hangs_is_left_for_the_one_that_is_promoted(self):
        self.silent.mend()
        walcast = self.relay()
        heir, other = (self.standby(name, walcast.port) for name in ("heir", "other"))
        port = walcast.port
        walcast.stop()
        walcast, _ = self.relay_of(self.silent, heir, port=port, wal_receiver_timeout="1s",
                                   extra="connect_timeout=2 target_session_attrs=read-write")
        bulk_load(self.primary, rows=1_000)
        heir.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.silent.stall()
        heir.promote()
        walcast.wait_for_log("timeline 2 follows timeline 1")
        bulk_load(heir, rows=1_000)
        other.wait_for_replay(parse_lsn(heir.flush_lsn()))
        self.assertEqual(other.checksums(), heir.checksums())
        walcast.stop()


class FailbackTest(RelayCase):
    """Two servers that take turns as the primary; the one that was killed returns by pg_rewind."""

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

    def rewind(self, old, new, port):
        new.sql("CHECKPOINT")  # so that its control file tells the new timeline
        self.area.run([pg_program("pg_rewind"), "--no-sync", "-D", old.data, "--source-server",
                       new.conninfo() + " dbname=postgres"])
        self.area.write_file(os.path.join(old.data, "standby.signal"), "")
        old.configure(primary_conninfo=new.conninfo(port))
        old.start()
