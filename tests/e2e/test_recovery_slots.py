"""What PostgreSQL's recovery tests 001, 004 and 019 ask of slots, of a switch of timelines, and of
clients that choose a server, with walcast in the middle."""

import os
import signal

from support.cluster import pg_program
from support.lsn import parse_lsn
from support.receivewal import Receivewal
from support.timelines import fork_of
from support.wait import wait_until
from support.walcast import Walcast
from support.workload import bulk_load, wal_of
from test_recovery import RecoveryCase

QUICK = {"wal_receiver_status_interval": "1s"}
MODES = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")


class SlotXminTest(RecoveryCase):
    """primary (slot) --> relay --> first (slot) --> second relay --> second."""

    def setUp(self):
        super().setUp()
        slot = {"primary_slot_name": "relay", "create_primary_slot": True, **QUICK}
        self.walcast = self.relay(**slot)
        self.first = self.standby("first", self.walcast.port, **QUICK)
        self.behind = self.relay(self.first.conninfo(), **slot,
                                 spool_directory=self.area.path(f"second-spool-{self.id()}"))
        self.second = self.standby("second", self.behind.port, **QUICK)
        self.holders = (self.primary, self.first)

    def xmin(self, cluster):
        return cluster.sql("SELECT xmin FROM pg_replication_slots WHERE slot_name = 'relay'")

    def replay_all(self, *standbys):
        end = parse_lsn(self.primary.flush_lsn())
        for standby in standbys or (self.first, self.second):
            standby.wait_for_replay(end)

    def set_feedback(self, value):
        for standby in (self.first, self.second):
            self.reload(standby, hot_standby_feedback=value)

    def test_feedback_comes_to_the_slots_of_each_hop_moves_and_goes(self):
        self.replay_all()
        for holder in self.holders:
            self.assertEqual(self.xmin(holder), "", holder.name)
        self.set_feedback("on")
        before = [wait_until(lambda holder=holder: self.xmin(holder),
                             lambda holder=holder: f"an xmin at {holder.name}")
                  for holder in self.holders]
        for _ in range(20):
            self.primary.sql("INSERT INTO bulk VALUES (1, 'eats a transaction id')")
        self.replay_all()
        for holder, old in zip(self.holders, before):
            wait_until(lambda holder=holder, old=old: int(self.xmin(holder)) >= int(old) + 20,
                       lambda holder=holder, old=old: f"at {holder.name} an xmin behind {old}")
        self.assertEqual(self.primary.sql("SELECT catalog_xmin FROM pg_replication_slots"), "")
        self.set_feedback("off")
        for holder in self.holders:
            wait_until(lambda holder=holder: self.xmin(holder) == "",
                       lambda holder=holder: f"no xmin at {holder.name}")
        self.behind.stop()
        self.walcast.stop()

    def test_a_standby_moves_to_another_server_and_slot_by_a_reload(self):
        self.replay_all()
        client = self.connect(self.walcast.port)
        self.assertIsNone(client.query("CREATE_REPLICATION_SLOT second PHYSICAL RESERVE_WAL").error)
        created = client.query("READ_REPLICATION_SLOT second").rows[0][1]
        self.reload(self.second, primary_slot_name="second",
                    primary_conninfo=self.primary.conninfo(self.walcast.port))
        wait_until(lambda: self.second.sql("SELECT slot_name FROM pg_stat_wal_receiver")
                   == "second", "the slot is used")
        self.behind.stop()
        self.first.stop()  # it streams from neither any more
        bulk_load(self.primary, rows=1_000)
        self.replay_all(self.second)
        self.assertEqual(self.second.checksums(), self.primary.checksums())
        wait_until(lambda: parse_lsn(client.query("READ_REPLICATION_SLOT second").rows[0][1]
                                     .decode()) > parse_lsn(created.decode()), "the slot moves")
        self.walcast.stop()


class FrozenRelayTest(RecoveryCase):
    """A relay that does not run while its primary needs the room that its slot holds."""

    SETTINGS = {"wal_keep_size": "0", "min_wal_size": "2MB", "max_wal_size": "4MB",
                "max_slot_wal_keep_size": "6MB", "wal_sender_timeout": "0"}

    def test_a_slot_that_is_lost_while_it_is_in_use_is_said_and_standbys_stay(self):
        walcast = self.relay(primary_slot_name="relay", create_primary_slot=True)
        standby = self.standby("standby", walcast.port)
        bulk_load(self.primary, rows=1_000)
        standby.wait_for_replay(had := parse_lsn(self.primary.flush_lsn()))
        walcast.process.send_signal(signal.SIGSTOP)
        for _ in range(24):
            self.primary.sql("INSERT INTO bulk VALUES (1, 'x')")
            self.primary.sql("SELECT pg_switch_wal()")
        checkpoint = self.primary.start_sql("CHECKPOINT")
        self.primary.process.wait_for(
            r'terminating process \d+ to release replication slot "relay"')
        # How much WAL a socket holds is the kernel's. A walsender whose socket is full ends at the
        # second signal: at the first it wants to tell its client.
        wait_until(lambda: self.primary.sql(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
            " WHERE wal_status != 'lost' OR active") == "", "the end of the walsender")
        self.assertEqual(checkpoint.wait(), 0)
        self.assertEqual(self.primary.sql(
            "SELECT wal_status, active FROM pg_replication_slots"), "lost|f")
        walcast.process.send_signal(signal.SIGCONT)
        walcast.wait_for_log("requested WAL segment [0-9A-F]{24} has already been removed")
        # What is in its spool is served, and what came before it was frozen is all right.
        late = self.copy_of_base("late", primary_conninfo=self.primary.conninfo(walcast.port))
        late.start().wait_for_replay(had)
        self.assertEqual(standby.process.count_in_log("started streaming WAL"), 1)
        walcast.stop()


