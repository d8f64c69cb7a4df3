"""What PostgreSQL's recovery tests 001, 004, 019, 025 and 055 ask of a walsender, of walcast."""

import os
import signal

from support.cluster import PgCluster, pg_program
from support.link import Link
from support.lsn import parse_lsn
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import Walcast
from support.workload import bulk_load, wal_of


class RecoveryCase(RelayCase):
    def copy_of_base(self, name, **settings):
        standby = self.base.cold_copy(f"{name}-{self.id()}", **settings)
        self.addCleanup(lambda: standby.process and standby.kill())
        return standby

    def backup_of(self, source, name, wal="stream", **settings):
        """A standby made by pg_basebackup of a running server."""
        data = self.area.path(f"{name}-{self.id()}")
        self.area.run([pg_program("pg_basebackup"), "-h", "127.0.0.1", "-p", source.port, "-U",
                       "postgres", "-D", data, "-X", wal, "-c", "fast", "--no-sync"])
        standby = PgCluster(self.area, name, data, source.segment_size)
        self.area.write_file(os.path.join(data, "standby.signal"), "")
        standby.configure(**settings)
        self.addCleanup(lambda: standby.process and standby.kill())
        return standby

    def reload(self, cluster, **settings):
        cluster.configure(**settings)
        cluster.process.send_signal(signal.SIGHUP)

    def copy_segments(self, archive):
        """All that are complete, to where they are not yet; as an archive_command has it."""
        end = parse_lsn(self.primary.flush_lsn())
        wal = wal_of(self.primary)
        for name in wal.complete():
            target = f"{archive}/{name}"
            if wal.start_of(name) + wal.segment_size <= end and not os.path.exists(target):
                self.area.copy_file(f"{wal.path}/{name}", f"{target}.new")
                os.rename(f"{target}.new", target)


class StreamRepTest(RecoveryCase):
    """primary --> relay --> first --> second relay --> second. The first is a stock standby with a
    slot of the relay's."""

    def setUp(self):
        super().setUp()
        self.walcast = self.relay()
        client = self.connect(self.walcast.port)
        client.query("CREATE_REPLICATION_SLOT first PHYSICAL RESERVE_WAL")
        quick = {"wal_receiver_status_interval": "1s"}
        self.first = self.standby("first", self.walcast.port, primary_slot_name="first", **quick)
        self.behind = self.relay(self.first.conninfo(), wal_receiver_status_interval="1s",
                                 spool_directory=self.area.path(f"second-spool-{self.id()}"))
        self.second = self.standby("second", self.behind.port, **quick)

    def wait_for_all(self, *standbys):
        end = parse_lsn(self.primary.flush_lsn())
        for standby in standbys or (self.first, self.second):
            standby.wait_for_replay(end)

    def held_back(self):
        return self.primary.sql("SELECT backend_xmin IS NOT NULL FROM pg_stat_replication") == "t"

    def test_rows_sequences_and_feedback_pass_through_the_chain(self):
        self.primary.sql("CREATE TABLE IF NOT EXISTS numbers AS SELECT generate_series(1, 1002) n")
        self.primary.sql("CREATE SEQUENCE seq")
        self.primary.sql("SELECT nextval('seq')")
        self.wait_for_all()
        for standby in (self.first, self.second):
            self.assertEqual(standby.sql("SELECT count(*) FROM numbers"), "1002")
            self.assertEqual(standby.sql("SELECT last_value, is_called FROM seq"), "33|t")
            with self.assertRaisesRegex(AssertionError, "in a read-only transaction"):
                standby.sql("INSERT INTO numbers VALUES (1)")
        self.assertFalse(self.held_back())
        self.reload(self.first, hot_standby_feedback="on")
        self.reload(self.second, hot_standby_feedback="on")
        wait_until(self.held_back, "feedback of the chain")
        self.primary.sql("INSERT INTO numbers SELECT generate_series(1003, 2000)")
        self.wait_for_all()
        self.reload(self.second, hot_standby_feedback="off")
        self.reload(self.first, hot_standby_feedback="off")
        wait_until(lambda: not self.held_back(), "no feedback, nothing held")
        self.behind.stop()
        self.walcast.stop()

    def test_a_backup_of_a_standby_is_followed_up_while_the_primary_is_away(self):
        self.wait_for_all()
        self.primary.stop()
        third = self.backup_of(self.first, "third", primary_slot_name="",
                               primary_conninfo=self.primary.conninfo(self.walcast.port))
        third.start()
        port = self.walcast.port
        self.walcast.process.kill()  # its slot is what it saved
        self.walcast = self.relay(port=port)
        self.primary.start()
        bulk_load(self.primary, rows=1_000)
        self.wait_for_all(self.first, self.second, third)
        for standby in (self.first, self.second, third):
            self.assertEqual(standby.checksums(), self.primary.checksums())
        slot = self.connect(port).query("READ_REPLICATION_SLOT first").rows[0]
        self.assertEqual((slot[0], slot[2]), (b"physical", b"1"))
        self.behind.stop()
        self.walcast.stop()


