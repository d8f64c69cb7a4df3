"""The USDT probes: what docs/operating.md promises is in the binary, and nothing else."""

import glob
import os
import re
import shutil
import signal
import subprocess
import unittest

from support.case import E2eCase
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import Fleet, binary

_TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class ProbesTest(E2eCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not glob.glob("/usr/include/**/sys/sdt.h", recursive=True):
            raise unittest.SkipTest("built without <sys/sdt.h>, and so without probes")
        with open(os.path.join(_TOP, "docs", "operating.md"), encoding="utf-8") as page:
            section = page.read().split("\n## Probes\n")[1].split("\n## ")[0]
        # | `name` | `argument`, `argument` | when |
        cls.documented = {row[1]: len(re.findall(r"`\w+`", row[2])) for row in
                          re.finditer(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE)}

    def notes(self):
        """The number of arguments at each place where a probe stands, by its name."""
        text = self.area.run(["readelf", "-nW", binary(self.area, "walcast")]).stdout
        found = {}
        for name, arguments in re.findall(
                r"Provider: walcast\n +Name: (\w+)\n.*\n +Arguments:(.*)$", text, re.MULTILINE):
            found.setdefault(name, set()).add(len(re.findall(r"-?[1248]@", arguments)))
        return found

    def test_the_binary_has_the_probes_that_are_documented(self):
        self.assertGreater(len(self.documented), 5)
        self.assertEqual(self.notes(), {name: {count} for name, count in self.documented.items()})

    def test_the_scripts_use_probes_that_there_are(self):
        scripts = glob.glob(os.path.join(_TOP, "perf", "bpftrace", "*.bt"))
        self.assertGreater(len(scripts), 0)
        for path in scripts:
            with open(path, encoding="utf-8") as script:
                used = re.findall(r"^usdt:[^:]*:walcast:(\w+)", script.read(), re.MULTILINE)
            self.assertGreater(len(used), 0, path)
            self.assertLessEqual(set(used), set(self.documented), path)


class ScriptsTest(RelayCase):
    """Each script of perf/bpftrace sees a relay at work. Needs root, and a kernel that lets it."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not shutil.which("bpftrace"):
            raise unittest.SkipTest("not root, or no bpftrace")
        tried = subprocess.run(["bpftrace", "-e", "BEGIN { exit(); }"], capture_output=True,
                               text=True, check=False)
        if tried.returncode != 0:
            raise unittest.SkipTest(f"bpftrace may not look at anything here: {tried.stderr}")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.walcast = self.relay()
        fleet = Fleet(self.area, self.walcast.port, 3, duration="10min", status_interval="100ms")
        self.addCleanup(fleet.process.kill)

    def trace(self, script, *expected):
        """Attaches the script, lets the relay work, and interrupts it: it must have seen all that
        is expected."""
        path = os.path.join(_TOP, "perf", "bpftrace", script)
        said_path = self.area.path(f"{script}.out")
        with open(said_path, "w", encoding="utf-8") as said:
            tracer = subprocess.Popen(
                ["bpftrace", "-v", "-p", str(self.walcast.process.pid), path], stdout=said,
                stderr=subprocess.STDOUT)
        self.addCleanup(tracer.kill)

        def text():
            with open(said_path, encoding="utf-8") as said:
                return said.read()
        with open(path, encoding="utf-8") as source:
            probes = len(re.findall(r"^(?:usdt|interval):", source.read(), re.MULTILINE))
        # So verbose, it says of each probe's program that the kernel has it.
        wait_until(lambda: text().count("Program ID:") >= probes or tracer.poll() is not None,
                   lambda: f"{script} is attached; it says\n{text()}")
        self.assertIsNone(tracer.poll(), text())
        self.primary.pgbench("-n", "-c", 2, "-T", 2)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(30)
        for pattern in expected:
            self.assertRegex(text(), pattern)

    def test_stages(self):
        self.trace("stages.bt", "@published_us:", r"@taken_us\[loop-", r"@sent_after_taken_us\[loop-")

    def test_syncs(self):
        self.trace("fsync.bt", r"@fsync_us\[walflusher, ")

    def test_sockets(self):
        self.trace("sockets.bt", r"@messages\[\d+\]: ", r"@replies\[\d+\]: ")
