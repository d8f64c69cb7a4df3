"""walcast on its primary's own pg_wal: nothing is stored twice, nothing recycled under a standby."""

import os

from support.attach import MB, AttachCase, Reader
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.replication import Closed, CopyDone, ReplicationClient, StreamError
from support.wait import wait_until
from support.walcast import fail_to_serve
from support.workload import wal_of

ROUNDS = int(os.environ.get("WALCAST_ATTACH_ROUNDS", 12))


class AttachTest(AttachCase):
    def test_what_slow_standbys_still_need_is_not_recycled(self):
        self.primary.stop()
        standby = self.primary.cold_copy("standby")
        self.primary.start()
        walcast = self.attach()
        standby.configure(primary_conninfo=self.primary.conninfo(walcast.port))
        self.addCleanup(lambda: standby.process and standby.kill())
        standby.start()
        begin = self.end() // MB * MB
        readers = [Reader(walcast.port, begin) for _ in range(4)]
        for _ in range(ROUNDS):
            self.write(megabytes=4)
            for number, reader in enumerate(readers):
                reader.read(MB // 2 * (number + 1))
        oldest = self.slot_lsn()
        self.assertGreaterEqual(oldest, begin)
        self.assertLessEqual(oldest, min(reader.client.position for reader in readers))
        end = self.end()
        for reader in readers:
            reader.read_to(end)
            self.assertIsNone(reader.end)
        expected = self.archived(begin, end)
        for reader in readers:
            self.assertEqual(reader.wal[:len(expected)], expected)
        standby.wait_for_replay(end)
        self.assertEqual(standby.checksums(), self.primary.checksums())
        # They have it all, so the primary need not keep it.
        wait_until(lambda: self.slot_lsn() >= end, "the slot follows")
        self.primary.sql("CHECKPOINT")
        self.assertGreater(wal_of(self.primary).begin(), begin)
        old = self.client_of(walcast)
        old.start(begin)
        _, ended = old.receive_to_end()
        self.assertEqual(ended.fields["C"], "58P01")
        old.close()
        for reader in readers:
            reader.client.close()
        walcast.stop()

    def client_of(self, walcast):
        client = ReplicationClient.connect(walcast.port)
        self.addCleanup(client.close)
        return client

    def check_new_slot(self, walcast):
        self.create_slot()
        walcast.wait_for_log("the primary has removed WAL from .* on")
        late = Reader(walcast.port, self.end() // MB * MB)
        self.write(megabytes=1)
        late.read_to(self.end())
        self.assertIsNone(late.end)
        late.client.close()

    def test_without_the_slot_a_stream_ends_and_no_byte_is_wrong(self):
        walcast = self.attach()
        begin = self.end() // MB * MB
        self.write(megabytes=12)
        readers = [Reader(walcast.port, begin) for _ in range(3)]
        for number, reader in enumerate(readers):
            reader.read(MB * (number + 1))  # and there is more in the socket
        self.drop_slot()
        for _ in range(6):
            self.write(megabytes=8)
        end = self.end()
        expected = self.archived(begin, end)
        for reader in readers:
            reader.read_to(end)
            self.assertIsNotNone(reader.end, "the WAL that it was to read was overwritten")
            self.assertEqual(reader.wal, expected[:len(reader.wal)])
        walcast.wait_for_log('replication slot "walcast" does not exist')
        # With a slot it goes on, and whoever wants what is there gets it.
        self.check_new_slot(walcast)
        walcast.stop()

    def test_a_slot_that_the_primary_invalidates_ends_the_standby_that_reads_behind_it(self):
        self.addCleanup(self.limit_slots, "-1")
        self.addCleanup(self.drop_slot)
        walcast = self.attach()
        begin = self.end() // MB * MB
        readers = [Reader(walcast.port, begin) for _ in range(3)]
        self.write(megabytes=12)
        for number, reader in enumerate(readers):
            reader.read(MB * (number + 1))  # and no more
        self.limit_slots("4MB")
        wait_until(lambda: self.write(megabytes=4) or self.primary.sql(
            "SELECT wal_status = 'lost' FROM pg_replication_slots") == "t", "the slot is lost")
        walcast.wait_for_log('replication slot "walcast" of the primary keeps no WAL')
        for _ in range(6):
            self.write(megabytes=8)  # over what they read
        end = self.end()
        expected = self.archived(begin, end)
        for reader in readers:
            reader.read_to(end)
            self.assertLess(reader.client.position, end)
            self.assertEqual(reader.wal, expected[:len(reader.wal)])
        # Behind half a message there is no room for an error: only the log has it.
        cut = [reader for reader in readers if isinstance(reader.end, Closed)]
        told = [reader.end.fields["C"] for reader in readers if isinstance(reader.end, StreamError)]
        self.assertEqual(told, ["58P01"] * (len(readers) - len(cut)))
        removed = "requested WAL segment .* has already been removed"
        wait_until(lambda: walcast.process.count_in_log(removed) == len(cut), "why they were cut")
        # As it advises.
        self.drop_slot()
        self.check_new_slot(walcast)
        walcast.stop()

    def test_a_slot_of_walcast_holds_that_of_the_primary(self):
        walcast = self.attach(state_directory=self.area.directory(f"state-{self.id()}"))
        client = self.client_of(walcast)
        self.assertIsNone(client.query("CREATE_REPLICATION_SLOT late PHYSICAL RESERVE_WAL").error)
        begin = parse_lsn(client.query("READ_REPLICATION_SLOT late").rows[0][1].decode())
        begin -= begin % MB  # the primary keeps whole segments
        for _ in range(4):
            self.write(megabytes=8)
        self.assertLess(self.slot_lsn(), begin + MB)
        self.assertLessEqual(wal_of(self.primary).begin(), begin)
        end = self.end()
        self.assertIsNone(client.start(begin, slot="late"))
        received = client.receive_until(end)
        self.assertEqual(received[:end - begin], self.archived(begin, end))
        client.send_status()
        wait_until(lambda: self.slot_lsn() >= end, "the slot follows")
        walcast.stop()

    def test_a_standby_that_is_promoted_is_followed(self):
        self.primary.stop()
        heir = self.primary.cold_copy("heir", primary_conninfo=self.primary.conninfo())
        self.primary.start()
        self.addCleanup(lambda: heir.process and heir.kill())
        heir.start()  # the slot has come with its files
        walcast = self.attach(wal_directory=heir.wal_path, primary_conninfo=heir.conninfo())
        reader = Reader(walcast.port, self.end() // MB * MB)
        self.write(megabytes=1)
        reader.read_to(self.end())
        heir.promote()
        wait_until(lambda: heir.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")
        heir.sql("CREATE TABLE after_promotion (id int)")
        walcast.wait_for_log("timeline 2 follows timeline 1")
        reader.read(100 * MB)
        self.assertIsInstance(reader.end, CopyDone)
        fork = reader.client.position
        self.assertEqual(reader.wal, wal_of(heir).read(1, reader.begin, fork))
        client = self.client_of(walcast)
        self.assertEqual(client.identify()[1], 2)
        end = parse_lsn(heir.flush_lsn())
        self.assertIsNone(client.start(fork, 2))
        self.assertEqual(client.receive_until(end)[:end - fork], wal_of(heir).read(2, fork, end))
        reader.client.close()
        walcast.stop()

    def test_another_servers_directory_is_refused(self):
        stranger = PgCluster.create(self.area, "stranger", segment_mb=1)
        said = fail_to_serve(self.area, wal_directory=stranger.wal_path,
                             primary_slot_name="walcast",
                             primary_conninfo=self.primary.conninfo())
        self.assertIn("holds WAL of another system than the primary's", said)

    def test_a_primary_that_stops_does_not_wait_for_a_standby_that_is_behind(self):
        walcast = self.attach(state_directory=self.area.directory(f"state-{self.id()}"))
        client = self.client_of(walcast)
        client.query("CREATE_REPLICATION_SLOT behind PHYSICAL RESERVE_WAL")
        begin = self.end() // MB * MB
        reader = Reader(walcast.port, begin)
        self.write(megabytes=4)
        reader.read(MB // 4)
        wait_until(lambda: begin <= self.slot_lsn() < self.end() - 2 * MB, "the slot is held")
        self.primary.stop()  # fast: it ends when its walsender has ended
        self.primary.start()
        wait_until(lambda: self.primary.sql("SELECT active FROM pg_replication_slots") == "t",
                   "it is found again")
        client.query("DROP_REPLICATION_SLOT behind")
        reader.client.close()
        self.write(megabytes=1)
        wait_until(lambda: self.slot_lsn() >= self.end() - MB, "the slot follows")
        walcast.stop()

    def test_a_primary_that_restarts_is_followed_and_standbys_stay(self):
        self.drop_slot()
        walcast = self.attach(create_primary_slot=True)
        reader = Reader(walcast.port, self.end() // MB * MB)
        for _ in range(2):
            self.write(megabytes=2)
            reader.read_to(self.end())
            self.primary.kill()
            self.primary.start()
        self.write(megabytes=2)
        end = self.end()
        reader.read_to(end)
        self.assertIsNone(reader.end)
        expected = self.archived(reader.begin, end)
        self.assertEqual(reader.wal[:len(expected)], expected, format_lsn(reader.begin))
        reader.client.close()
        walcast.stop()
