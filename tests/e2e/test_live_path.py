"""The floors of bench/, as good a relay and an archive as standbys need, and perf/live.py, for a
moment."""

import os
import subprocess
import sys
import unittest

from support.case import PostgresCase
from support.forwarder import Forwarder, SendfileLoop
from support.lsn import parse_lsn
from support.receivewal import Receivewal
from support.relay import RelayCase
from support.walcast import Fleet
from support.workload import bulk_load, wal_of

_E2E = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(_E2E))


class ForwarderTest(RelayCase):
    """What is measured beside the forwarder means something only if it forwards every byte."""

    def setUp(self):
        super().setUp()
        self.forwarder = Forwarder(self.area, self.primary.port)
        self.addCleanup(self.forwarder.stop)

    def test_a_standby_replays_what_is_forwarded(self):
        standby = self.standby("standby", self.forwarder.port)
        for _ in range(2):
            bulk_load(self.primary, rows=5_000)
            standby.wait_for_replay(parse_lsn(self.primary.flush_lsn()))
        self.assertEqual(standby.checksums(), self.primary.checksums())
        self.assertEqual(standby.process.count_in_log("started streaming WAL"), 1)

    def test_pg_receivewal_gets_the_primarys_bytes(self):
        received = Receivewal(self.area, self.area.directory("received"),
                              self.primary.segment_size).start(self.forwarder.port)
        received.wait_for_partial()
        bulk_load(self.primary, rows=10_000)
        self.primary.sql("SELECT pg_switch_wal()")
        end = parse_lsn(self.primary.flush_lsn())
        received.process.wait_for(r"finished segment at \S+", stream="stderr")
        received.process.stop()
        self.assertGreaterEqual(len(received.files.complete()), 1)
        self.assertGreater(end, received.files.begin())
        self.assert_same_segments(received.files, wal_of(self.primary), received.files.complete())

    def test_light_standbys_stay_while_others_come_and_go(self):
        start = parse_lsn(self.primary.flush_lsn())
        bulk_load(self.primary, rows=1_000)
        until = parse_lsn(self.primary.flush_lsn()) + (1 << 20)
        fleet = Fleet(self.area, self.forwarder.port, 20, start, until,
                      verify=wal_of(self.primary).path)
        for _ in range(5):
            bulk_load(self.primary, rows=2_000)
            self.connect(self.forwarder.port).close()
        report = fleet.finish()
        self.assertEqual((report.status, report["completed"]), (0, 20), report.output)


class SendfileLoopTest(PostgresCase):
    """So does what is measured beside the loop that sends files."""

    def setUp(self):
        self.primary.sql("SELECT pg_switch_wal()")
        self.loop = SendfileLoop(self.area, self.wal.path)
        self.addCleanup(self.loop.stop)

    def test_each_reader_gets_the_files_bytes(self):
        begin = self.wal.begin() + 4096  # within a page
        end = parse_lsn(self.primary.flush_lsn())
        self.assertGreater(end - begin, 4 * self.wal.segment_size)
        until = end - end % self.wal.segment_size
        fleet = Fleet(self.area, self.loop.port, 7, begin, until, verify=self.wal.path)
        report = fleet.finish()
        self.assertEqual((report.status, report["completed"], report["mismatches"]), (0, 7, 0),
                         report.output)
        self.assertGreaterEqual(report["bytes"], 7 * (until - begin))

    def test_a_reader_that_has_all_may_ask_and_leave(self):
        client = self.connect(self.loop.port)
        system, timeline, end = client.identify()
        self.assertEqual((system, timeline), (self.system_identifier, 1))
        self.assertIsNone(client.start(parse_lsn(end), 1))
        self.assertEqual(client.ping()[0].wal_end, parse_lsn(end))

    def test_what_is_not_there_is_refused(self):
        answer = self.connect(self.loop.port).start(0x100, 1)
        self.assertEqual(answer.error["C"], "58P01")


class LivePathTest(unittest.TestCase):

    def test_each_figure_is_there(self):
        done = subprocess.run(
            [sys.executable, "-B", os.path.join(_ROOT, "perf", "live.py"), "--commits", "40",
             "--warm-up", "5", "--rounds", "1", "--standbys", "3"],
            capture_output=True, text=True, timeout=150, check=False,
            env={**os.environ, "PYTHONPATH": f"{_E2E}:{_ROOT}/perf"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout)
        for behind in ("primary", "forwarder", "walcast"):
            found = rf"(?m)^{behind} +\d+ +\d+ +\d+\.\d +\d+\.\d +(\d+)\.\d%( |$)"
            self.assertRegex(done.stdout, found)
        self.assertRegex(done.stdout, r"(?m)^walcast / forwarder: p50 \d+\.\d\d \([+-]\d+ us\), p99"
                                      r" \d+\.\d\d, CPU \d+\.\d\d, commits/s \d+\.\d\d$")
        stamps = [float(share) for share in _shares_of_stamps(done.stdout)]
        self.assertGreater(min(stamps), 80)  # one may lie on the border of two WAL pages


def _shares_of_stamps(text):
    return [line.split("%")[0].split()[-1] for line in text.splitlines() if "%" in line]
