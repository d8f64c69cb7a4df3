"""Promotions while the primary writes: what the relay has received ends within a record."""

import os

from support.lsn import format_lsn, parse_lsn
from support.relay import RelayCase, random_pause
from support.wait import wait_until
from support.wal import WalFiles
from support.workload import bulk_load, wal_of

FAILOVERS = int(os.environ.get("WALCAST_RELAY_FAILOVERS", 2))


class PromotionCase(RelayCase):
    """WAL goes out when a segment is full, and records are longer: so mostly it ends within one."""

    SETTINGS = {"synchronous_commit": "off"}

    @staticmethod
    def end_of(server):
        """Of its last record: without a checkpoint, what is flushed may end within one."""
        server.sql("CHECKPOINT")
        return parse_lsn(server.flush_lsn())

    def assert_all_have_the_same(self, source, timeline, standbys):
        bulk_load(source, rows=1_000)
        end = self.end_of(source)
        wait_until(lambda: source.sql(f"SELECT bool_or(flush_lsn >= '{format_lsn(end)}')"
                                      " FROM pg_stat_replication") == "t", "the spool has it all")
        self.assert_spool_is_the_primarys_wal(end, timeline, source)
        begin = self.spool.begin(timeline)
        expected, checksums = wal_of(source).read(timeline, begin, end), source.checksums()
        for standby in standbys:
            standby.wait_for_replay(end)
            self.assertEqual(wal_of(standby).read(timeline, begin, end), expected)
            self.assertEqual(standby.checksums(), checksums)


class CrashUnderLoadTest(PromotionCase):
    """Primaries that die while they write, and each time a standby behind the relay takes over."""

    def test_the_relay_goes_on_with_one_heir_after_another(self):
        self.seed_chance()
        walcast = self.relay()
        port = walcast.port
        heirs = [self.standby(f"heir{i}", port) for i in range(FAILOVERS + 1)]
        follower = self.standby("follower", port)
        walcast.stop()
        servers = [self.primary, *heirs]
        walcast = self.relay(
            f"host={','.join('127.0.0.1' for _ in servers)} user=postgres"
            f" port={','.join(str(server.port) for server in servers)}"
            " target_session_attrs=read-write", port=port)
        primary = self.primary
        for timeline, heir in enumerate(heirs, start=2):
            self.crash_under_load(primary, walcast)
            fork = self.wait_for_all_of(port, heir)
            self.assert_spool_is_the_primarys_wal(fork, timeline - 1, primary)
            heir.promote()
            walcast.wait_for_log(f"timeline {timeline} follows timeline {timeline - 1}")
            primary = heir
        self.assert_all_have_the_same(primary, FAILOVERS + 2, [follower])
        self.assertEqual(self.walsenders(primary), ["walcast"])
        walcast.stop()  # the same process all the time

    def crash_under_load(self, primary, walcast):
        """Until the relay has all that it will ever get of it."""
        load = self.load_of_long_records(primary)
        begin = parse_lsn(primary.flush_lsn())
        wait_until(lambda: parse_lsn(primary.flush_lsn()) > begin + (10 << 20), "a load")
        random_pause(0.0, 0.3)
        primary.crash()
        load.wait()
        walcast.wait_for_log(f"port {primary.port} failed: Connection refused")


class PromotedUpstreamTest(PromotionCase):
    """The relay's upstream is a standby, and stays on the line while the timeline changes."""

    def test_a_stream_goes_on_with_the_next_timeline(self):
        self.seed_chance()
        for number in range(FAILOVERS):
            with self.subTest(number, seed=self.seed):
                self.take_base(f"base{number}")
                heir = self.standby(f"heir{number}", self.primary.port)
                self.spool = WalFiles(self.area.path(f"spool{number}"), self.spool.segment_size)
                walcast = self.relay(heir.conninfo())
                follower = self.standby(f"follower{number}", walcast.port)
                self.promote_in_a_load(heir, follower)
                walcast.wait_for_log("timeline 2 follows timeline 1")
                self.assert_all_have_the_same(heir, 2, [follower])
                self.assert_one_connection(walcast, heir, follower)
                for server in (follower, heir):
                    server.kill()
                walcast.stop()

    def promote_in_a_load(self, heir, follower):
        follower.wait_for_replay(begin := self.end_of(self.primary))
        load = self.load_of_long_records(self.primary)
        follower.wait_for_replay(begin + (10 << 20))
        random_pause(0.0, 0.3)
        heir.promote()
        load.kill()
        wait_until(lambda: heir.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")

    def assert_one_connection(self, walcast, heir, follower):
        self.assertEqual(self.walsenders(heir), ["walcast"])
        self.assertEqual(walcast.process.count_in_log("started streaming WAL from primary"), 2)
        self.assertEqual(walcast.process.count_in_log("closed the connection|terminated"), 0)
        self.assertEqual(follower.process.count_in_log("could not receive|could not connect"), 0)
