"""What a walcast does while it is looked at: a fleet drains its WAL, commits go to live standbys,
or whatever else one does that runs already."""

import os
import re
import signal
import threading

from drain import tls_options
from live import Writer
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.walcast import Fleet, WrappedWalcast, generate

_SEGMENT_BYTES = 16 << 20
_LABEL = "load"


class Attached:
    """A walcast that runs already, for some seconds."""

    unit = "second"

    def __init__(self, pid, seconds):
        self.pid = pid
        self.count = seconds

    def run(self):
        threading.Event().wait(self.count)

    def close(self):
        os.kill(self.pid, 0)  # it must still be there, or nothing was seen


def _serve(area, variables, **options):
    """A walcast with these variables in its environment, besides ours."""
    setting = [f"{name}={value}" for name, value in variables.items()]
    return WrappedWalcast(area, ["env", *setting], **options)


class Bulk:
    """A directory of synthetic WAL, which standbys drain."""

    unit = "GB"

    def __init__(self, area, chosen, variables):
        directory = area.path("wal")
        generate(area, directory, size=f"{chosen.megabytes}MB")
        self._area, self._standbys = area, chosen.standbys
        # Synthetic WAL begins at the second segment, as a cluster's does.
        self._end = _SEGMENT_BYTES + chosen.megabytes * (1 << 20)
        self._tls = tls_options(area) if chosen.tls else {}
        self.walcast = _serve(area, variables, wal_directory=directory, archive_is_immutable=True,
                              **self._tls)
        self.pid = self.walcast.process.pid
        self.count = chosen.standbys * chosen.megabytes / 1024

    def run(self):
        report = Fleet(self._area, self.walcast.port, self._standbys, _SEGMENT_BYTES, self._end,
                       sslmode="require" if self._tls else "disable").finish(timeout=3600)
        if report.status != 0:
            raise AssertionError(report.output)

    def close(self):
        self.walcast.stop()


class Live:
    """A relay, standbys that have all of its WAL, and commits at a steady rate."""

    unit = "commit"

    def __init__(self, area, chosen, variables):
        tls = tls_options(area) if chosen.tls else {}
        self._primary = PgCluster.create(area, "primary", fsync="off", wal_keep_size="512MB",
                                         wal_writer_delay="10s").start()
        self.walcast = _serve(area, variables, spool_directory=area.path("spool"),
                              primary_conninfo=self._primary.conninfo(), latency_report=True, **tls)
        self.pid = self.walcast.process.pid
        self._fleet = Fleet(area, self.walcast.port, chosen.standbys,
                            parse_lsn(self._primary.flush_lsn()), stamps=_LABEL, progress=True,
                            sslmode="require" if tls else "disable")
        self._fleet.process.wait_for(rf"\s{chosen.standbys} streaming", timeout=120)
        self._writer = Writer(self._primary.port)
        self._rate = chosen.rate
        self.count = max(int(chosen.rate * chosen.seconds), 1)

    def run(self):
        reached = self._writer.commit(_LABEL, self.count, self._rate)
        print(f"{self.count} commits, {reached:.0f} a second", flush=True)

    def close(self):
        self._writer.close()
        self._fleet.process.send_signal(signal.SIGINT)
        stamps = self._fleet.finish()["stamp_us"]
        print(f"from COMMIT due to WAL arrived: p50 {stamps['p50']:.0f} us,"
              f" p99 {stamps['p99']:.0f} us", flush=True)
        self.walcast.stop()
        report = re.search(r"^stage .*\n(?:.*\n)*?= walcast.*", self.walcast.process.stdout(),
                           re.MULTILINE)
        if report:
            print(f"\n{report[0]}", flush=True)
        self._primary.stop()


def add_arguments(parser, pid=True):
    if pid:
        parser.add_argument("--pid", type=int, help="of a walcast that runs, instead of a load")
    else:
        parser.set_defaults(pid=None)
    parser.add_argument("--load", choices=("bulk", "live"), default="bulk")
    parser.add_argument("--standbys", type=int, default=16)
    parser.add_argument("--megabytes", type=int, default=512, help="that each drains, in bulk")
    parser.add_argument("--rate", type=float, default=200, help="commits per second, live")
    parser.add_argument("--seconds", type=float, default=10, help="live, or of a pid")
    parser.add_argument("--tls", action="store_true", help="all standbys come over TLS")


def start(area, chosen, variables=None):
    """`variables` are more of the environment of the walcast that it starts."""
    if chosen.pid:
        return Attached(chosen.pid, chosen.seconds)
    return {"bulk": Bulk, "live": Live}[chosen.load](area, chosen, variables or {})


def described(chosen):
    if chosen.pid:
        return f"process {chosen.pid}, {chosen.seconds:g} s"
    tls = " over TLS" if chosen.tls else ""
    if chosen.load == "bulk":
        return f"{chosen.standbys} standbys drain {chosen.megabytes} MB each{tls}"
    return f"{chosen.standbys} live standbys{tls}, {chosen.rate:g} commits/s, {chosen.seconds:g} s"
