"""What standbys that all come back over TLS at once cost those that stream: commits at a steady rate
to live standbys alone, and to the same number beside such a storm, in one run."""

import argparse
import signal
import statistics
import sys

# tests/e2e/support
from support import machine
from support.area import Area
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.walcast import Fleet, binary
# perf
from drain import allow_files, tls_options
from live import Writer, wait_until_all_has_come
from subjects import Relay


def live_fleet(area, port, start, label, chosen, sslmode="require"):
    fleet = Fleet(area, port, chosen.standbys, start, stamps=label, progress=True,
                  sslmode=sslmode)
    fleet.process.wait_for(rf"\s{chosen.standbys} streaming", timeout=120)
    return fleet


def report_of(fleet):
    report = fleet.finish()
    if report.status != 0:
        sys.exit(report.output)
    return report


def p99_of(fleet, deliveries):
    """Ends it when all has come, and says how its commits came, in microseconds."""
    wait_until_all_has_come(fleet)
    fleet.process.send_signal(signal.SIGINT)
    delays = report_of(fleet)["stamp_us"]
    if delays["count"] != deliveries:
        sys.exit(f"{delays['count']} of {deliveries} deliveries were seen")
    return delays["p99"]


def play(area, primary, port, chosen, number):
    """The p99 of the live standbys alone and beside the storm, and how many seconds that took."""
    start = parse_lsn(primary.sql("SELECT pg_switch_wal(); SELECT pg_current_wal_flush_lsn()")
                      .split()[-1])
    writer = Writer(primary.port)
    alone, beside = f"alone.{number}", f"beside.{number}"
    fleet = live_fleet(area, port, start, alone, chosen)
    writer.commit(alone, chosen.commits, chosen.rate)
    before = p99_of(fleet, chosen.commits * chosen.standbys)
    fleet = live_fleet(area, port, start, beside, chosen)
    end = parse_lsn(primary.flush_lsn())
    # Each logs in, asks for its stream and leaves with what it has by then.
    storm = Fleet(area, port, chosen.storm, end, end, logins=chosen.storm, sslmode="require",
                  niceness=19, application_name="storm")
    commits = writer.commit_while(storm.process.alive, beside, chosen.rate)
    seconds = report_of(storm)["seconds"]
    during = p99_of(fleet, commits * chosen.standbys)
    writer.close()
    return before, during, seconds


def main():
    parser = argparse.ArgumentParser(prog="perf/storm.sh", description=__doc__)
    parser.add_argument("--standbys", type=int, default=50, help="that stream meanwhile")
    parser.add_argument("--storm", type=int, default=10_000, help="standbys that come at once")
    parser.add_argument("--rate", type=float, default=200, help="commits per second")
    parser.add_argument("--commits", type=int, default=2000, help="alone; as many as come beside")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    allow_files()
    print(machine.described(), flush=True)
    with Area() as area:
        tls = tls_options(area)
        primary = PgCluster.create(area, "primary", fsync="off", wal_keep_size="512MB",
                                   wal_writer_delay="10s").start()
        relay = Relay(area, "walcast", primary, binary(area, "walcast"), **tls,
                      max_wal_senders=chosen.storm + chosen.standbys + 10)
        port = relay.start()
        ratios = []
        for number in range(chosen.rounds):
            alone, beside, seconds = play(area, primary, port, chosen, number)
            ratios.append(beside / alone)
            print(f"round {number + 1}: p99 {alone:.0f} us alone, {beside:.0f} us beside"
                  f" {chosen.storm} standbys that came and went in {seconds:.1f} s", flush=True)
        relay.stop()
        print(f"p99 beside / alone: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
