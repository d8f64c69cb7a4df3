"""The report of where WAL spends its time, and that each slowness is named which a test has made."""

import contextlib
import os
import signal
import time

from support.attach import AttachCase
from support.case import E2eCase
from support.faults import FailingFiles, FaultyWalcast
from support.latency import SERVER_STAGES, reports_of, verdict_is, wait_for_report
from support.lsn import parse_lsn
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import Fleet, Walcast
from support.workload import bulk_load

_COMMITS = 20


class StandbyStagesTest(RelayCase):
    def commit(self, count):
        for number in range(count):
            self.primary.sql(f"INSERT INTO bulk VALUES ({number}, 'one commit')")

    @staticmethod
    def wake(process_id):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(process_id, signal.SIGCONT)

    def replay_all(self, standby):
        standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))

    def test_a_standby_has_all_stages_and_one_that_delays_its_replay_is_named(self):
        walcast = self.relay(latency_report=True)
        quick = self.standby("quick", walcast.port, cluster_name="quick")
        delayed = self.standby("delayed", walcast.port, cluster_name="delayed",
                               recovery_min_apply_delay="1h")
        self.replay_all(quick)
        wait_until(lambda: delayed.sql("SELECT status FROM pg_stat_wal_receiver") == "streaming",
                   "the other standby streams")
        wait_for_report(walcast, lambda report: report.standby("quick"))
        self.commit(_COMMITS)
        self.replay_all(quick)

        def is_whole(report):
            standby = report.standby("quick")
            return (standby and int(standby["deliveries"]) >= _COMMITS
                    and "-" not in (standby["written"], standby["flushed"], standby["applied"])
                    and report.standby("delayed"))
        report = wait_for_report(walcast, is_whole)
        for stage in (*SERVER_STAGES, "= walcast", "written", "flushed"):
            self.assertGreaterEqual(report.deliveries[stage], _COMMITS, report.text)
        parts = sum(report.server_stages().values())
        # Each of the six is printed with two or three digits.
        self.assertAlmostEqual(parts, report.means["= walcast"], delta=0.06 * parts)
        report = wait_for_report(walcast, verdict_is("delayed", "standby's replay, "))
        self.assertTrue(report.standby("delayed")["verdict"].endswith(" so far"), report.text)

        known = len(reports_of(walcast))
        walcast.begin_stop()
        self.assertEqual(walcast.process.wait(), 0)
        last = reports_of(walcast)
        self.assertEqual(len(last), known + 1)
        self.assertGreaterEqual(last[-1].deliveries["= walcast"], _COMMITS)

    def test_a_receiver_that_stands_still_is_named_and_then_its_full_socket(self):
        walcast = self.relay()
        standby = self.standby("stopped", walcast.port, cluster_name="stopped")
        self.replay_all(standby)
        receiver = int(standby.sql("SELECT pid FROM pg_stat_wal_receiver"))
        wait_for_report(walcast, lambda report: report.standby("stopped"))
        os.kill(receiver, signal.SIGSTOP)
        self.addCleanup(self.wake, receiver)
        self.commit(1)
        report = wait_for_report(walcast, verdict_is("stopped", "standby's receiver or network, "))
        self.assertTrue(report.standby("stopped")["verdict"].endswith(" so far"), report.text)
        bulk_load(self.primary, rows=200_000)
        wait_for_report(walcast, verdict_is("stopped", "socket full, "))
        self.wake(receiver)
        self.replay_all(standby)
        walcast.stop()

    def test_a_spool_that_is_slow_to_write_to_is_named(self):
        files = FailingFiles(self.area, "disk")
        walcast = FaultyWalcast(self.area, files, **self.relay_options())
        standby = self.standby("behind", walcast.port, cluster_name="behind")
        self.replay_all(standby)
        files.fail("hang-write", self.spool.path)
        self.commit(1)
        files.wait_until_it_hangs()
        began = time.monotonic()
        self.primary.sql("SELECT pg_sleep(1)")
        files.mend()
        hung = time.monotonic() - began
        self.replay_all(standby)
        report = wait_for_report(walcast, verdict_is("behind", "spool's disk, "))
        # The disk hung before the test knew it; the report has three digits.
        self.assertGreater(report.longest["stored"], 0.99 * hung, report.text)
        walcast.stop()


class SourceStagesTest(E2eCase):
    def test_synthetic_wal_has_the_stages_of_a_directory(self):
        walcast = Walcast(self.area, synthetic="1MB/s", spool_directory=self.area.path("spool"),
                          latency_report=True)
        fleet = Fleet(self.area, walcast.port, 5, duration="3s", status_interval="100ms")
        report = wait_for_report(walcast, lambda report: report.deliveries.get("applied", 0) >= 100)
        self.assertNotIn("stored", report.deliveries)
        for stage in ("proven", "published", "taken", "sent", "= walcast"):
            self.assertGreaterEqual(report.deliveries[stage], 100, report.text)
        self.assertEqual(fleet.finish().status, 0)
        walcast.stop()
        # The standbys have left; what they got has not.
        self.assertGreaterEqual(reports_of(walcast)[-1].deliveries["sent"], 100)


    def test_send_delay_is_a_stage_of_its_own(self):
        walcast = Walcast(self.area, synthetic="1MB/s", spool_directory=self.area.path("gathered"),
                          send_delay="20ms", send_delay_exempt_names="walbench_0")
        fleet = Fleet(self.area, walcast.port, 2, duration="3s", status_interval="100ms")
        report = wait_for_report(
            walcast, lambda report: report.deliveries.get("gathered", 0) >= 100)
        self.assertLess(report.deliveries["gathered"], report.deliveries["sent"], report.text)
        self.assertGreater(report.longest["gathered"], 0, report.text)
        self.assertRegex(report.text, r"(?m)^send_delay: \d+ deliveries in \d+ sends, ")
        self.assertEqual(fleet.finish().status, 0)
        walcast.stop()


class AttachedStagesTest(AttachCase):
    def test_wal_of_the_primarys_own_files_has_its_stages(self):
        walcast = self.attach()
        fleet = Fleet(self.area, walcast.port, 3, duration="5s", status_interval="100ms")

        def commit_and_look(report):
            self.primary.sql("INSERT INTO bulk VALUES (1, 'one commit')")
            return report.deliveries.get("applied", 0) >= _COMMITS
        report = wait_for_report(walcast, commit_and_look)
        self.assertNotIn("stored", report.deliveries)
        for stage in ("proven", "published", "taken", "sent", "= walcast"):
            self.assertGreaterEqual(report.deliveries[stage], _COMMITS, report.text)
        self.assertEqual(fleet.finish().status, 0)
        walcast.stop()
