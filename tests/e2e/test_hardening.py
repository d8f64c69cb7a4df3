"""What the release binary is built with, read from the binary itself."""

import os
import platform
import re
import unittest

from support.case import E2eCase
from support.walcast import binary


class HardeningTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.binary = binary(cls.area, "walcast")
        directory = os.path.abspath(os.environ.get("WALCAST_BIN_DIR", "../../build/release/bin"))
        with open(os.path.join(os.path.dirname(directory), "CMakeCache.txt"),
                  encoding="utf-8") as cache:
            if not re.search(r"^WALCAST_HARDEN:\w+=ON$", cache.read(), re.MULTILINE):
                raise unittest.SkipTest("only a release build is hardened")

    def read(self, *what):
        return self.area.run(["readelf", "-W", *what, self.binary]).stdout

    def test_it_is_loaded_anywhere(self):
        self.assertRegex(self.read("-h"), r"Type: +DYN")
        self.assertRegex(self.read("-d"), r"\(FLAGS_1\).*\bPIE\b")

    def test_its_tables_of_functions_cannot_be_written(self):
        self.assertIn("GNU_RELRO", self.read("-l"))
        self.assertRegex(self.read("-d"), r"BIND_NOW|\(FLAGS_1\).*\bNOW\b")

    def test_no_memory_is_both_written_and_run(self):
        headers = self.read("-l")
        self.assertRegex(headers, r"GNU_STACK .* RW +0x")
        self.assertNotRegex(headers, r"(?m)^ +LOAD .* RWE ")

    def test_its_stacks_are_looked_at(self):
        self.assertTrue("__stack_chk_fail" in self.read("--dyn-syms"))

    def test_where_it_may_be_jumped_to_is_marked(self):
        """Its functions; the whole binary is not, for Debian's start-up objects are not."""
        if platform.machine() != "x86_64":
            raise unittest.SkipTest("another machine")
        code = self.area.run(["objdump", "-d", "--no-show-raw-insn", self.binary]).stdout
        self.assertGreater(code.count("endbr64"), 1000)