class LostSlotTest(RecoveryCase):
    """The primary keeps no more than max_slot_wal_keep_size for a relay that is away."""

    SETTINGS = {"wal_keep_size": "0", "min_wal_size": "2MB", "max_wal_size": "4MB",
                "max_slot_wal_keep_size": "6MB"}

    def advance(self, segments):
        for _ in range(segments):
            self.primary.sql("INSERT INTO bulk VALUES (1, 'x')")
            self.primary.sql("SELECT pg_switch_wal()")
        self.primary.sql("CHECKPOINT")

    def slot(self):
        return self.primary.sql("SELECT wal_status, restart_lsn IS NULL FROM pg_replication_slots")

    def test_a_relay_goes_on_while_its_slot_holds_and_says_what_it_lacks_when_it_does_not(self):
        walcast = self.relay(primary_slot_name="relay", create_primary_slot=True)
        port = walcast.port
        standby = self.standby("standby", port)
        for segments in (1, 4):
            walcast.stop()
            self.advance(segments)
            walcast = self.relay(port=port, primary_slot_name="relay")
            standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        had = parse_lsn(self.primary.flush_lsn())
        self.wait_for_spool(self.primary.flush_lsn())
        walcast.stop()
        self.advance(12)
        self.assertEqual(self.slot(), "lost|t")
        walcast = self.relay(port=port, primary_slot_name="relay")
        walcast.wait_for_log("requested WAL segment [0-9A-F]{24} has already been removed")
        # What it has, it serves.
        late = self.copy_of_base("late", primary_conninfo=self.primary.conninfo(port)).start()
        late.wait_for_replay(had)
        self.assertEqual(walcast.process.count_in_log("has already been removed"), 1)
        walcast.stop()


