"""Every script at PostgreSQL and at walcast: the answers must be the same."""

import re
import unittest

import play  # first, for it finds `support`
from known import find, matches, patterns_of
from play.compare import answer, difference, settled
from play.pair import Pair
from scripts import GROUPS, PROMOTED_GROUPS
from support.case import E2eCase


class ScriptCase(E2eCase):
    """Both servers, over the same WAL."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.create_pair(cls.area)

    def scripts_of(self, group):
        """By title, which must be unique for the list of known differences to mean something."""
        scripts = {}
        for script in {**GROUPS, **PROMOTED_GROUPS}[group](self.pair.site):
            title = f"{group}: {script.name}"
            self.assertNotIn(title, scripts)
            scripts[title] = script
        self.assertGreater(len(scripts), 20)
        return scripts

    def ask_postgres(self, script):
        return lambda _: answer(script, self.pair.postgres_port)

    def ask_walcast(self, script):
        return lambda _: answer(script, self.pair.walcast_port)


class Against(ScriptCase):
    """PostgreSQL and walcast."""

    def compare(self, group):
        scripts = self.scripts_of(group)
        for title, script in scripts.items():
            with self.subTest(title):
                found = difference(self.ask_postgres(script), self.ask_walcast(script))
                if known := find(title, self.pair.postgres_version):
                    self.assertIsNotNone(found, "does not differ any more: remove it from known.py")
                    self.assert_outline(script, known.outline)
                elif found:
                    self.fail(f"PostgreSQL (-) and walcast (+) differ\n{found}")
        for pattern in patterns_of(group, self.pair.postgres_version):
            self.assertTrue(any(matches(pattern, title) for title in scripts), pattern)
        self.pair.assert_idle()


    def assert_outline(self, script, expected):
        """It differs in the way that is meant, and in no other."""
        actual = settled(self.ask_walcast(script), lambda a: re.fullmatch(expected, a.outline()))
        self.assertRegex(actual.outline(), rf"\A(?:{expected})\Z", "\n".join(actual.lines))


class Alone(ScriptCase):
    """PostgreSQL twice: what it answers does not depend on the moment."""

    def compare(self, group):
        for title, script in self.scripts_of(group).items():
            with self.subTest(title):
                self.assertIsNone(difference(self.ask_postgres(script), self.ask_postgres(script)))
        self.pair.assert_idle()


class Plain:
    """A cluster that has only ever had one timeline."""

    create_pair = Pair.create


class Promoted:
    """A promoted standby."""

    create_pair = Pair.create_promoted


def _with_tests(name, base, kind, groups):
    """A class with one test per group."""
    tests = {f"test_{group}": lambda self, group=group: self.compare(group) for group in groups}
    return type(name, (kind, base), tests)


PostgresPlain = _with_tests("PostgresPlain", Alone, Plain, GROUPS)
PostgresPromoted = _with_tests("PostgresPromoted", Alone, Promoted, PROMOTED_GROUPS)
WalcastPlain = _with_tests("WalcastPlain", Against, Plain, GROUPS)
WalcastPromoted = _with_tests("WalcastPromoted", Against, Promoted, PROMOTED_GROUPS)

if __name__ == "__main__":
    unittest.main()
