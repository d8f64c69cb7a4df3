"""Each stage of WAL on its way is made slow, and the report must name what was slow, and nothing
else."""

import contextlib
import os
import signal
import threading
import time

from support.attach import AttachCase
from support.case import E2eCase
from support.cluster import PgCluster
from support.faults import FailingFiles, FaultyWalcast
from support.latency import SERVER_STAGES, reports_of, verdict_is, wait_for_report
from support.lsn import format_lsn, parse_lsn
from support.relay import RelayCase
from support.replication import Keepalive, XLogData
from support.wait import wait_until
from support.walcast import Walcast
from support.workload import bulk_load

_SMALL_BUFFER = 4096


class Scripted(threading.Thread):
    """A standby that says at once what it has; one that is held back at a stage has no more WAL
    there than at that moment, or reads no more."""

    def __init__(self, case, port, name, **options):
        super().__init__(daemon=True)
        self.client = case.connect(port, application_name=name, **options)
        self.begin = parse_lsn(self.client.identify()[2])
        assert self.client.start(self.begin) is None
        self._held_at = {}
        self._reads = threading.Event()
        self._reads.set()
        self._lock = threading.Lock()
        self._say()
        self.start()

    def run(self):
        """Until the server, or the test, ends the stream."""
        with contextlib.suppress(OSError, AssertionError):
            while self._reads.wait() and isinstance(self.client.next_event(),
                                                    (XLogData, Keepalive)):
                self._say()

    def hold_back(self, stage):
        with self._lock:
            self._held_at[stage] = self.client.position

    def go_on(self):
        self._held_at.clear()
        self._reads.set()
        self._say()

    def stop_reading(self):
        self._reads.clear()

    def wait_for(self, lsn):
        wait_until(lambda: self.client.position >= lsn, "the standby has the commit")

    def _say(self):
        with self._lock:
            write = self._held_at.get("write", self.client.position)
            flush = min(write, self._held_at.get("flush", write))
            self.client.send_status(write, flush, min(flush, self._held_at.get("apply", flush)))


def is_over(name):
    """Nothing waits any more."""
    return lambda report: not report.standby(name)["verdict"].endswith(" so far")


class SlowStages:
    """What tests of every source share. They have a primary, and a place where its WAL is read or
    written."""

    def commit(self):
        self.primary.sql("SELECT pg_logical_emit_message(true, 'e2e', 'one commit')")
        return parse_lsn(self.primary.flush_lsn())

    def pass_two_seconds(self):
        self.primary.sql("SELECT pg_sleep(2)")

    def live_standby(self, walcast, name):
        """One that acknowledges at once, and has a delivery."""
        Scripted(self, walcast.port, name)

        def has_one(report):
            self.commit()
            standby = report.standby(name)
            return standby and int(standby["deliveries"]) > 0 and standby["applied"] != "-"
        wait_for_report(walcast, has_one)

    def assert_named(self, walcast, name, cause, stage, seconds):
        """The cause is named, and the time is in that stage and in no other of walcast's."""
        is_named = verdict_is(name, cause + ", ")
        report = wait_for_report(walcast, lambda report: is_named(report) and report.longest.get(
            stage, 0) > 0.95 * seconds)
        for other in SERVER_STAGES:
            if other != stage and other in report.longest:
                self.assertLess(report.longest[other], 0.5 * seconds, report.text)
        whole = report.means["= walcast"]
        self.assertAlmostEqual(sum(report.server_stages().values()), whole, delta=0.06 * whole)
        walcast.stop()
        self.assertGreater(reports_of(walcast)[-1].longest[stage], 0.95 * seconds)

    def assert_hang_is_named(self, walcast, files, hang, cause, stage):
        """Calls of a kind hang for two seconds in which there is a commit."""
        self.live_standby(walcast, "live")
        files.fail(*hang)
        self.commit()
        files.wait_until_it_hangs()
        began = time.monotonic()
        self.pass_two_seconds()
        files.mend()
        self.assert_named(walcast, "live", cause, stage, time.monotonic() - began - 0.05)

    def assert_stop_is_named(self, walcast):
        """The whole server gets no processor for two seconds in which there is a commit."""
        self.live_standby(walcast, "live")
        walcast.process.send_signal(signal.SIGSTOP)
        self.commit()
        began = time.monotonic()
        self.pass_two_seconds()
        stood = time.monotonic() - began
        walcast.process.send_signal(signal.SIGCONT)
        self.assert_named(walcast, "live", "receiver busy", "received", stood)


