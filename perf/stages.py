"""Whether the stages of walcast's report add up to what is measured from outside: commits on their
way through a tap, a walcast and its standbys, in one run."""

import argparse
import json
import os
import signal
import sys
from dataclasses import dataclass

# tests/e2e/support
from support import machine
from support.area import Area
from support.latency import reports_of
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import Fleet, Walcast
# perf
from live import Writer, allow_files, make_primary, wait_until_all_has_come

_LABEL = "stages"
_TAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tap.py")


class Tap:
    """A running perf/tap.py before the primary."""

    def __init__(self, area, primary_port):
        script = area.path("tap.py")
        area.copy_file(_TAP, script)
        self._process = area.spawn("tap", [sys.executable, "-B", script, primary_port, _LABEL])
        self.port = int(self._process.wait_for(r"^tap: ready on (\d+)$", stream="stdout")[1])

    def finish(self):
        self._process.stop(signal.SIGTERM)
        return json.loads(self._process.stdout().splitlines()[-1])


@dataclass(frozen=True)
class Sums:
    """Mean microseconds of a commit's way. Those of walcast are told apart from outside, by the tap
    before it and the kernel of the standbys behind it, and from inside, by its report."""
    primary: float       # from due to its arrival at the tap
    tap: float           # from there to its being sent on
    standbys: float      # from due to its arrival at the standbys
    stages: dict         # of walcast, by its report

    @classmethod
    def of(cls, tap, stamps, report):
        return cls(primary=tap["arrived_us"], tap=tap["left_us"] - tap["arrived_us"],
                   standbys=stamps["mean"],
                   stages={name: seconds * 1e6
                           for name, seconds in report.server_stages().items()})

    @property
    def inside(self):
        return sum(self.stages.values())

    @property
    def outside(self):
        return self.standbys - self.primary - self.tap

    @property
    def whole(self):
        return self.primary + self.tap + self.inside

    def text(self):
        parts = ", ".join(f"{name} {micros:.1f}" for name, micros in self.stages.items())
        return (f"from COMMIT due to the tap            {self.primary:9.1f} us\n"
                f"through the tap                       {self.tap:9.1f} us\n"
                f"through walcast, by its stages        {self.inside:9.1f} us  ({parts})\n"
                f"  measured from outside               {self.outside:9.1f} us\n"
                f"all of these                          {self.whole:9.1f} us\n"
                f"from COMMIT due to the standbys       {self.standbys:9.1f} us  (walbench)\n"
                f"stages / from outside {self.inside / self.outside:.3f};"
                f" all / walbench {self.whole / self.standbys:.3f}")


def options_of(area, primary, tap, attach):
    conninfo = {"primary_conninfo": primary.conninfo(tap.port), "latency_report": True}
    if not attach:
        return {"spool_directory": area.path("spool"), **conninfo}
    primary.sql("SELECT pg_create_physical_replication_slot('walcast', true)")
    return {"wal_directory": primary.wal_path, "primary_slot_name": "walcast", **conninfo}


def wait_until_it_has(walcast, lsn):
    """A standby that asks for what is ahead of it is turned away."""
    client = ReplicationClient.connect(walcast.port)
    wait_until(lambda: parse_lsn(client.identify()[2]) >= lsn, "the WAL at walcast")
    client.close()


def measure(area, primary, plan):
    """Nothing is left out of any of the three: what they have seen is the same."""
    tap = Tap(area, primary.port)
    walcast = Walcast(area, **options_of(area, primary, tap, plan.attach))
    start = parse_lsn(primary.sql("SELECT pg_switch_wal(); SELECT pg_current_wal_flush_lsn()")
                      .split()[-1])
    wait_until_it_has(walcast, start)
    fleet = Fleet(area, walcast.port, plan.standbys, start, stamps=_LABEL, progress=True)
    fleet.process.wait_for(rf"\s{plan.standbys} streaming", timeout=120)
    writer = Writer(primary.port)
    writer.commit(_LABEL, plan.commits, plan.rate)
    writer.close()
    wait_until_all_has_come(fleet)
    fleet.process.send_signal(signal.SIGINT)
    report = fleet.finish()
    if report.status != 0:
        sys.exit(report.output)
    walcast.stop()
    latency = reports_of(walcast)[-1]
    seen = tap.finish()
    print(latency.text)
    print(f"{plan.standbys} standbys, {plan.rate:g} commits/s, {machine.described()}; commits"
          f" {plan.commits}, seen by the tap {seen['count']}, by standbys"
          f" {report['stamp_us']['count']}, live deliveries {latency.deliveries['= walcast']}")
    return Sums.of(seen, report["stamp_us"], latency)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/stages.sh", description=__doc__)
    parser.add_argument("--standbys", type=int, default=1)
    parser.add_argument("--rate", type=float, default=200, help="commits per second")
    parser.add_argument("--commits", type=int, default=2000)
    parser.add_argument("--attach", action="store_true",
                        help="walcast reads the primary's own files, instead of a spool")
    parser.add_argument("--fsync", choices=("on", "off"), default="off", help="of the primary")
    return parser.parse_args()


def main():
    plan = parse_arguments()
    allow_files()
    with Area() as area:
        print(measure(area, make_primary(area, plan, plan.fsync, {}), plan).text())


if __name__ == "__main__":
    main()
