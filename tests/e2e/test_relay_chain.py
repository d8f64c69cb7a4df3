"""A relay behind a relay: what is killed, followed and passed on over several hops."""

import os

from support.lsn import parse_lsn
from support.relay import RelayCase, random_pause
from support.wal import WalFiles
from support.workload import bulk_load, wal_of

ROUNDS = int(os.environ.get("WALCAST_RELAY_ROUNDS", 5))


class ChainTest(RelayCase):
    def spool_of(self, name):
        return WalFiles(self.area.path(f"{name}-{self.id()}"), self.spool.segment_size)

    def relay_behind(self, walcast, spool):
        return self.relay(self.primary.conninfo(walcast.port), spool_directory=spool.path)

    def test_a_relay_behind_a_relay_behind_a_relay(self):
        first = self.relay()
        spools = [self.spool_of(name) for name in ("second", "third")]
        second = self.relay_behind(first, spools[0])
        third = self.relay_behind(second, spools[1])
        standby = self.standby("standby", third.port)
        bulk_load(self.primary, rows=5_000)
        end = parse_lsn(self.primary.flush_lsn())
        standby.wait_for_replay(end)
        self.assertEqual(standby.checksums(), self.primary.checksums())
        begin = self.spool.begin()
        expected = wal_of(self.primary).read(1, begin, end)
        for spool in spools:
            self.assertEqual(spool.read(1, begin, end), expected)
        self.assertEqual(self.walsenders(), ["walcast"])
        for walcast in (third, second, first):
            walcast.stop()

    def test_the_middle_of_a_chain_is_killed_again_and_again(self):
        self.seed_chance()
        first = self.relay()
        spool = self.spool_of("second")
        second = self.relay_behind(first, spool)
        standby = self.standby("standby", second.port)
        load = self.load(seconds=ROUNDS + 1)
        for _ in range(ROUNDS):
            random_pause(0.3, 1.0)
            first.process.kill()
            first = self.relay(port=first.port)
        load.join()
        bulk_load(self.primary, rows=1_000)
        end = parse_lsn(self.primary.flush_lsn())
        standby.wait_for_replay(end)
        self.assertEqual(standby.checksums(), self.primary.checksums())
        self.assertEqual(standby.process.count_in_log("started streaming WAL"), 1)
        begin = self.spool.begin()
        expected = wal_of(self.primary).read(1, begin, end)
        for files in (self.spool, spool, wal_of(standby)):
            self.assertEqual(files.read(1, begin, end), expected)
        second.stop()
        first.stop()

    def test_a_failover_at_the_head_passes_through(self):
        first = self.relay()
        heir = self.standby("heir", first.port)
        first.stop()
        first = self.relay(
            f"host=127.0.0.1,127.0.0.1 port={self.primary.port},{heir.port} user=postgres"
            " target_session_attrs=read-write", port=first.port)
        spool = self.spool_of("second")
        second = self.relay_behind(first, spool)
        follower = self.standby("follower", second.port)
        begin = parse_lsn(self.primary.flush_lsn())
        load = self.load_of_long_records(self.primary)
        follower.wait_for_replay(begin + (5 << 20))
        self.primary.crash()
        load.wait()
        first.wait_for_log(f"port {self.primary.port} failed: Connection refused")
        self.wait_for_all_of(first.port, heir)
        heir.promote()
        for walcast in (first, second):
            walcast.wait_for_log("timeline 2 follows timeline 1")
        bulk_load(heir, rows=1_000)
        end = parse_lsn(heir.flush_lsn())
        follower.wait_for_replay(end)
        self.assertEqual(follower.checksums(), heir.checksums())
        begin = self.spool.begin(timeline=2)
        expected = wal_of(heir).read(2, begin, end)
        for files in (self.spool, spool, wal_of(follower)):
            self.assertEqual(files.read(2, begin, end), expected)
        self.assertEqual(self.walsenders(heir), ["walcast"])
        # On the line all the time.
        self.assertEqual(second.process.count_in_log("closed the connection|terminated"), 0)
        self.assertEqual(follower.process.count_in_log("could not receive|could not connect"), 0)
        second.stop()
        first.stop()
