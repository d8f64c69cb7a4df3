"""A relay whose spool's disk is full, or fails."""

import os
import random
import re
import threading

from support.faults import FailingFiles, FaultyWalcast
from support.lsn import parse_lsn
from support.relay import RelayCase
from support.replication import StreamError
from support.wal import WalFiles
from support.walcast import SmallDisk, SmallDiskWalcast, WrappedWalcast
from support.workload import bulk_load, wal_of


class FullDiskTest(RelayCase):
    """The spool lies on a file system of its own, in a mount namespace of the relay's."""

    def test_a_full_disk_pauses_the_stream_and_room_lets_it_go_on(self):
        if not SmallDiskWalcast.is_possible(self.area):
            self.skipTest("no user may mount anything here")
        mount = self.area.directory(f"mount-{self.id()}")
        walcast = SmallDiskWalcast(self.area, mount, megabytes=12, port=0, min_free_space="0",
                                   primary_conninfo=self.primary.conninfo(),
                                   spool_directory=f"{mount}/spool")
        inside = f"/proc/{walcast.process.pid}/root{mount}"
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(self.primary.flush_lsn())
        while not walcast.process.count_in_log("No space left on device; receiving WAL pauses"):
            bulk_load(self.primary, rows=2_000)
        client = self.connect(walcast.port)
        client.identify()  # sessions go on
        self.assertEqual(self.primary.sql("SELECT count(*) FROM pg_stat_replication"), "1")
        os.remove(f"{inside}/ballast")
        walcast.wait_for_log("receiving WAL goes on at")
        self.wait_for_spool(end := self.primary.flush_lsn())
        spool = WalFiles(f"{inside}/spool", self.spool.segment_size)
        begin = spool.begin()
        self.assertEqual(spool.read(1, begin, parse_lsn(end)),
                         wal_of(self.primary).read(1, begin, parse_lsn(end)))
        walcast.stop()


    def test_a_relay_starts_on_a_full_disk_and_goes_on_when_there_is_room(self):
        if not SmallDiskWalcast.is_possible(self.area):
            self.skipTest("no user may mount anything here")
        mount = self.area.directory(f"mount-{self.id()}")
        disk = SmallDisk(self.area, mount, megabytes=24)
        self.addCleanup(disk.process.kill)
        start = lambda: WrappedWalcast(
            self.area, disk.enter, allow_root=True, min_free_space="0",
            primary_conninfo=self.primary.conninfo(), spool_directory=f"{mount}/spool")
        walcast = start()
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(end := self.primary.flush_lsn())
        walcast.stop()
        filler = disk.fill()
        bulk_load(self.primary, rows=2_000)
        walcast = start()
        walcast.wait_for_log("No space left on device; receiving WAL pauses at")
        spool = WalFiles(f"{disk.path}/spool", self.spool.segment_size)
        begin = spool.begin()
        client = self.connect(walcast.port)
        client.start(begin)
        served = client.receive_until(parse_lsn(end))
        self.assertEqual(served, wal_of(self.primary).read(1, begin, client.position))
        os.remove(filler)
        walcast.wait_for_log("receiving WAL goes on at")
        self.wait_for_spool(self.primary.flush_lsn())
        walcast.stop()


class FaultyRelayCase(RelayCase):
    """A relay whose spool can be made to fail with EIO."""

    def setUp(self):
        super().setUp()
        self.files = FailingFiles(self.area, f"fault-{self.id()}")

    def faulty_relay(self, **options):
        walcast = FaultyWalcast(self.area, self.files, **self.relay_options(**options))
        self.addCleanup(walcast.process.kill)
        return walcast


