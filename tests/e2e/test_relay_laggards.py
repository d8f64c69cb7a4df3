"""A slow standby and a stopped one beside fifty live ones: what they cost the others, and us."""

import os
import threading
import time

from support.cluster import pg_program
from support.laggard import Laggard
from support.lsn import parse_lsn
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import Fleet
from support.workload import wal_of

PHASE_SECONDS = float(os.environ.get("WALCAST_LAGGARD_SECONDS", 6))
_LAG = int(os.environ.get("WALCAST_LAGGARD_MEGABYTES", 100)) << 20

_STANDBYS = 50
_SLOW_RATE = 1 << 20
_MEMORY_SLACK_KB = 32 << 10

_COMMITS_PER_SECOND = 400
_COMMIT_BYTES = 24_000
_PHASE_BYTES = int(PHASE_SECONDS * _COMMITS_PER_SECOND * _COMMIT_BYTES)


class LaggardTest(RelayCase):
    """A steady load; a phase without laggards, one with them, and one after them."""

    SETTINGS = {"max_wal_size": "2GB"}

    def setUp(self):
        super().setUp()
        self.walcast = self.relay(wal_sender_timeout="0")  # or the stopped one would be let go
        self.addCleanup(self.walcast.process.kill)
        self.asking = self.connect(self.walcast.port)
        self.script = self.area.path(f"load-{self.id()}.sql")
        self.area.write_file(self.script, "SELECT pg_logical_emit_message(true, 'load',"
                                          f" repeat('steady! ', {_COMMIT_BYTES // 8}));\n")

    def start_load(self):
        load = self.area.spawn("pgbench", [
            pg_program("pgbench"), "-h", "127.0.0.1", "-p", self.primary.port, "-U", "postgres",
            "-n", "-c", 2, "-R", _COMMITS_PER_SECOND, "-T", 600, "-f", self.script, "postgres"])
        self.addCleanup(load.kill)
        return load

    def live_standbys(self, laggards=()):
        """Fifty that start at the end of WAL and end when a phase's worth of it has come, or more
        than the laggards are to be behind; each gets all of it, and every byte right. Their
        delays, and the most memory that was used until the laggards are far behind."""
        start = self.end_of_spool()
        until = start + max(_PHASE_BYTES, _LAG if laggards else 0)
        fleet = Fleet(self.area, self.walcast.port, _STANDBYS, start, until,
                      verify=wal_of(self.primary).path)
        memory = []

        def phase_is_over():
            memory.append(self.walcast.process.memory_kb())
            end = self.end_of_spool()
            far_behind = all(end - one.position > _LAG for one in laggards)
            return far_behind and not fleet.process.alive()

        wait_until(phase_is_over, "the end of a phase", timeout=PHASE_SECONDS + 120)
        report = fleet.finish()
        self.assertEqual((report.status, report["failures"], report["mismatches"]), (0, {}, 0),
                         report.output)
        self.assertEqual(report["completed"], _STANDBYS)
        self.assertGreaterEqual(report["bytes"], _STANDBYS * (until - start))
        return report["delay_us"], max(memory)

    def end_of_spool(self):
        return parse_lsn(self.asking.identify()[2])

    def test_laggards_cost_the_others_nothing(self):
        load = self.start_load()
        before, memory_before = self.live_standbys()
        begin = self.end_of_spool()
        wal = wal_of(self.primary)
        slow = Laggard(self.walcast.port, wal, begin, bytes_per_second=_SLOW_RATE)
        stopped = Laggard(self.walcast.port, wal, begin)
        for laggard in (slow, stopped):
            self.addCleanup(laggard.close)

        beside, memory_beside = self.live_standbys((slow, stopped))
        lags = [(self.end_of_spool() - laggard.position) >> 20 for laggard in (slow, stopped)]
        self.assertGreater(slow.position, begin)
        self.assertEqual(stopped.position, begin)
        seconds = self.let_go(slow, stopped)
        after, memory_after = self.live_standbys()
        self.assertTrue(load.alive(), load.tail())
        self.walcast.stop()
        for name, delay, memory in (("before", before, memory_before),
                                    ("beside laggards", beside, memory_beside),
                                    ("after", after, memory_after)):
            self.figure(f"{name}: delay p50 {delay['p50']} us, p99 {delay['p99']} us,"
                        f" Rss at most {memory} kB")
        for quantile in ("p50", "p99"):
            rest = (before[quantile] + after[quantile]) / 2
            self.figure(f"{quantile} beside laggards / without: {beside[quantile] / rest:.2f}")
        self.figure(f"the slow one lagged {lags[0]} MB and the stopped one {lags[1]} MB; they"
                    f" caught up in {seconds[0]:.1f} and {seconds[1]:.1f} s")
        self.assertLess(memory_beside - memory_before, _MEMORY_SLACK_KB)

    def let_go(self, *laggards):
        """Both at once; how long each took to the end that there was."""
        end, seconds = self.end_of_spool(), {}

        def catch_up(laggard):
            seconds[laggard] = laggard.let_go(end)

        threads = [threading.Thread(target=catch_up, args=(one,), daemon=True) for one in laggards]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(set(seconds), set(laggards))
        return [seconds[laggard] for laggard in laggards]
