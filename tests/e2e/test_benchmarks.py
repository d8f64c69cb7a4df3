"""perf/compare.py plays the smallest form of each load, and writes the document of it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

_E2E = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(_E2E))
_PERF = os.path.join(_ROOT, "perf")

_SMALLEST = ["--rounds", "1", "--readers", "2", "--megabytes", "16", "--volume-megabytes", "32",
             "--standbys", "2", "--commits", "120", "--single-commits", "120",  # a p99 is of 100
             "--probe-seconds", "0.1", "--bisections", "1", "--rate-max", "200",
             "--pgbench-standbys", "0,2", "--pgbench-seconds", "1", "--idle-standbys", "3",
             "--idle-seconds", "1"]
# Of each part: which servers it measures here, and which figures of them are above zero.
_PARTS = {
    "bulk": ({"direct", "cascade", "directory", "relay", "attach", "sendfile"},
             {"cpu_seconds_per_gb", "gb_per_second"}),
    "cold": ({"relay", "sendfile"}, {"cpu_seconds_per_gb", "gb_per_second"}),
    "live": ({"direct", "cascade", "directory", "relay", "attach", "forwarder"},
             {"p50_us", "p99_us", "commits_per_second", "cpu_us_per_delivery"}),
    "single": ({"attach", "forwarder"}, {"p50_us", "p99_us"}),
    "rate": ({"relay"}, set()),
    "pgbench": ({"direct", "relay"}, {"tps", "latency_ms"}),
    "idle": ({"relay"}, {"seconds"}),
}


_SECTIONS = ["What a fleet costs its primary", "From commit to standby", "One standby",
             "The highest rate", "In bulk", "Idle standbys", "What should hold",
             "Where walcast's part of the time goes", "How it was measured"]


class BenchmarksTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = directory.name

    def play(self, part, *options):
        subjects = ",".join(sorted(_PARTS[part][0]))
        done = subprocess.run(
            [sys.executable, "-B", os.path.join(_PERF, "compare.py"), "--into", self.directory,
             "--only", part, "--subjects", subjects, *_SMALLEST, *options],
            capture_output=True, text=True, timeout=240, check=False, cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": f"{_E2E}:{_PERF}"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def runs(self, part):
        path = os.path.join(self.directory, "benchmarks", f"{part}.json")
        with open(path, encoding="utf-8") as file:
            return json.load(file)["runs"]

    def test_each_load_is_played_and_in_the_document(self):
        for part, (subjects, figures) in _PARTS.items():
            with self.subTest(part=part):
                self.play(part)
                runs = self.runs(part)
                self.assertEqual({run["subject"] for run in runs}, subjects)
                for run in runs:
                    below = {name for name in figures if not run["figures"][name] > 0}
                    self.assertEqual(below, set(), run)
        with open(os.path.join(self.directory, "benchmarks.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(re.findall("(?m)^## (.*)$", text), _SECTIONS)
        self.assert_nothing_is_measured_twice()

    def assert_nothing_is_measured_twice(self):
        before = self.runs("single")
        self.assertRegex(self.play("single"), r"^0 runs, about 0:00 min")
        self.assertEqual(self.runs("single"), before)
        self.assertRegex(self.play("single", "--estimate", "--fresh"), r"^2 runs, about \d:\d\d min")


if __name__ == "__main__":
    unittest.main()
