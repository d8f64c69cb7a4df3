"""Standbys that have all WAL and wait, with the reports and keepalives of every day."""

import threading

# tests/e2e/support
from support.walcast import Fleet
# perf
import drain
from matrix.loads.load import Load
from matrix.rig import Rig

_NEVER = threading.Event()  # what a time is waited by
_SETTLE_SECONDS = 3
_PROCESSES_MAX = 1000
_STATUS_INTERVAL = "10s"    # wal_receiver_status_interval's default


class Idle(Load):
    """Each standby reports every 10 s, as a walreceiver does. PostgreSQL, with its process for each,
    is measured with the smaller numbers only."""

    name = "idle"
    subjects = ("direct", "relay", "attach")
    setup_seconds = 6

    @classmethod
    def cases(cls, plan):
        return [{"standbys": standbys} for standbys in plan.idle_standbys]

    @classmethod
    def includes(cls, plan, case, subject):
        return subject != "direct" or case["standbys"] <= _PROCESSES_MAX

    @classmethod
    def rounds(cls, plan):
        return 1

    @classmethod
    def seconds(cls, plan, turn):
        logins = turn.case["standbys"] * (0.008 if turn.subject == "direct" else 0.0004)
        return 2 + _SETTLE_SECONDS + plan.idle_seconds + logins

    def __init__(self, area, plan):
        super().__init__(area, plan)
        self._rig = Rig(area, max(plan.idle_standbys), max_wal_senders=_PROCESSES_MAX + 10,
                        fsync="off").start(with_cascade=False)

    def play(self, turn):
        rig, standbys = self._rig, turn.case["standbys"]
        subject = self.subject(turn.subject, rig.subject)
        lsn = rig.begin_segment()
        port = subject.start()
        rig.wait_for(subject, port, lsn)
        server = drain.Server(turn.subject, subject.process(), port)
        before = server.memory()
        fleet = Fleet(self.area, port, standbys, lsn, progress=True,
                      status_interval=_STATUS_INTERVAL)
        fleet.process.wait_for(rf"\s{standbys} streaming", timeout=120)
        _NEVER.wait(_SETTLE_SECONDS)
        begun = subject.cpu_ns()
        _NEVER.wait(self.plan.idle_seconds)
        cpu = (subject.cpu_ns() - begun) / 1e9 / self.plan.idle_seconds
        used = server.memory() - before
        fleet.process.stop()
        subject.stop()
        rig.wait_for_quiet()
        return {"cpu_share": cpu, "bytes_per_standby": used / standbys,
                "seconds": self.plan.idle_seconds}