class ChosenServerTest(RecoveryCase):
    """target_session_attrs of libpq: a relay is taken for what its upstream is."""

    def chosen(self, ports, mode):
        """The port that libpq takes, or nothing."""
        hosts = ",".join("127.0.0.1" for _ in ports)
        done = self.area.run([pg_program("psql"), "-X", "-d",
                              f"host={hosts} port={','.join(map(str, ports))} user=postgres"
                              f" replication=true dbname=replication target_session_attrs={mode}",
                              "-c", r"\conninfo"], check=False)
        return done.stdout.rpartition('at port "')[2].partition('"')[0]

    def assert_taken_alike(self, relays, modes):
        """`relays`: the port of each server, and that of a relay of it."""
        for mode in modes:
            for servers in (list(relays), list(relays)[::-1], *([server] for server in relays)):
                expected = self.chosen(servers, mode)
                of = dict(zip(map(str, relays), map(str, relays.values())))
                self.assertEqual(self.chosen([relays[server] for server in servers], mode),
                                 of.get(expected, ""), f"{mode} {servers}")

    def test_a_relay_is_what_its_upstream_is_and_becomes_what_that_becomes(self):
        walcast = self.relay()
        heir = self.standby("heir", walcast.port)
        behind = self.relay(heir.conninfo(),
                            spool_directory=self.area.path(f"second-spool-{self.id()}"))
        relays = {self.primary.port: walcast.port, heir.port: behind.port}
        self.assertEqual(self.chosen([behind.port], "standby"), str(behind.port))
        self.assert_taken_alike(relays, MODES)
        heir.promote()
        wait_until(lambda: heir.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")
        behind.wait_for_log("timeline 2 follows timeline 1")
        wait_until(lambda: self.chosen([behind.port], "read-write"), "the relay of a primary")
        self.assert_taken_alike(relays, ("read-write", "standby"))
        behind.stop()
        walcast.stop()


class ReceivewalSwitchTest(RecoveryCase):
    """pg_receivewal at walcast while a standby is promoted: behind the standby's relay, on the
    standby's own pg_wal, and behind a relay that goes from the dead primary to the standby."""

    def receive(self, name, port):
        client = self.connect(port)
        self.assertIsNone(client.query("CREATE_REPLICATION_SLOT files PHYSICAL RESERVE_WAL").error)
        files = Receivewal(self.area, self.area.directory(f"{name}-{self.id()}"),
                           self.primary.segment_size)
        files.start(port, "--slot=files")
        files.wait_for_partial()
        return files

    def test_it_goes_on_with_the_next_timeline_on_the_same_connection(self):
        failover = self.relay()
        port = failover.port
        heir = self.standby("heir", port)
        failover.stop()
        failover = self.relay(
            f"host=127.0.0.1,127.0.0.1 port={self.primary.port},{heir.port} user=postgres"
            " target_session_attrs=read-write", port=port)
        bulk_load(self.primary, rows=1_000)
        heir.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        spool = self.area.path(f"second-spool-{self.id()}")
        servers = {"failover": failover,
                   "behind": self.relay(heir.conninfo(), spool_directory=spool),
                   "attached": Walcast(self.area, wal_directory=heir.wal_path, **QUICK,
                                       state_directory=self.area.directory(f"state-{self.id()}"),
                                       primary_conninfo=heir.conninfo(), create_primary_slot=True,
                                       primary_slot_name="attached")}
        received = {name: self.receive(name, server.port) for name, server in servers.items()}
        bulk_load(self.primary, rows=1_000)
        self.primary.stop()  # cleanly, so that all have all
        self.wait_for_all_of(port, heir)
        heir.promote()
        wait_until(lambda: heir.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")
        bulk_load(heir, rows=1_000)
        last = wal_of(heir).name(2, parse_lsn(heir.flush_lsn()))
        heir.sql("SELECT pg_switch_wal()")
        fork = fork_of(os.path.join(heir.wal_path, "00000002.history"))
        for name, files in received.items():
            with self.subTest(name):
                wait_until(lambda files=files: last in files.files.complete(2),
                           lambda files=files: f"{last}\n{files.process.tail()}")
                self.assert_same_as(heir, files.files, fork)
                self.assertEqual(files.process.count_in_log("switched to timeline 2|error"), 1)
                files.process.stop(signal.SIGINT)
        for server in servers.values():
            server.stop()

    def assert_same_as(self, heir, files, fork):
        """The segment of the fork is only begun on the old timeline."""
        wal = wal_of(heir)
        self.assert_same_segments(files, wal, ["00000002.history", *files.complete(2)])
        begin = min(files.start_of(name) for name in (*files.complete(1), wal.name(1, fork)))
        self.assertTrue(files.read(1, begin, fork) == wal.read(1, begin, fork))