class BrokenDiskTest(FaultyRelayCase):
    """What cannot be written, or made durable, ends the relay, whose disk may have anything."""

    def setUp(self):
        super().setUp()
        self.slot = f"spool_{random.randrange(1 << 32)}"
        self.walcast = self.start_relay()
        self.port = self.walcast.port
        self.follower = self.standby("standby", self.port)
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(self.primary.flush_lsn())
        self.make_commits_wait()

    def start_relay(self, **options):
        return self.faulty_relay(primary_slot_name=self.slot, create_primary_slot=True, **options)

    def acknowledged(self):
        """What the primary was told last, and keeps when the relay is gone."""
        return parse_lsn(self.primary.sql(
            f"SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = '{self.slot}'"))

    def load_aside(self):
        load = threading.Thread(target=bulk_load, args=(self.primary, 2_000), daemon=True)
        load.start()
        return load

    def check_end(self, calls, message):
        """While the calls fail, the relay ends and has told the primary nothing that is not so."""
        self.files.fail(calls, self.spool.path)
        durable = parse_lsn(self.primary.sql("SELECT flush_lsn FROM pg_stat_replication"))
        load = self.load_aside()
        self.assertEqual(self.walcast.process.wait(), 1, self.walcast.process.tail())
        self.assertRegex(self.walcast.log(), f"FATAL: .*{message}")
        self.assertEqual(self.acknowledged(), durable)
        self.assertTrue(load.is_alive())  # its commit waits for a disk that it can trust
        return load

    def check_recovery(self, load):
        self.files.mend()
        self.check_restart(load)

    def check_restart(self, load):
        self.walcast = self.start_relay(port=self.port)
        load.join(60)
        self.assertFalse(load.is_alive())
        bulk_load(self.primary, rows=1_000)
        end = parse_lsn(self.primary.flush_lsn())
        self.follower.wait_for_replay(end)
        self.assertEqual(self.follower.checksums(), self.primary.checksums())
        self.assertNotRegex(self.follower.process.stderr(), "PANIC|incorrect")
        self.assert_spool_is_the_primarys_wal(end)
        self.walcast.stop()

    def test_what_is_not_durable_is_not_acknowledged(self):
        load = self.check_end("sync", 'could not fsync file ".*": Input/output error')
        with self.assertRaisesRegex(AssertionError, "could not fsync file .*: Input/output error"):
            self.start_relay(port=self.port)
        self.check_recovery(load)

    def test_what_the_disk_does_not_have_is_received_again(self):
        load = self.check_end("sync", 'could not fsync file ".*": Input/output error')
        segment = self.spool.file(1, self.acknowledged())
        with open(segment, "rb") as file:
            written = len(file.read().rstrip(b"\0"))
        lost_from = self.spool.start_of(os.path.basename(segment)) + (written - 1) // 8192 * 8192
        self.files.fail("forget", segment)
        self.check_restart(load)
        found = re.search(r"timeline 1 ends at (\S+)", self.walcast.log())
        self.assertLessEqual(parse_lsn(found.group(1)), lost_from)

    def test_what_is_not_written_is_not_acknowledged(self):
        load = self.check_end("write", 'could not write to file ".*": Input/output error')
        self.check_recovery(load)

    def test_what_cannot_be_read_back_is_proven_from_memory(self):
        """A relay reads nothing back: a commit is confirmed, and standbys have it afterwards."""
        self.files.fail("read", self.spool.path)
        load = self.load_aside()
        load.join(60)
        self.assertFalse(load.is_alive(), self.walcast.process.tail())
        self.files.mend()
        self.walcast.stop()
        self.check_restart(load)


class UnreadableSpoolTest(FaultyRelayCase):
    """A part of the spool that cannot be read concerns only the standbys that want it."""

    def setUp(self):
        super().setUp()
        self.walcast = self.faulty_relay(workers=1)
        self.follower = self.standby("standby", self.walcast.port)
        bulk_load(self.primary, rows=10_000)
        self.end = parse_lsn(self.primary.flush_lsn())
        self.wait_for_spool(self.primary.flush_lsn())
        self.begin = self.spool.begin()
        self.expected = wal_of(self.primary).read(1, self.begin, self.end)
        self.client = self.connect(self.walcast.port)

    def fail_one_segment(self, calls):
        """The second one, for a standby that begins with the first."""
        self.files.fail(calls, self.spool.file(1, self.begin + self.spool.segment_size))

    def assert_begins(self, data, expected):
        """There may be more, which has come since."""
        self.assertTrue(data.startswith(expected))

    def receive_to_failure(self):
        self.assertIsNone(self.client.start(self.begin, 1))
        data, end = self.client.receive_to_end()
        self.assertEqual(data, self.expected[:len(data)])
        return end

    def assert_others_go_on(self):
        other = self.connect(self.walcast.port)
        skipped = 2 * self.spool.segment_size
        self.assertIsNone(other.start(self.begin + skipped, 1))
        self.assert_begins(other.receive_until(self.end), self.expected[skipped:])
        other.close()
        bulk_load(self.primary, rows=1_000)
        self.follower.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.assertEqual(self.follower.process.count_in_log("started streaming WAL"), 1)

    def assert_readable_again(self, client):
        self.files.mend()
        self.assertIsNone(client.start(self.begin, 1))
        self.assert_begins(client.receive_until(self.end), self.expected)
        self.walcast.stop()

    def test_a_standby_that_reads_it_gets_an_error_and_may_try_again(self):
        self.fail_one_segment("read")
        failure = self.receive_to_failure()
        self.assertIsInstance(failure, StreamError)
        self.assertEqual(failure.fields["C"], "58030")
        name = self.spool.name(1, self.begin + self.spool.segment_size)
        self.assertRegex(failure.fields["M"],
                         f"^could not read from log segment {name}, offset \\d+: Input/output error$")
        self.assertEqual(self.client.result().types(), "Z")
        self.assert_others_go_on()
        self.assert_readable_again(self.client)

    def test_a_standby_that_is_sent_it_by_the_kernel_is_lost_in_mid_message(self):
        other = self.connect(self.walcast.port)
        other.start(self.begin, 1)
        other.receive_until(self.end)  # so that all is proven, and is not read any more
        other.close()
        self.fail_one_segment("send")
        with self.assertRaisesRegex(AssertionError, "connection closed inside a message"):
            self.receive_to_failure()
        self.walcast.wait_for_log("could not read from log segment .*: Input/output error")
        self.assert_others_go_on()
        self.assert_readable_again(self.connect(self.walcast.port))
