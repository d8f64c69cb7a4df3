"""kill -9 of a relay under load, again and again: while it streams, within milliseconds of its
start, and while it starts. The kernel keeps what a killed process has written."""

import itertools
import os
import random
import struct
import sys

from support.cluster import pg_program
from support.follower import Follower
from support.lsn import format_lsn, parse_lsn
from support.receivewal import Receivewal
from support.relay import RelayCase, Writer, random_pause
from support.replication import ReplicationClient
from support.wal import LONG_HEADER, PAGE, SHORT_HEADER, record_end, waldump_of_spool
from support.walcast import binary, option_list
from support.workload import wal_of

KILLS = int(os.environ.get("WALCAST_RELAY_KILLS", 20))
KILLS_AT_START = 0.3     # of all
START_SECONDS_MAX = 0.25  # more than a start takes on a machine that is not busy
RECORD_BYTES = 1_500_000  # longer than a segment
STREAM_SECONDS_MAX = (0.01, 0.05, 0.5)


class KillTest(RelayCase):
    """Writers commit when the relay has flushed, while pgbench writes long records that wait for
    nothing."""

    WRITERS = 4

    def setUp(self):
        super().setUp()
        self.primary.sql("CREATE TABLE committed (id int)")
        # The slot tells how far the relay has said it had flushed when it is gone, too.
        walcast = self.relay(primary_slot_name="relay", create_primary_slot=True)
        self.port = walcast.port
        self.make_commits_wait()
        self.sql = ReplicationClient.connect(self.primary.port, replication="false",
                                             database="postgres")
        self.addCleanup(self.sql.close)
        self.process = walcast.process
        self.wal = wal_of(self.primary)
        self.begin = self.whole = self.acknowledged = self.slot()
        self.commits = set()  # that were seen in the spool
        self.sent = 0         # to a standby

    def slot(self):
        answer = self.sql.query("SELECT restart_lsn FROM pg_replication_slots"
                                " WHERE slot_name = 'relay'")
        return parse_lsn(answer.rows[0][0].decode())

    def load_beside_writers(self):
        """What it writes is in the files when it is flushed, and no relay is waited for."""
        script = self.area.path("long-record.sql")
        self.area.write_file(script, "SELECT pg_logical_emit_message(true, 'load',"
                                     f" repeat('x', {RECORD_BYTES}));\n")
        load = self.area.spawn("pgbench", [
            pg_program("pgbench"), "-h", "127.0.0.1", "-p", self.primary.port, "-U", "postgres",
            "-n", "-c", 2, "-R", 20, "-T", 36000, "-b", "tpcb-like@15", "-f", f"{script}@1",
            "dbname=postgres options='-c synchronous_commit=local'"])
        self.addCleanup(load.kill)
        return load

    def start_and_kill(self):
        options = self.relay_options(port=self.port, primary_slot_name="relay")
        if random.random() < KILLS_AT_START:
            self.process = self.area.spawn("walcast", [
                binary(self.area, "walcast"), "serve", *option_list(options)])
            random_pause(0.0, START_SECONDS_MAX)
        else:
            self.process = self.relay(**options).process
            client = ReplicationClient.connect(self.port)
            # Half a record may be acknowledged; what is sent has been proven, and is so again.
            self.assertGreaterEqual(parse_lsn(client.identify()[2]), self.sent)
            client.close()
            random_pause(0.0, random.choice(STREAM_SECONDS_MAX))
        self.assertTrue(self.process.alive(), self.process.tail())
        self.process.kill()

    def check_spool(self):
        """All whole records that the primary was told of, or a standby was sent, are there, byte by
        byte; and so is each commit that a client has seen. Half a record may be received again."""
        self.assertIsNone(self.follower.wrong)
        confirmed = {xid for writer in self.writers for xid in list(writer.transactions)}
        self.sent = self.follower.position
        # A relay that has started again says less at first, as a standby does, and has no less.
        self.acknowledged = max(self.acknowledged, self.slot(), self.sent)
        begin = max(self.whole - 2 * RECORD_BYTES, self.spool.begin())
        records = waldump_of_spool(self.area, self.spool, 1, begin)
        whole = records[-1].end
        self.assertGreaterEqual(whole, max(self.whole, self.sent))
        self.assertGreater(self.end_of_next_record(whole), self.acknowledged)
        begin -= begin % self.spool.segment_size
        self.assertTrue(self.spool.read(1, begin, whole) == self.wal.read(1, begin, whole),
                        f"{format_lsn(begin)} to {format_lsn(whole)}")
        self.whole = whole
        self.commits |= {record.xid for record in records if record.rmgr == "Transaction"
                         and record.description.startswith("COMMIT")}
        self.assertEqual(confirmed - self.commits, set(), "committed, and not in the spool")

    def end_of_next_record(self, position):
        """Of the primary's, which may not be all there yet."""
        if position % PAGE == 0:
            position += SHORT_HEADER if position % self.spool.segment_size else LONG_HEADER
        length, = struct.unpack("<I", self.wal.read(1, position, position + 4))
        return record_end(position, length, self.spool.segment_size) if length else sys.maxsize

    def test_nothing_is_lost_when_the_relay_is_killed_again_and_again(self):
        self.seed_chance()
        standbys = [self.standby(f"standby{i}", self.port) for i in range(2)]
        self.follower = Follower(self.port, self.spool.begin(), self.wal)
        self.follower.start()
        writes = [True]
        self.writers = [Writer(self.primary.port, itertools.takewhile(
            lambda _: writes, itertools.count(i, self.WRITERS)), patience_seconds=600)
            for i in range(self.WRITERS)]
        for writer in self.writers:
            writer.start()
        load = self.load_beside_writers()
        self.process.kill()
        for number in range(1, KILLS):
            self.check_spool()
            self.area.retire(self.process)
            self.start_and_kill()
            if number % 100 == 0:
                self.figure(f"{number} kills, {(self.whole - self.begin) >> 20} MB,"
                            f" {len(self.commits)} commits, {self.follower.streams} streams")
        self.check_spool()
        self.assertGreater(self.whole, self.begin)
        self.assertTrue(load.alive(), load.tail())
        self.assertTrue(all(writer.is_alive() for writer in self.writers))
        load.kill()
        walcast = self.relay(port=self.port, primary_slot_name="relay")
        writes.clear()
        for writer in self.writers:
            writer.join()
        self.assert_all_is_everywhere(walcast, standbys)
        self.figure(f"{KILLS} kills, {(self.whole - self.begin) >> 20} MB of WAL,"
                    f" {len(self.commits)} commits in it, {self.follower.streams} streams of one"
                    " follower; none lost, none wrong")
        walcast.stop()

    def assert_all_is_everywhere(self, walcast, standbys):
        end = self.primary.flush_lsn()
        expected = self.primary.checksums()
        for standby in standbys:
            standby.wait_for_replay(parse_lsn(end))
            self.assertEqual(standby.checksums(), expected)
            self.assertNotRegex(standby.process.stderr(),
                                "PANIC|incorrect|ahead of the WAL flush position")
        self.wait_for_spool(end)
        *full, newest = self.spool.complete()
        self.assert_same_segments(self.spool, self.wal, full)
        begin = self.spool.start_of(newest)
        self.assertTrue(self.spool.read(1, begin, parse_lsn(end)) ==
                        self.wal.read(1, begin, parse_lsn(end)))
        archive = Receivewal(self.area, self.area.directory("archive"), self.spool.segment_size)
        self.area.copy_file(f"{self.spool.path}/{full[0]}", f"{archive.files.path}/{full[0]}")
        archive.run_to(walcast.port, parse_lsn(end) - 1)
        self.assert_same_segments(archive.files, self.wal, archive.files.complete())
        self.follower.finish()
        self.assertIsNone(self.follower.wrong)
