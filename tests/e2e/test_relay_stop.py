"""Upstreams that stop, and WAL that ends within a record: what a relay confirms, and what it keeps
of what it has confirmed."""

import os
import threading
import time

from support.gate import Gate
from support.lsn import parse_lsn
from support.relay import RelayCase
from support.replication import Closed
from support.wait import wait_until
from support.walcast import Walcast
from support.workload import wal_of

MB = 1 << 20
STOP_SECONDS_MAX = 10  # far below a timeout, and enough for a machine that is busy


class HalfRecordCase(RelayCase):
    """Connections that end within a long record, through a gate that lets its begin pass."""

    def gate(self):
        gate = Gate(self.primary.port, limit=5 * MB)
        self.addCleanup(gate.close)
        return gate

    def write_long_record(self):
        """Returns where it begins, or shortly before that."""
        begin = parse_lsn(self.primary.flush_lsn())
        self.primary.sql(f"SELECT pg_logical_emit_message(true, 'e2e', repeat('x', {16 * MB}))")
        return begin


class StandbyUpstreamTest(HalfRecordCase):
    """The primary of our upstream, which is a standby, is lost within a record. The upstream sends
    what it has of it, and when it stops, waits until that is confirmed."""

    def setUp(self):
        super().setUp()
        self.entrance = self.gate()
        self.upstream = self.standby("upstream", self.entrance.port)

    def send_half_a_record(self, confirmed):
        self.write_long_record()
        self.entrance.wait_until_held()
        wait_until(lambda: self.upstream.sql(
            f"SELECT sent_lsn = {confirmed} AND sent_lsn = pg_last_wal_receive_lsn()"
            "   AND sent_lsn - pg_last_wal_replay_lsn() > 1000000"
            " FROM pg_stat_replication") == "t",
            lambda: self.upstream.sql("SELECT pg_last_wal_replay_lsn(), pg_last_wal_receive_lsn(),"
                                      " sent_lsn, write_lsn, flush_lsn FROM pg_stat_replication"),
            timeout=20)

    def stop_upstream(self):
        begun = time.monotonic()
        self.upstream.stop()
        self.assertLess(time.monotonic() - begun, STOP_SECONDS_MAX)

    def test_it_stops_with_a_relay_behind_it(self):
        walcast = self.relay(self.primary.conninfo(self.upstream.port))
        self.send_half_a_record(confirmed="flush_lsn")
        self.stop_upstream()
        walcast.stop()

    def test_it_stops_when_a_named_standby_has_all_records(self):
        walcast = self.relay(self.primary.conninfo(self.upstream.port), upstream_ack="all (named)")
        self.standby("standby", walcast.port, cluster_name="named")
        self.send_half_a_record(confirmed="flush_lsn")
        self.stop_upstream()
        walcast.stop()

    def test_it_stops_with_walcast_attached_to_it(self):
        walcast = Walcast(
            self.area, wal_directory=self.upstream.wal_path, primary_slot_name="walcast",
            primary_conninfo=self.upstream.conninfo(), create_primary_slot=True,
            state_directory=self.area.directory(f"state-{self.id()}"))
        self.send_half_a_record(confirmed="write_lsn")
        self.stop_upstream()
        walcast.stop()

    def promote_upstream(self):
        self.upstream.promote()
        wait_until(lambda: self.upstream.sql("SELECT pg_is_in_recovery()") == "f", "a promotion")

    def expect_to_follow(self, walcast, follower):
        self.upstream.sql("INSERT INTO bulk SELECT i, 'promoted' FROM generate_series(1, 1000) i")
        end = parse_lsn(self.upstream.flush_lsn())
        follower.wait_for_replay(end)
        self.assertEqual(follower.checksums(), self.upstream.checksums())
        walcast.stop()

    def test_a_promotion_takes_the_half_record_back(self):
        walcast = self.relay(self.primary.conninfo(self.upstream.port))
        follower = self.standby("follower", walcast.port)
        self.send_half_a_record(confirmed="flush_lsn")
        self.promote_upstream()
        self.expect_to_follow(walcast, follower)

    def test_a_promotion_while_the_relay_is_down(self):
        walcast = self.relay(self.primary.conninfo(self.upstream.port))
        follower = self.standby("follower", walcast.port)
        self.send_half_a_record(confirmed="flush_lsn")
        walcast.process.kill()
        self.promote_upstream()
        walcast = self.relay(self.primary.conninfo(self.upstream.port), port=walcast.port)
        self.expect_to_follow(walcast, follower)


