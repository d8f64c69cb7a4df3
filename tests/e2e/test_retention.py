"""What a relay keeps for slots and for how long, and what it gives up for want of space."""

import os
import signal

from support.lsn import parse_lsn
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import SmallDiskWalcast
from support.workload import bulk_load, wal_of
from test_relay import RelayCase


class RetentionTest(RelayCase):
    def create_slots(self, port, *names):
        client = self.connect(port)
        for name in names:
            self.assertIsNone(
                client.query(f"CREATE_REPLICATION_SLOT {name} PHYSICAL RESERVE_WAL").error)
        return client

    def standby_with_slot(self, slot, port, **settings):
        standby = self.standby(slot, port, primary_slot_name=slot, **settings)
        standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        return standby

    def restart_lsn(self, client, slot):
        _, restart_lsn, _ = client.query(f"READ_REPLICATION_SLOT {slot}").rows[0]
        return restart_lsn

    def may_stream_by(self, slot, port):
        client = self.connect(port)
        client.send("Q", f"START_REPLICATION SLOT {slot} 0/0".encode() + b"\0")
        message = client.receive()
        client.close()
        return message.type == "W"

    def test_a_slot_left_behind_is_invalidated_and_others_go_on(self):
        walcast = self.relay(wal_keep_size="0", max_slot_wal_keep_size="16MB")
        client = self.create_slots(walcast.port, "behind", "unread", "good")
        self.assertEqual(client.query("SHOW max_slot_wal_keep_size").rows, [(b"16MB",)])
        behind = self.standby_with_slot("behind", walcast.port)
        good = self.standby_with_slot("good", walcast.port)
        unread = self.connect(walcast.port, receive_buffer=4096)
        begin = parse_lsn(self.restart_lsn(client, "unread").decode())
        unread.send("Q", f"START_REPLICATION SLOT unread {begin >> 32:X}/{begin & 0xFFFFFFFF:X}"
                    .encode() + b"\0")

        receiver = int(behind.sql("SELECT pid FROM pg_stat_wal_receiver"))
        os.kill(receiver, signal.SIGSTOP)
        try:
            def load_until(line):
                while not walcast.process.count_in_log(line):
                    bulk_load(self.primary, rows=2_000)
                    good.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
            for slot in ("behind", "unread"):
                load_until(rf'terminating process \d+ to release replication slot "{slot}"')
                walcast.wait_for_log(f'invalidating slot "{slot}" because its restart_lsn'
                                     r" \S+ exceeds max_slot_wal_keep_size")
                self.assertIsNone(self.restart_lsn(client, slot))
            self.assertIsNotNone(self.restart_lsn(client, "good"))
            # From here on no slot keeps the WAL from before.
            first = self.spool.begin()
            wait_until(lambda: bulk_load(self.primary, rows=2_000) or self.spool.begin() > first,
                       "old segments go")
        finally:
            os.kill(receiver, signal.SIGCONT)
        # As with PostgreSQL 15, what it says it has makes its slot valid; that WAL is gone all the same.
        behind.process.wait_for("requested WAL segment .* has already been removed")
        good.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.assertEqual(good.process.count_in_log("started streaming WAL"), 1)
        walcast.stop()

        walcast = self.relay()
        client = self.connect(walcast.port)
        self.assertIsNone(self.restart_lsn(client, "unread"))
        self.assertIsNotNone(self.restart_lsn(client, "good"))
        walcast.stop()

    def backend_xmin(self):
        return self.primary.sql("SELECT backend_xmin FROM pg_stat_replication")

    def test_feedback_stays_in_a_slot_while_the_standby_and_walcast_are_away(self):
        walcast = self.relay()
        self.create_slots(walcast.port, "s")
        standby = self.standby_with_slot("s", walcast.port, hot_standby_feedback="on",
                                         wal_receiver_status_interval="1s")
        wait_until(self.backend_xmin, "feedback")
        standby.kill()
        wait_until(lambda: self.may_stream_by("s", walcast.port), "its session has gone")
        kept = self.backend_xmin()
        self.assertNotEqual(kept, "")
        walcast.stop()
        wait_until(lambda: not self.walsenders(), "the old walsender has gone")
        bulk_load(self.primary, rows=1_000)
        walcast = self.relay()
        wait_until(lambda: self.backend_xmin() == kept, lambda: f"{kept} holds VACUUM back again;"
                   f" it is {self.backend_xmin()}")
        self.assertIsNone(self.connect(walcast.port).query("DROP_REPLICATION_SLOT s").error)
        wait_until(lambda: self.walsenders() and not self.backend_xmin(), "nobody needs any")
        walcast.stop()

    def test_old_wal_makes_room_on_a_small_disk_and_receiving_does_not_pause(self):
        if not SmallDiskWalcast.is_possible(self.area):
            self.skipTest("no user may mount anything here")
        mount = self.area.directory(f"mount-{self.id()}")
        walcast = SmallDiskWalcast(self.area, mount, megabytes=24, port=0, min_free_space="6MB",
                                   primary_conninfo=self.primary.conninfo(),
                                   spool_directory=f"{mount}/spool")
        spool = WalFiles(f"/proc/{walcast.process.pid}/root{mount}/spool",
                         self.primary.segment_size)
        live = self.connect(walcast.port)  # has every segment opened as it is filled
        live.start(parse_lsn(self.primary.flush_lsn()) // (1 << 20) * (1 << 20), 1)
        target = parse_lsn(self.primary.flush_lsn()) + (30 << 20)
        while parse_lsn(self.primary.flush_lsn()) < target:
            bulk_load(self.primary, rows=2_000)
            live.receive_until(parse_lsn(self.primary.flush_lsn()))
        self.wait_for_spool(end := self.primary.flush_lsn())
        self.assertEqual(walcast.process.count_in_log("receiving WAL pauses"), 0)
        self.assertEqual(walcast.process.count_in_log("for want of space"), 1)
        begin = spool.begin()
        self.assertLess(parse_lsn(end) - begin, 8 << 20)
        self.assertEqual(spool.read(1, begin, parse_lsn(end)),
                         wal_of(self.primary).read(1, begin, parse_lsn(end)))
        walcast.stop()
