"""bench/hop_cost.py, for a moment, so that it does not rot."""

import os
import subprocess
import sys
import unittest

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class HopCostTest(unittest.TestCase):

    def test_each_figure_is_there(self):
        done = subprocess.run([sys.executable, "-B", os.path.join(_ROOT, "bench", "hop_cost.py"),
                               "--commits", "50", "--warm-up", "5"],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout)
        number = r" +-?\d+"
        for behind in ("primary", "1 walcast", "2 walcasts", "3 walcasts"):
            self.assertRegex(done.stdout, rf"(?m)^{behind}{number}{number} +\d+\.\d\d, \d+\.\d\d$")
        for hop in (1, 2, 3):
            self.assertRegex(done.stdout, rf"(?m)^hop {hop} adds, .*: p50{number}, p99{number}$")
