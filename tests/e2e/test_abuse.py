"""Crowds that mean no good, beside standbys that stream: each kind alone, and all together."""

import os
import re
import resource
import unittest

from support.abuse import Attack
from support.case import E2eCase
from support.certificates import Authority
from support.cluster import pg_program
from support.lsn import parse_lsn
from support.memory import sockets
from support.wait import wait_until
from support.walcast import Fleet, Walcast

_FULL = os.environ.get("WALCAST_ABUSE") == "full"
_CROWDS = ({"half-open": 5000, "slow-loris": 1000, "never-read": 200, "guesser": 100,
            "tls-stopper": 1000} if _FULL else
           {"half-open": 400, "slow-loris": 100, "never-read": 30, "guesser": 10,
            "tls-stopper": 100})
_STANDBYS = 50 if _FULL else 20
_SECONDS = 20 if _FULL else 5  # that an attack stands

_WORKERS = 2
_CLIENT_MEMORY_MB = 4
_SESSION_KB = 40  # what a connection may keep besides: its share of 24 kB, and itself
_SLACK_MB = 32    # the pool's, the allocator's

_RULES = """
host replication live,reader 127.0.0.0/8 trust
host replication all         127.0.0.0/8 password
"""
_USERS = '"live" "" replication\n"reader" "" replication\n"victim" "md5{}" replication\n'


class AbuseTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # inherited by all we start
        authority = Authority(cls.area, "servers")
        cls.certificate, cls.key = authority.issue("server", "/CN=walcast.test", "walcast.test")
        if hard < 3 * sum(_CROWDS.values()):
            raise unittest.SkipTest(f"ulimit -Hn is {hard}, too low for these crowds")

    def setUp(self):
        name = self._testMethodName
        rules, users = self.area.path(f"{name}.hba"), self.area.path(f"{name}.users")
        self.area.write_file(rules, _RULES)
        self.area.write_file(users, _USERS.format("0" * 32))
        self.spool = self.area.directory(f"{name}.spool")
        self.walcast = Walcast(self.area, synthetic="1MB/s", spool_directory=self.spool,
                               hba_file=rules, auth_file=users, workers=_WORKERS, ssl="on",
                               ssl_cert_file=self.certificate, ssl_key_file=self.key,
                               client_memory=f"{_CLIENT_MEMORY_MB}MB", allow_core_dumps=True,
                               authentication_timeout="3s", client_write_timeout="3s")
        self.addCleanup(self.walcast.stop)
        self.looker = self.connect(self.walcast.port, user="live")

    def test_half_open(self):
        self.stand("half-open")

    def test_slow_loris(self):
        self.stand("slow-loris")

    def test_never_read(self):
        self.stand("never-read")
        self.assertRegex(self.walcast.log(), "client_write_timeout|out of memory for the messages")

    def test_guesser(self):
        self.stand("guesser")
        self.assertNotIn("guess", re.sub("guesser", "", self.walcast.log()))

    def test_tls_stopper(self):
        self.stand("tls-stopper")

    def test_all_together(self):
        self.stand(*_CROWDS)

    def stand(self, *kinds):
        """Standbys stream while the crowds come, stand and go: no byte of theirs is wrong."""
        until = self.spooled() + ((_SECONDS + 8) << 20)  # at 1 MB/s
        fleet = Fleet(self.area, self.walcast.port, _STANDBYS, user="live", verify=self.spool,
                      until=until)
        alone = len(self.live_sockets())
        rss_kb = self.walcast.process.memory_kb()
        attacks = [Attack(kind, self.walcast.port, _CROWDS[kind]) for kind in kinds]
        try:
            self.await_crowds(attacks)
            self.log_in_over_tls()
            peak_kb = self.watch_memory()
            wait_until(lambda: all(attack.comings > attack.count for attack in attacks),
                       "the server to send some of each away")
        finally:
            for attack in attacks:
                attack.stop()
        comings = {attack.kind: attack.comings for attack in attacks}
        budget_kb = (_WORKERS * _CLIENT_MEMORY_MB + _SLACK_MB) * 1024 + _SESSION_KB * sum(
            _CROWDS[kind] for kind in kinds)
        self.figure(f"connections {comings}; memory {rss_kb} kB + {peak_kb - rss_kb} kB"
                    f" of {budget_kb} kB allowed")
        self.assertLess(peak_kb - rss_kb, budget_kb)
        wait_until(lambda: len(sockets(self.walcast.process)) <= alone, "the crowds to be gone")
        self.assert_streamed(fleet.finish())

    def log_in_over_tls(self):
        self.area.run([pg_program("psql"), "-XAtw", "-c", "IDENTIFY_SYSTEM",
                       f"host=127.0.0.1 port={self.walcast.port} user=live replication=true"
                       " sslmode=require"], timeout=60)

    def live_sockets(self):
        """Those of the standbys and of the server itself, once all standbys are in."""
        def streaming():
            found = sockets(self.walcast.process)
            return found if len(found) > _STANDBYS else None
        return wait_until(streaming, f"{_STANDBYS} standbys")

    def await_crowds(self, attacks):
        """Each crowd has come; whom the server sends away has come too."""
        def stand():
            return all(attack.comings >= attack.count for attack in attacks)
        wait_until(stand, lambda: str({a.kind: (a.standing, a.comings) for a in attacks}),
                   timeout=120)

    def watch_memory(self):
        """The most that it was during the attack, which ends when standbys have had more WAL."""
        peak = 0
        begin = self.spooled()

        def more_wal():
            nonlocal peak
            peak = max(peak, self.walcast.process.memory_kb())
            return self.spooled() - begin > _SECONDS * (1 << 20) // 2
        wait_until(more_wal, "WAL to be made", timeout=60 + 10 * _SECONDS)
        return peak

    def spooled(self):
        return parse_lsn(self.looker.identify()[2])

    def assert_streamed(self, report):
        self.assertEqual((report["mismatches"], report["failures"]), (0, {}), report.output)
        self.assertEqual(report["completed"], _STANDBYS, report.output)  # each has all of it
