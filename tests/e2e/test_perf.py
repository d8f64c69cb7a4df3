"""The scripts of perf/ that look into a walcast, for a moment each, and what they draw."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from support.case import E2eCase
from support.trace import TracedWalcast

_E2E = os.path.dirname(os.path.abspath(__file__))
_PERF = os.path.join(os.path.dirname(os.path.dirname(_E2E)), "perf")


def run(script, *options, status=0):
    """What it prints."""
    done = subprocess.run(
        [sys.executable, "-B", os.path.join(_PERF, script), *map(str, options)],
        capture_output=True, text=True, timeout=500, check=False,
        env={**os.environ, "PYTHONPATH": f"{_E2E}:{_PERF}"})
    assert done.returncode == status, f"{script}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Graph:
    """The frames of a flame graph: what their titles say, and what they look like."""

    _SVG = "{http://www.w3.org/2000/svg}"

    def __init__(self, text):
        self.frames = {}
        for group in ElementTree.fromstring(text).iter(f"{self._SVG}g"):
            title = group.find(f"{self._SVG}title").text
            self.frames[title.partition(": ")[0]] = title, group.find(f"{self._SVG}rect").attrib

    def title(self, name):
        return self.frames[name][0]

    def width(self, name):
        return float(self.frames[name][1]["width"])

    def colour(self, name):
        return self.frames[name][1]["fill"]


class FlameTest(unittest.TestCase):
    """perf/flame.py, on stacks of which the picture is known."""

    def setUp(self):
        area = tempfile.TemporaryDirectory()
        self.addCleanup(area.cleanup)
        self.area = area.name

    def stacks(self, name, text):
        path = os.path.join(self.area, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_a_frame_is_as_wide_as_its_share(self):
        graph = Graph(run("flame.py", self.stacks("a", "main;send 30000\nmain;read 10000\n")))
        self.assertEqual(graph.title("send"), "send: 30.0 ms, 75.0%")
        self.assertAlmostEqual(graph.width("send"), 3 * graph.width("read"), delta=1)
        self.assertAlmostEqual(graph.width("main"), graph.width("all"), delta=1)

    def test_names_are_text_and_no_markup(self):
        graph = Graph(run("flame.py", self.stacks("a", "main;sort<a&&, b> 10\n")))
        self.assertIn("sort<a&&, b>", graph.frames)

    def test_what_has_grown_is_red_and_what_has_shrunk_is_blue(self):
        before = self.stacks("before", "main;grows 10\nmain;shrinks 30\nmain;stays 60\n")
        after = self.stacks("after", "main;grows 60\nmain;comes 20\nmain;stays 120\n")
        graph = Graph(run("flame.py", after, "--base", before))
        self.assertEqual(graph.title("grows"), "grows: 30.0%, 10.0% before, +20.0")
        self.assertEqual(graph.title("shrinks"), "shrinks: 0.0%, 30.0% before, -30.0")
        for name, hue in (("grows", "0"), ("comes", "0"), ("shrinks", "215")):
            self.assertTrue(graph.colour(name).startswith(f"hsl({hue},"), name)
        self.assertEqual(graph.colour("stays"), "#eee")

    def test_what_is_no_stack_is_named(self):
        said = run("flame.py", self.stacks("a", "main;send 30\nmain;send\n"), status=1)
        self.assertIn(":2: frames and a weight are expected", said)


class ProfileTest(E2eCase):
    """perf/profile.py: a load, then the same once more beside it."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("perf"):
            raise unittest.SkipTest("perf is missing")
        tried = subprocess.run(["perf", "record", "-q", "-o", "/dev/null", "-e", "cpu-clock",
                                "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            raise unittest.SkipTest(f"perf may not record here: {tried.stderr}")
        super().setUpClass()

    def test_where_threads_run_and_where_they_wait(self):
        first, second = self.area.path("first"), self.area.path("second")
        load = ("--load", "bulk", "--standbys", 2, "--megabytes", 64)
        said = run("profile.py", *load, "--out", first)
        self.assertRegex(said, r"(?m)^loop +\d+\.\d +\d+\.\d+ +\d+\.\d$")
        self.assertIn("server::stream::Sender::pump", read(f"{first}/on-cpu.folded"))
        self.assertRegex(read(f"{first}/off-cpu.folded"), r"(?m)^loop;.*epoll_wait")
        for name in ("on-cpu", "off-cpu"):
            self.assertIn("loop", Graph(read(f"{first}/{name}.svg")).frames)

        run("profile.py", *load, "--out", second, "--against", first)
        for name in ("on-cpu", "off-cpu"):
            graph = Graph(read(f"{second}/{name}-change.svg"))
            self.assertRegex(graph.title("all"), r"^all: 100\.0%, 100\.0% before, \+0\.0$")

    def test_a_process_that_is_not_there_is_named(self):
        said = run("profile.py", "--pid", 4194304, "--out", self.area.path("none"), status=1)
        self.assertIn("perf may not look at process 4194304", said)


class SystemCallsOfALoadTest(E2eCase):

    def test_calls_by_thread(self):
        if not TracedWalcast.is_possible(self.area):
            raise unittest.SkipTest("no process may be traced here, or strace is missing")
        said = run("syscalls.py", "--seconds", 1, "--rate", 50)
        sent = re.search(r"(?m)^loop-\d \(\d+\) +sendmsg +(\d+) +\d+\.\d\d$", said)
        self.assertIsNotNone(sent, said)
        self.assertGreater(int(sent[1]), 10, said)


class HeapTest(E2eCase):

    def test_what_is_held_and_what_a_load_has_added(self):
        if not shutil.which("jeprof"):
            raise unittest.SkipTest("jeprof is missing, which reads jemalloc's profiles")
        out = self.area.path("heap-of-a-load")
        said = run("heap.py", "--seconds", 1, "--rate", 50, "--standbys", 3, "--out", out)
        self.assertRegex(said, r"(?m)^\d+ kB are held after the load, by$")
        self.assertIn("server::", read(f"{out}/heap.folded"))
        for name in ("heap", "heap-added"):
            self.assertIn("all", Graph(read(f"{out}/{name}.svg")).frames)


class ShortFormsTest(unittest.TestCase):
    """The comparisons of perf/ that no other test runs, as small as they can be."""

    def test_verify(self):
        said = run("verify.py", "--megabytes", 32, "--rounds", 1)
        self.assertRegex(said, r"(?m)^verify / pg_waldump -q: \d+\.\d\d with \d+ threads?")

    def test_storm(self):
        said = run("storm.py", "--standbys", 3, "--storm", 50, "--commits", 40, "--rounds", 1)
        self.assertRegex(said, r"(?m)^p99 beside / alone: \d+\.\d\d$")

    def test_windows(self):
        said = run("windows.py", "--standbys", 3, "--commits", 60, "--warm-up", 10, "--rate", 20,
                   "--pause", 0.2, "--rounds", 1)
        self.assertRegex(said, r"beside [1-9]\d* scrapes and [1-9]\d* reads of 21 relations")
        self.assertRegex(said, r"(?m)^p99 beside / alone: \d+\.\d\d; a scrape of 3 standbys: ")

    def test_long(self):
        said = run("long.py", "--record-megabytes", 4, "--segment-megabytes", 64, "--standbys", 2,
                   "--rounds", 1)
        self.assertRegex(said, r"time / PostgreSQL's live \d+\.\d\d, cold \d+\.\d\d;")
