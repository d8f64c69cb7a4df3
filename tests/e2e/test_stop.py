"""A stop waits for nothing that may never come: a name server, a disk that hangs, a source that is
busy; and a second signal is seen whatever hangs."""

import time

from support.faults import FailingFiles, FaultyWalcast
from support.lsn import parse_lsn
from support.protocol import ServerError
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import binary, option_list
from support.workload import bulk_load

STOP_SECONDS_MAX = 10  # far below a timeout, and enough for a machine that is busy


class StopTest(RelayCase):
    def setUp(self):
        super().setUp()
        self.begin_faults()

    def begin_faults(self, name="fault"):
        self.faults = FailingFiles(self.area, f"{name}-{self.id()}")

    def faulty_relay(self, *args, **options):
        walcast = FaultyWalcast(self.area, self.faults, **self.relay_options(*args, **options))
        self.addCleanup(walcast.process.kill)
        return walcast

    def assert_stops(self, process, status):
        begun = time.monotonic()
        self.assertEqual(process.stop(timeout=3 * STOP_SECONDS_MAX), status, process.tail())
        self.assertLess(time.monotonic() - begun, STOP_SECONDS_MAX)

    def test_a_name_server_that_does_not_answer(self):
        walcast = self.relay()
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(end := self.primary.flush_lsn())
        walcast.stop()
        self.faults.fail("hang-lookup", "primary.example")
        walcast = self.faulty_relay("host=primary.example user=postgres")
        self.faults.wait_until_it_hangs()
        self.assertGreaterEqual(parse_lsn(self.connect(walcast.port).identify()[2]), parse_lsn(end))
        self.assert_stops(walcast.process, 0)

    def test_a_name_server_that_does_not_answer_at_the_start(self):
        self.faults.fail("hang-lookup", "primary.example")
        options = self.relay_options("host=primary.example user=postgres", port=0)
        process = self.area.spawn("walcast", self.faults.command(
            [binary(self.area, "walcast"), "serve", *option_list(options)]))
        self.faults.wait_until_it_hangs()
        self.assert_stops(process, 0)

    def hang(self, calls, **options):
        """A relay whose disk hangs while it receives."""
        walcast = self.faulty_relay(**options)
        walcast.wait_for_log("started streaming WAL")
        self.faults.fail(calls, self.spool.path)
        bulk_load(self.primary, rows=1_000)
        self.faults.wait_until_it_hangs()
        return walcast

    def test_a_disk_that_hangs_has_shutdown_timeout(self):
        for calls in ("hang-write", "hang-sync"):
            with self.subTest(calls):
                self.begin_faults(calls)
                walcast = self.hang(calls, shutdown_timeout="1s")
                self.assert_stops(walcast.process, 1)
                self.assertIn("the source of WAL did not stop in time", walcast.log())
                self.faults.mend()

    def test_slots_whose_disk_hangs_have_shutdown_timeout(self):
        state = self.area.directory(f"state-{self.id()}")
        walcast = self.faulty_relay(state_directory=state, shutdown_timeout="1s")
        walcast.wait_for_log("started streaming WAL")
        client = self.connect(walcast.port)
        for name in ("first", "second"):
            client.query(f"CREATE_REPLICATION_SLOT {name} PHYSICAL (RESERVE_WAL)")
        bulk_load(self.primary, rows=1_000)
        self.wait_for_spool(end := self.primary.flush_lsn())
        self.faults.fail("hang-sync", state)
        self.advance(walcast, "first", end)
        self.assert_stops(walcast.process, 1)
        self.assertIn("files did not answer in time", walcast.log())
        self.faults.mend()

    def advance(self, walcast, slot, end):
        """Moves a slot on by what a standby confirms."""
        begin = parse_lsn(end) // self.primary.segment_size * self.primary.segment_size
        client = self.connect(walcast.port)
        self.assertIsNone(client.start(begin, slot=slot))
        client.send_status(parse_lsn(end), parse_lsn(end))
        reader = self.connect(walcast.port)
        wait_until(lambda: reader.query(f"READ_REPLICATION_SLOT {slot}").rows[0][1].decode() == end,
                   "the slot has moved on")

    def test_a_disk_that_goes_on_is_waited_for(self):
        walcast = self.hang("hang-sync", shutdown_timeout="1h")
        walcast.begin_stop()
        wait_until(lambda: self.refuses(walcast.port), "no more clients")
        self.faults.mend()
        self.assertEqual(walcast.process.wait(), 0)

    def test_a_second_signal_is_seen_while_the_disk_hangs(self):
        for calls in ("hang-write", "hang-sync"):
            with self.subTest(calls):
                self.begin_faults(calls)
                walcast = self.hang(calls, shutdown_timeout="1h")
                walcast.begin_stop()
                # It listens no more: the first signal has been seen.
                wait_until(lambda port=walcast.port: self.refuses(port), "no more clients")
                self.assert_stops(walcast.process, 1)
                self.faults.mend()
        # What the disk had is what the relay begins with.
        walcast = self.relay()
        self.wait_for_spool(end := self.primary.flush_lsn())
        self.assert_spool_is_the_primarys_wal(parse_lsn(end))
        walcast.stop()

    def refuses(self, port):
        """A client whose connection was made just before may still be accepted, and be closed."""
        try:
            self.connect(port)
        except ConnectionRefusedError:
            return True
        except (OSError, AssertionError, ServerError):
            pass
        return False

    def test_a_source_that_is_busy(self):
        walcast = self.relay()
        walcast.stop()
        for _ in range(3):
            bulk_load(self.primary, rows=20_000)
        walcast = self.relay()
        walcast.wait_for_log("started streaming WAL")
        self.assert_stops(walcast.process, 0)
