"""What a fleet costs its primary: the transactions per second of pgbench with standbys on the
primary, and behind walcast.

Two hosts are played by two halves of the processors: one has the primary and pgbench, and what must
be there, as walsenders and an attached walcast; the other has the fleet, and a relay."""

import os
import re

# tests/e2e/support
from support.cluster import pg_program
from support.walcast import Fleet
# perf
from matrix.loads.load import Load
from matrix.rig import Rig, on_processors, two_hosts

_CLIENTS = 8
_SCALE = 10


class Pgbench(Load):

    name = "pgbench"
    subjects = ("direct", "relay", "attach")
    setup_seconds = 12

    @classmethod
    def cases(cls, plan):
        return [{"standbys": standbys} for standbys in plan.pgbench_standbys]

    @classmethod
    def includes(cls, plan, case, subject):
        """Without standbys, no server stands before them."""
        return case["standbys"] > 0 or subject == "direct"

    @classmethod
    def seconds(cls, plan, turn):
        logins = turn.case["standbys"] * (0.008 if turn.subject == "direct" else 0.001)
        return 1.5 + plan.pgbench_seconds + logins

    def __init__(self, area, plan):
        super().__init__(area, plan)
        everywhere = os.sched_getaffinity(0)
        self._here, self._there = (everywhere, everywhere) if plan.one_host else two_hosts()
        with on_processors(self._here):
            self._rig = Rig(area, max(plan.pgbench_standbys), fsync="off",
                            wal_keep_size="1GB").start(with_cascade=False)
        self._rig.primary.pgbench("-i", "-q", "-s", _SCALE)
        self._pgbench()  # the first run is slower than others

    def play(self, turn):
        """The server and its fleet are there before pgbench begins."""
        rig, standbys = self._rig, turn.case["standbys"]
        rig.primary.sql("CHECKPOINT")
        subject = self.subject(turn.subject, rig.subject)
        lsn = rig.begin_segment()
        with on_processors(self._there if turn.subject == "relay" else self._here):
            port = subject.start()
        rig.wait_for(subject, port, lsn)
        fleet = self._fleet(port, standbys, lsn) if standbys else None
        figures = self._pgbench()
        if fleet:
            fleet.process.stop()
            rig.area.retire(fleet.process)
        subject.stop()
        rig.wait_for_quiet()
        return figures

    def _fleet(self, port, standbys, lsn):
        with on_processors(self._there):
            fleet = Fleet(self.area, port, standbys, lsn, progress=True)
        fleet.process.wait_for(rf"\s{standbys} streaming", timeout=120)
        return fleet

    def _pgbench(self):
        argv = [pg_program("pgbench"), "-h", "127.0.0.1", "-p", self._rig.primary.port, "-U",
                "postgres", "-n", "-c", _CLIENTS, "-T", self.plan.pgbench_seconds, "postgres"]
        with on_processors(self._here):
            text = self.area.run(argv, timeout=self.plan.pgbench_seconds + 300).stdout
        return {"tps": float(re.search(r"tps = ([\d.]+)", text)[1]),
                "latency_ms": float(re.search(r"latency average = ([\d.]+)", text)[1])}
