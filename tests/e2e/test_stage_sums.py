"""perf/stages.py: its arithmetic on planted times, and a run for a moment, so that it still works."""

import os
import subprocess
import sys
import unittest

_E2E = os.path.dirname(os.path.abspath(__file__))
_PERF = os.path.join(os.path.dirname(os.path.dirname(_E2E)), "perf")
sys.path.append(_PERF)

# pylint: disable=wrong-import-position
from stages import Sums
from support.latency import Report
from tap import Means, Stamps

_REPORT = """walcast: latency of the last 60 s, 4 live deliveries
stage      deliveries      mean       p50       p99     p99.9       max
received            4     40 us     40 us     40 us     40 us     40 us  what it is
stored              4    9.5 us    9.5 us    9.5 us    9.5 us    9.5 us  what it is
proven              4     20 us     20 us     20 us     20 us     20 us  what it is
published           4    0.5 us    0.5 us    0.5 us    0.5 us    0.5 us  what it is
taken               4   1.00 ms   1.00 ms   1.00 ms   1.00 ms   1.00 ms  what it is
sent                4     30 us     30 us     30 us     30 us     30 us  what it is
= walcast           4   1.10 ms   1.10 ms   1.10 ms   1.10 ms   1.10 ms  what it is
written             4     20 ms     20 ms     20 ms     20 ms     20 ms  what it is
"""


class ArithmeticTest(unittest.TestCase):
    def test_the_way_is_cut_at_the_tap_and_at_the_sockets_of_the_standbys(self):
        sums = Sums.of({"arrived_us": 300.0, "left_us": 350.0}, {"mean": 1460.0}, Report(_REPORT))
        self.assertAlmostEqual(sums.inside, 1100)  # without what the standby takes
        self.assertAlmostEqual(sums.outside, 1110)
        self.assertAlmostEqual(sums.whole, 1450)
        self.assertIn("stages / from outside 0.991; all / walbench 0.993", sums.text())

    def test_the_tap_counts_from_when_a_commit_was_due(self):
        means = Means()
        means.add(due=1_000_000, arrived=1_200_000, left=1_250_000)
        means.add(due=2_000_000, arrived=2_400_000, left=2_410_000)
        self.assertEqual(means.as_json(), '{"count": 2, "arrived_us": 300.0, "left_us": 330.0}')

    def test_the_tap_finds_a_stamp_however_it_is_cut(self):
        text = b"record one@0001234567890abc two@0001234567890abc one@0000000000000001 record"
        for cut in range(len(text) + 1):
            stamps = Stamps("one")
            self.assertEqual(stamps.find(text[:cut]) + stamps.find(text[cut:]),
                             [0x1234567890ABC, 1], cut)


class StagesTest(unittest.TestCase):
    def run_for_a_moment(self, *options):
        done = subprocess.run(
            [sys.executable, "-B", os.path.join(_PERF, "stages.py"), "--commits", "60", *options],
            env={**os.environ, "PYTHONPATH": _E2E}, capture_output=True, text=True, timeout=180,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout)
        self.assertRegex(done.stdout, r"(?m)^stages / from outside \d\.\d{3}; all / walbench \d\.")
        return done.stdout

    def test_a_relay_has_all_stages(self):
        text = self.run_for_a_moment()
        self.assertRegex(text, r"\(received \S+, stored \S+, proven \S+, published \S+, taken \S+,"
                               r" sent \S+\)")
        self.assertRegex(text, r"commits 60, seen by the tap (59|60), by standbys 60")

    def test_an_attached_server_stores_nothing(self):
        self.assertRegex(self.run_for_a_moment("--attach"), r"\(received \S+, proven \S+,")


if __name__ == "__main__":
    unittest.main()