class RelayCausesTest(SlowStages, RelayCase):
    def take_base(self, name="base"):
        """Light standbys need none."""

    def faulty_relay(self, **options):
        files = FailingFiles(self.area, f"disk-{self.id()}")
        options = self.relay_options(latency_report=True, **options)
        return FaultyWalcast(self.area, files, **options), files

    def test_a_receiver_that_does_not_run(self):
        self.assert_stop_is_named(self.relay(latency_report=True))

    def test_a_spool_that_is_slow_to_write_to(self):
        walcast, files = self.faulty_relay()
        self.assert_hang_is_named(walcast, files, ("hang-write", self.spool.path), "spool's disk",
                                  "stored")

    def test_a_spool_that_is_slow_to_sync(self):
        """The stream is not held up before more than a segment is not durable."""
        walcast, files = self.faulty_relay()
        self.live_standby(walcast, "live")
        files.fail("hang-sync", self.spool.path)
        self.commit()
        files.wait_until_it_hangs()
        bulk_load(self.primary, rows=5_000)
        began = time.monotonic()
        self.pass_two_seconds()
        files.mend()
        self.assert_named(walcast, "live", "spool's disk", "stored",
                          0.9 * (time.monotonic() - began))

    def test_a_loop_that_is_held_up_by_another_standby(self):
        walcast, files = self.faulty_relay(workers=1)
        bulk_load(self.primary, rows=10_000)
        self.wait_for_spool(self.primary.flush_lsn())
        self.live_standby(walcast, "live")
        laggard = self.connect(walcast.port, application_name="laggard")
        files.fail("hang-send", self.spool.path)
        laggard.send("Q", f"START_REPLICATION {format_lsn(self.spool.begin())}\0".encode())
        files.wait_until_it_hangs()
        self.commit()
        began = time.monotonic()
        self.pass_two_seconds()
        files.mend()
        stood = time.monotonic() - began
        laggard.close()
        self.assert_named(walcast, "live", "loop busy", "taken", stood - 0.05)

    def test_a_cold_read(self):
        walcast = self.relay()
        self.live_standby(walcast, "live")
        bulk_load(self.primary, rows=10_000)
        self.wait_for_spool(end := self.primary.flush_lsn())
        walcast.stop()
        walcast, files = self.faulty_relay()
        cold = self.connect(walcast.port, application_name="cold")
        files.fail("hang-read", self.spool.path)
        self.assertIsNone(cold.start(self.spool.begin()))
        files.wait_until_it_hangs()
        self.pass_two_seconds()
        report = wait_for_report(walcast, verdict_is("cold", "cold read, "))
        self.assertTrue(report.standby("cold")["verdict"].endswith(" so far"), report.text)
        files.mend()
        cold.receive_until(parse_lsn(end))
        walcast.stop()

    def test_a_client_that_does_not_read(self):
        walcast = self.relay()
        standby = Scripted(self, walcast.port, "full", receive_buffer=_SMALL_BUFFER)
        standby.wait_for(self.commit())
        standby.stop_reading()
        bulk_load(self.primary, rows=20_000)
        report = wait_for_report(walcast, verdict_is("full", "socket full, "))
        self.assertTrue(report.standby("full")["verdict"].endswith(" so far"), report.text)
        standby.go_on()
        standby.wait_for(parse_lsn(self.primary.flush_lsn()))
        wait_for_report(walcast, is_over("full"))
        walcast.stop()

    def assert_standby_is_named(self, stage, cause):
        """One that says for two seconds that it has not come so far."""
        walcast = self.relay()
        standby = Scripted(self, walcast.port, "late")
        standby.wait_for(self.commit())
        standby.hold_back(stage)
        standby.wait_for(self.commit())
        self.pass_two_seconds()
        report = wait_for_report(walcast, verdict_is("late", cause + ", "))
        self.assertTrue(report.standby("late")["verdict"].endswith(" so far"), report.text)
        standby.go_on()
        report = wait_for_report(walcast, is_over("late"))
        self.assertTrue(report.standby("late")["verdict"].startswith(cause + ", "), report.text)
        walcast.stop()

    def test_a_standby_that_is_slow_to_write(self):
        self.assert_standby_is_named("write", "standby's receiver or network")

    def test_a_standby_that_is_slow_to_flush(self):
        self.assert_standby_is_named("flush", "standby's disk")

    def test_a_standby_that_is_slow_to_replay(self):
        self.assert_standby_is_named("apply", "standby's replay")


class DirectoryCausesTest(SlowStages, E2eCase):
    """A directory in which a server writes that walcast has no connection to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        cls.addClassCleanup(cls.primary.stop)

    def serve(self):
        files = FailingFiles(self.area, f"disk-{self.id()}")
        return FaultyWalcast(self.area, files, wal_directory=self.primary.wal_path,
                             latency_report=True), files

    def test_a_slow_proof(self):
        walcast, files = self.serve()
        self.assert_hang_is_named(walcast, files, ("hang-read", self.primary.wal_path),
                                  "waiting for proof", "proven")

    def test_names_of_files_that_are_slow_to_look_at(self):
        walcast, files = self.serve()
        segments = os.path.join(self.primary.wal_path, "0000")
        self.assert_hang_is_named(walcast, files, ("hang-stat", segments), "publishing",
                                  "published")

    def test_nothing_is_received_and_nothing_stored(self):
        walcast, _ = self.serve()
        self.live_standby(walcast, "live")
        report = wait_for_report(walcast, lambda report: report.deliveries)
        self.assertEqual(list(report.server_stages()), ["proven", "published", "taken", "sent"])
        walcast.stop()


class AttachedCausesTest(SlowStages, AttachCase):
    def attached(self):
        files = FailingFiles(self.area, f"disk-{self.id()}")
        options = {"latency_report": True}
        return self.attach(lambda area, **more: FaultyWalcast(area, files, **more),
                           **options), files

    def test_a_receiver_that_does_not_run(self):
        self.assert_stop_is_named(self.attach(Walcast, latency_report=True))

    def test_a_slow_proof(self):
        walcast, files = self.attached()
        self.assert_hang_is_named(walcast, files, ("hang-read", self.primary.wal_path),
                                  "waiting for proof", "proven")

    def test_it_stores_nothing(self):
        walcast, _ = self.attached()
        self.live_standby(walcast, "live")
        report = wait_for_report(walcast, lambda report: report.deliveries)
        self.assertEqual(list(report.server_stages()),
                         ["received", "proven", "published", "taken", "sent"])
        walcast.stop()
