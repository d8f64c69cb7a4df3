"""The units of systemd that packaging/ has, as systemd itself judges them."""

import os
import re
import shutil
import unittest

from support.case import E2eCase
from support.walcast import binary

UNITS = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "systemd")
# Of ten; the issue that asked for the units has set it.
EXPOSURE_MAX = 2.5


class UnitsTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if shutil.which("systemd-analyze") is None:
            raise unittest.SkipTest("systemd is not installed")

    def unit(self, name):
        with open(os.path.join(UNITS, name), encoding="utf-8") as file:
            return file.read()

    def copied(self, name, *changes):
        """A path from which the server's user reads the unit."""
        path = self.area.path(name)
        text = self.unit(name)
        for known, other in changes:
            text = text.replace(known, other)
        self.area.write_file(path, text)
        return path

    def exposure(self, name):
        answer = self.area.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                                self.copied(name)]).stdout
        return float(re.search(r"Overall exposure level for .*: ([\d.]+)", answer)[1])

    def test_little_is_open_to_a_walcast_that_was_taken_over(self):
        for name in ("walcast.service", "walcast@.service"):
            self.assertLessEqual(self.exposure(name), EXPOSURE_MAX, name)

    def test_the_instances_unit_is_the_same_but_for_its_names(self):
        expected = (self.unit("walcast.service")
                    .replace("Description=walcast,", "Description=walcast %i,")
                    .replace("/etc/walcast/walcast.conf", "/etc/walcast/%i.conf")
                    .replace("StateDirectory=walcast\n", "StateDirectory=walcast/%i\n")
                    .replace("RuntimeDirectory=walcast\n", "RuntimeDirectory=walcast/%i\n"))
        self.assertEqual(self.unit("walcast@.service"), expected)

    def test_systemd_knows_all_that_is_in_them(self):
        """But for a Type that is newer than Debian 12's systemd, and a program that is missing."""
        changes = (("Type=notify-reload", "Type=notify"), ("/usr/bin/walcast", "/bin/true"))
        paths = [self.copied(name, *changes)
                 for name in ("walcast.service", "walcast@.service", "walcast.socket")]
        for path in paths:
            answer = self.area.run(["systemd-analyze", "verify", "--man=no",
                                    "--recursive-errors=no", path], check=False)
            self.assertNotIn("walcast", answer.stdout + answer.stderr)


class PackageTest(E2eCase):

    def read(self, *path):
        with open(os.path.join(UNITS, "..", "..", *path), encoding="utf-8") as file:
            return file.read()

    def test_it_is_built_with_all_that_walcast_is_built_with(self):
        names = re.search(r'build_packages="(.*?)"', self.read("scripts", "packages.sh"), re.DOTALL)
        wanted = set(names[1].split()) - {"ccache"}
        depends = re.search(r"Build-Depends: (.*?)\n\S", self.read("debian", "control"), re.DOTALL)
        given = {re.split(r"[ (:]", item.strip())[0] for item in depends[1].split(",")}
        self.assertEqual(wanted - given, set())

    def test_its_version_is_that_of_walcast(self):
        project = re.search(r"project\(walcast VERSION (\S+)", self.read("CMakeLists.txt"))
        package = re.match(r"walcast \((.*)\)", self.read("debian", "changelog"))
        self.assertEqual(package[1], project[1])

    def test_its_configuration_wants_one_line_and_no_more(self):
        spool = self.area.directory("spool-of-package")
        text = (self.read("packaging", "walcast.conf")
                .replace("/var/lib/walcast/spool", spool)
                .replace("'/run/walcast'", f"'{self.area.root}'"))
        path = self.area.path("package.conf")
        for line, problem in ((r"\g<0>", "give one of --primary-conninfo"),
                              ("primary_conninfo = 'host=/nonexistent'", "/nonexistent")):
            self.area.write_file(path, re.sub(r"^#primary_conninfo = .*$", line, text,
                                              flags=re.MULTILINE))
            answer = self.area.run([binary(self.area, "walcast"), "serve", "--config", path,
                                    "--port", "0", "--check"], check=False)
            self.assertIn(problem, answer.stdout + answer.stderr)
            self.assertNotIn("unrecognized", answer.stdout + answer.stderr)

    def test_the_pages_of_the_manual_have_what_the_programs_say(self):
        maker = os.path.abspath(os.path.join(UNITS, "..", "man", "make_man.py"))
        output = self.area.directory("man")
        copy = self.area.path("make_man.py")
        self.area.copy_file(maker, copy)
        walcast = binary(self.area, "walcast")
        binary(self.area, "walbench")
        self.area.run(["python3", "-B", copy, os.path.dirname(walcast), output])
        for name, words in (("walcast.1", ("OPTIONS OF VERIFY", r"\-\-wal\-keep\-size")),
                            ("walcast.conf.5", ("wal_keep_size", "log_line_prefix")),
                            ("walbench.1", ("OPTIONS OF LIVE", r"\-\-standbys"))):
            with open(os.path.join(output, name), encoding="utf-8") as page:
                text = page.read()
            for word in words:
                self.assertTrue(word in text, f"{word} in {name}")
