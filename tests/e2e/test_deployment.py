"""The README's deployment on two hosts: its commands as they stand there, and what comes of them."""

import os
import re
import subprocess
import unittest

from support.case import E2eCase
from support.process import SERVER_USER, environment
from support.walcast import binary

_README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")
_SECTION = "## Two hosts, with TLS and passwords\n"

# A machine of its own for the commands: what they name, mount and start no other process sees, and
# ends with them.
_MACHINE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
_PRELUDE = "mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns\n"
_END = "# To end it all:\n"

_TO_WALCAST = "host=10.84.0.2 port=5433 user=standby replication=true password=two"
_LOG_IN = 'on {host} psql -XAtc IDENTIFY_SYSTEM "{conninfo}"'
# What is asked of the servers behind the commands, each answer in a file of its own.
_QUESTIONS = {
    "relay": 'on db1 psql -h $PWD -XAtc "SELECT application_name, client_addr, ssl'
             ' FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"',
    "standby": 'on db2 psql -h $PWD -p 5434 -XAtc'
               ' "SELECT status, conninfo FROM pg_stat_wal_receiver"',
    "right": _LOG_IN.format(host="db1", conninfo=f"{_TO_WALCAST} sslmode=verify-full"
                                                 " sslrootcert=$PWD/db2.crt"),
    "wrong": _LOG_IN.format(host="db1", conninfo=f"{_TO_WALCAST}x sslmode=verify-full"
                                                 " sslrootcert=$PWD/db2.crt"),
    "stranger": _LOG_IN.format(host="db1", conninfo=f"{_TO_WALCAST} sslmode=verify-full"
                                                    " sslrootcert=$PWD/db1.crt"),
    "plain": _LOG_IN.format(host="db1", conninfo=f"{_TO_WALCAST} sslmode=disable"),
    "channel": _LOG_IN.format(host="db1", conninfo=f"{_TO_WALCAST} sslmode=verify-full"
                                                   " sslrootcert=$PWD/db2.crt"
                                                   " channel_binding=require"),
    "other": _LOG_IN.format(host="db1", conninfo=f"{_TO_WALCAST} user=walcast password=one"
                                                 " sslmode=verify-full sslrootcert=$PWD/db2.crt"),
}


def commands():
    """The commands of the README's section, and how many it counts."""
    with open(_README, encoding="utf-8") as readme:
        section = readme.read().partition(_SECTION)[2].partition("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ") or not line]
    return "\n".join(lines), re.findall(r"^# (\d+)\. ", "\n".join(lines), re.MULTILINE)


class TwoHostsTest(E2eCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not SERVER_USER or subprocess.run([*_MACHINE, "true"], check=False).returncode != 0:
            raise unittest.SkipTest("without root there can be no other hosts")
        cls.directory = cls.area.directory("deployment")
        text, cls.numbers = commands()
        path = os.path.dirname(binary(cls.area, "walcast"))
        begin, mark, end = text.replace("/path/to/walcast/build/release/bin", path).partition(_END)
        questions = "".join(f"({command}) > {name}.answer 2>&1 || true\n"
                            for name, command in _QUESTIONS.items())
        done = subprocess.run(  # with jobs, as a shell has them for a person
            [*_MACHINE, "bash", "-emc", _PRELUDE + begin + questions + mark + end], check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=170,
            cwd=cls.directory, env=environment())
        cls.said = f"{done.stdout}\n{done.stderr}\n" + "".join(
            cls.read(name) for name in ("walcast.log", "primary.log", "standby.log"))
        if done.returncode != 0:
            raise AssertionError(f"exit status {done.returncode}\n{cls.said}")

    @classmethod
    def read(cls, name):
        path = os.path.join(cls.directory, name)
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def answer(self, name):
        return self.read(f"{name}.answer").strip()

    def test_ten_commands_are_enough(self):
        self.assertEqual(self.numbers, [str(number) for number in range(1, 11)])
        self.assertRegex(self.said, r"(?m)^ +1000$")

    def test_both_ways_are_encrypted_and_verified(self):
        self.assertEqual(self.answer("relay"), "walcast|10.84.0.2|t", self.said)
        standby = self.answer("standby")
        self.assertIn("streaming|", standby)
        self.assertIn("host=10.84.0.2 port=5433", standby)
        self.assertIn("sslmode=verify-full", standby)

    def test_walcast_lets_in_whom_the_primary_knows_and_nobody_else(self):
        self.assertRegex(self.answer("right"), r"^\d+\|1\|")
        self.assertRegex(self.answer("channel"), r"^\d+\|1\|")
        self.assertIn('password authentication failed for user "standby"', self.answer("wrong"))
        self.assertIn("certificate verify failed", self.answer("stranger"))
        for name in ("plain", "other"):
            self.assertIn("no pg_hba.conf entry for replication connection", self.answer(name))
        self.assertIn("no encryption", self.answer("plain"))

    def test_all_of_it_ends(self):
        self.assertEqual(self.said.count("server stopped"), 2, self.said)
        self.assertIn("database system is shut down", self.read("primary.log"))