class SwitchTest(RecoveryCase):
    """The timeline changes under a walreceiver that stays, and a standby without any WAL follows
    that has been told of the new timeline by its archive."""

    def promote(self, cluster):
        cluster.promote()
        wait_until(lambda: cluster.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")

    def receiver_of(self, standby):
        wait_until(lambda: standby.sql("SELECT status FROM pg_stat_wal_receiver") == "streaming",
                   "a stream")
        return standby.sql("SELECT pid FROM pg_stat_wal_receiver")

    def assert_follow(self, primary, standbys):
        bulk_load(primary, rows=1_000)
        for standby in standbys:
            standby.wait_for_replay(parse_lsn(primary.flush_lsn()))
            self.assertEqual(standby.checksums(), primary.checksums())

    def attach(self, primary):
        return Walcast(self.area, wal_directory=primary.wal_path, primary_slot_name="attached",
                       create_primary_slot=True, primary_conninfo=primary.conninfo(),
                       wal_retrieve_retry_interval="100ms")

    def test_receivers_stay_when_a_timeline_ends_and_newcomers_without_wal_follow(self):
        heir, other, beside = map(self.copy_of_base, ("heir", "other", "beside"))
        relay = self.relay(
            f"host=127.0.0.1,127.0.0.1 port={self.primary.port},{heir.port} user=postgres"
            " target_session_attrs=read-write")
        for standby in (heir, other):
            standby.configure(primary_conninfo=self.primary.conninfo(relay.port))
            standby.start()
        bulk_load(self.primary, rows=1_000)
        for standby in (heir, other):
            standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        receiver = self.receiver_of(other)
        # As after a clean stop, all have the last record.
        self.primary.stop()
        self.wait_for_all_of(relay.port, heir)
        self.promote(heir)
        self.assert_follow(heir, [other])
        self.assertEqual(self.receiver_of(other), receiver)

        # The primary itself becomes a standby, and the primary of another timeline.
        attached = self.attach(heir)
        beside.configure(primary_conninfo=self.primary.conninfo(attached.port))
        beside.start()
        self.assert_follow(heir, [other, beside])
        receivers = [self.receiver_of(standby) for standby in (other, beside)]
        heir.stop()
        heir.configure(primary_conninfo="")
        self.area.write_file(os.path.join(heir.data, "standby.signal"), "")
        heir.start()
        newcomers = [self.backup_of(heir, name, wal="none", restore_command=self.histories_of(heir),
                                    recovery_target_timeline="latest")
                     for name in ("late0", "late1", "late2")]
        self.promote(heir)
        self.assert_follow(heir, [other, beside])
        self.assertEqual([self.receiver_of(standby) for standby in (other, beside)], receivers)
        directory = Walcast.of_directory(self.area, heir.wal_path)
        for newcomer, server in zip(newcomers, (relay, attached, directory)):
            newcomer.configure(primary_conninfo=self.primary.conninfo(server.port))
            newcomer.start()
        self.assert_follow(heir, newcomers)
        for newcomer in newcomers:
            self.assertEqual(newcomer.sql("SELECT received_tli FROM pg_stat_wal_receiver"), "3")
        for server in (relay, attached, directory):
            server.stop()

    @staticmethod
    def histories_of(cluster):
        """An archive in which the history has come, and no WAL yet."""
        return f'case %f in *.history) cp {cluster.wal_path}/%f "%p";; *) false;; esac'


class CascadeTest(RecoveryCase):
    """A standby restores from its archive, and is ahead of what it streams from."""

    def start_ahead(self, name, server, archive):
        standby = self.copy_of_base(
            name, primary_conninfo=self.primary.conninfo(server.port),
            restore_command=f'cp {archive}/%f "%p"')
        return standby.start()

    def wait_for_rows(self, standbys):
        expected = self.primary.sql("SELECT count(*) FROM bulk")
        for standby in standbys:
            wait_until(lambda standby=standby: standby.sql(
                "SELECT count(*) FROM bulk") == expected, f"{standby.name} has {expected} rows")

    def test_it_waits_until_the_wal_comes(self):
        archive = self.area.directory("archive")
        link = Link(self.primary.port)
        self.addCleanup(link.close)
        relay = self.relay(self.primary.conninfo(link.port))
        bulk_load(self.primary, rows=1_000)
        self.primary.sql("CHECKPOINT")
        self.primary.sql("SELECT pg_switch_wal()")
        self.wait_for_spool(self.primary.flush_lsn())
        link.stall()
        link.cut()
        relay.wait_for_log("closed the connection")
        self.copy_segments(archive)
        directory = Walcast.of_directory(self.area, archive)
        # So little that the standby is ahead by less than a segment.
        self.primary.sql("INSERT INTO bulk SELECT generate_series(1, 1000), 'ahead'")
        self.primary.sql("SELECT pg_switch_wal()")
        self.copy_segments(archive)
        standbys = [self.start_ahead("behind-relay", relay, archive),
                    self.start_ahead("behind-archive", directory, archive)]
        self.wait_for_rows(standbys)
        for standby in standbys:
            standby.process.wait_for("started streaming WAL from primary")
        link.mend()
        self.primary.sql("INSERT INTO bulk SELECT generate_series(1, 1000), 'later'")
        self.wait_for_rows(standbys[:1])
        self.primary.sql("SELECT pg_switch_wal()")
        self.copy_segments(archive)
        self.wait_for_rows(standbys)
        # The relay knows what its primary had, and sends the standby back to its archive until it
        # knows more. A directory cannot know.
        self.assertNotRegex(standbys[1].process.stderr(), "ERROR|could not receive")
        self.assertEqual(standbys[1].process.count_in_log("started streaming WAL"), 1)
        wait_until(lambda: standbys[0].sql("SELECT status FROM pg_stat_wal_receiver")
                   == "streaming", "a stream of the relay's")
        directory.stop()
        relay.stop()