class ConfirmedWalTest(HalfRecordCase):
    """The primary's slot moves with what is confirmed, and the primary removes what is before it:
    also the begin of a record of which the relay has half."""

    SETTINGS = {"wal_keep_size": 0, "min_wal_size": "8MB", "max_wal_size": "8MB"}

    def setUp(self):
        super().setUp()
        # A relay with an empty spool connects twice.
        first = self.relay(primary_slot_name="walcast", create_primary_slot=True)
        self.wait_for_spool(self.primary.flush_lsn())
        first.stop()
        self.entrance = self.gate()
        self.walcast = self.relay(
            f"host=127.0.0.1,127.0.0.1 port={self.entrance.port},{self.primary.port} user=postgres",
            primary_slot_name="walcast")
        self.begin = self.write_long_record()
        self.entrance.wait_until_held()
        wait_until(lambda: self.primary.sql(
            "SELECT bool_and(restart_lsn - pg_lsn '0/0' > "
            f"{self.begin + 2 * MB}) FROM pg_replication_slots") == "t",
            "the slot has moved within the record")
        first = wal_of(self.primary).file(1, self.begin)

        def is_removed():
            self.primary.sql("CHECKPOINT")
            return not os.path.exists(first)
        wait_until(is_removed, "the record's begin is removed")

    def expect_the_rest(self, walcast):
        standby = self.standby("standby", walcast.port)
        self.primary.sql("INSERT INTO bulk VALUES (1, 'behind the record')")
        end = parse_lsn(self.primary.flush_lsn())
        standby.wait_for_replay(end, timeout=60)
        self.assertEqual(standby.checksums(), self.primary.checksums())
        walcast.stop()

    def test_a_connection_is_lost_within_a_record(self):
        self.entrance.close()
        self.expect_the_rest(self.walcast)

    def test_the_relay_is_killed_within_a_record(self):
        self.walcast.process.kill()
        self.entrance.close()
        self.expect_the_rest(self.relay(primary_slot_name="walcast"))


class StoppingPrimaryTest(RelayCase):
    """A primary that stops asks its walreceiver again and again how far it is."""

    SWITCHES_PER_SECOND_MAX = 100

    def test_a_standby_that_confirms_nothing_keeps_no_one_busy(self):
        walcast = self.relay(upstream_ack="all (frozen)")
        frozen = self.connect(walcast.port, application_name="frozen")
        self.assertIsNone(frozen.start(parse_lsn(self.primary.flush_lsn())))
        self.primary.sql("INSERT INTO bulk VALUES (1, 'not confirmed')")
        walsender = self.primary.sql("SELECT pid FROM pg_stat_replication")
        self.primary.begin_stop()
        self.primary.process.wait_for("shutting down")
        pids = (walsender, walcast.process.pid)
        before = [switches(pid) for pid in pids]
        begun = time.monotonic()
        threading.Event().wait(2)  # a rate takes time to be measured
        rates = [(switches(pid) - old) / (time.monotonic() - begun)
                 for pid, old in zip(pids, before)]
        self.figure(f"walsender and walcast: {rates} switches/s")
        self.assertTrue(self.primary.process.alive(), "it waits for the standby")
        self.assertLess(max(rates), self.SWITCHES_PER_SECOND_MAX)

        threading.Thread(target=confirm_all, args=(frozen,), daemon=True).start()
        process, self.primary.process = self.primary.process, None
        self.assertEqual(process.wait(STOP_SECONDS_MAX), 0)
        walcast.stop()


def switches(pid):
    """How often the threads of a process have gone to sleep."""
    count = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            count += sum(int(line.split()[1]) for line in status
                         if line.startswith("voluntary_ctxt_switches"))
    return count


def confirm_all(client):
    try:
        while not isinstance(client.next_event(), Closed):
            client.send_status()
    except (OSError, AssertionError):
        pass  # the stream has ended
