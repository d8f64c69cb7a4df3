"""A thousand standbys: every byte right, and what one of them costs."""

import os
import resource
import unittest

from support.case import E2eCase
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import Fleet, Walcast, generate

_STANDBYS = int(os.environ.get("WALCAST_FLEET_STANDBYS", 1000))
_MEGABYTES = int(os.environ.get("WALCAST_FLEET_MEGABYTES", 64))


class FleetTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # inherited by all we start
        if hard < 3 * _STANDBYS:
            raise unittest.SkipTest(f"ulimit -Hn is {hard}, too low for {_STANDBYS} standbys")
        cls.wal = WalFiles(cls.area.directory("wal"), 16 << 20)
        generate(cls.area, cls.wal.path, size=f"{_MEGABYTES + 16}MB", record_size="50..8000")
        cls.begin = cls.wal.begin()

    def setUp(self):
        self.walcast = Walcast.of_directory(self.area, self.wal.path, archive_is_immutable=True)
        self.addCleanup(self.walcast.stop)
        self.end = parse_lsn(self.connect(self.walcast.port).identify()[2])

    def figure_memory(self, what, before):
        for field in ("Rss", "Pss_Anon"):
            used = self.walcast.process.memory_kb(field) - before[field]
            self.figure(f"{what}: {field} {before[field]} kB + {used} kB,"
                        f" {used / _STANDBYS:.1f} kB per standby")

    def memory(self):
        return {field: self.walcast.process.memory_kb(field) for field in ("Rss", "Pss_Anon")}

    def test_idle_standbys_cost_little(self):
        before = self.memory()
        standbys = []
        for _ in range(_STANDBYS):
            standbys.append(ReplicationClient.connect(self.walcast.port))
            self.addCleanup(standbys[-1].close)
            standbys[-1].start(self.end, 1)
        for standby in standbys:
            self.assertEqual(standby.ping()[0].wal_end, self.end)
        self.figure_memory(f"{_STANDBYS} idle", before)
        used = self.walcast.process.memory_kb("Pss_Anon") - before["Pss_Anon"]
        self.assertLess(used / _STANDBYS, 64)

    def test_every_standby_gets_every_byte(self):
        before = self.memory()
        until = self.begin + (_MEGABYTES << 20)
        fleet = Fleet(self.area, self.walcast.port, _STANDBYS, self.begin, until,
                      verify=self.wal.path)
        peak = dict(before)

        def ended():
            for field, value in self.memory().items():
                peak[field] = max(peak[field], value)
            return not fleet.process.alive()

        wait_until(ended, f"{_STANDBYS} standbys drain {_MEGABYTES} MB", timeout=3000)
        report = fleet.finish()
        self.assertEqual(report.status, 0, report.output)
        self.assertEqual((report["mismatches"], report["failures"]), (0, {}))
        self.assertEqual(report["standbys"], _STANDBYS)
        self.assertGreaterEqual(report["bytes"], _STANDBYS * (until - self.begin))
        for field, value in peak.items():
            self.figure(f"{_STANDBYS} streaming: {field} {before[field]} kB, at most {value} kB,"
                        f" {(value - before[field]) / _STANDBYS:.1f} kB per standby")
        self.figure(f"{report['bytes'] / 1e9:.0f} GB verified in {report['seconds']:.0f} s,"
                    f" {report['bytes_per_second'] / 1e9:.2f} GB/s,"
                    f" walbench itself {report['cpu_seconds']:.0f} s of CPU")
