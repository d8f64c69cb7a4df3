"""`walcast verify` beside `pg_waldump -q` on the same warm WAL of a real PostgreSQL, with one thread
and with all cores; and per byte, what a 256 MB record and 1 GB of padding cost beside usual WAL."""

import argparse
import os
import statistics
import subprocess
import sys
import time

# tests/e2e/support
from support.area import Area
from support.cluster import PgCluster, pg_program
from support.lsn import format_lsn, parse_lsn
from support.walcast import binary
from support.workload import wal_of, write_wal

_SETTINGS = {"fsync": "off", "max_wal_size": "32GB", "checkpoint_timeout": "1h"}


def seconds(argv):
    begun = time.monotonic()
    done = subprocess.run([str(word) for word in argv], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    elapsed = time.monotonic() - begun
    if done.returncode != 0:
        sys.exit(f"{argv}: {done.stderr.decode()}")
    return elapsed


class Wal:
    """The segments of a cluster that has stopped, and what proves them."""

    def __init__(self, area, cluster, end):
        self._area, self._files = area, wal_of(cluster)
        self._end = end
        self.begin = self._files.begin()
        self.bytes = end - self.begin

    def verify(self, jobs):
        return seconds([binary(self._area, "walcast"), "verify", "--no-progress", "--jobs", jobs,
                        "--to", format_lsn(self._end), self._files.path])

    def waldump(self):
        return seconds([pg_program("pg_waldump"), "-q", "-p", self._files.path, "-t", 1, "-s",
                        format_lsn(self.begin), "-e", format_lsn(self._end)])


def flushed(cluster):
    return parse_lsn(cluster.flush_lsn())


def usual_wal(area, megabytes):
    """The WAL of pgbench and bulk loads, up to a record's end in a full segment."""
    cluster = PgCluster.create(area, "usual", 16, **_SETTINGS, wal_keep_size="32GB").start()
    write_wal(cluster, megabytes)
    end = flushed(cluster)
    cluster.stop()
    return Wal(area, cluster, end)


def one_kind(area, name, segment_mb, statement, times=1):
    """A cluster whose WAL is nearly all of one kind."""
    cluster = PgCluster.create(area, name, segment_mb, **_SETTINGS, wal_keep_size="32GB").start()
    cluster.sql("SELECT pg_switch_wal()")
    for _ in range(times):
        cluster.sql(statement)
    end = flushed(cluster)
    cluster.stop()
    return Wal(area, cluster, end)


def play(wal, runs, rounds):
    """GB/s of each round; the ways take turns, and one round before warms the page cache."""
    for run in runs.values():
        run()
    found = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(wal.bytes / 2**30 / run())
    return found


def say(name, wal, found):
    medians = {way: statistics.median(all_of) for way, all_of in found.items()}
    print(f"{name}: {wal.bytes >> 20} MB; GB/s (median, least to most) " + "; ".join(
        f"{way} {medians[way]:.2f} ({min(all_of):.2f} to {max(all_of):.2f})"
        for way, all_of in found.items()), flush=True)
    return medians


def ratio(found, one, other):
    return statistics.median(a / b for a, b in zip(found[one], found[other]))


def measure(area, plan):
    cores = os.cpu_count()
    usual = usual_wal(area, plan.megabytes)
    found = play(usual, {"pg_waldump -q": usual.waldump, "verify, 1 thread": lambda: usual.verify(1),
                         f"verify, {cores} threads": lambda: usual.verify(cores)}, plan.rounds)
    say("usual WAL", usual, found)
    all_cores = f"verify, {cores} threads"
    print(f"verify / pg_waldump -q: {ratio(found, all_cores, 'pg_waldump -q'):.2f} with {cores}"
          f" threads, {ratio(found, 'verify, 1 thread', 'pg_waldump -q'):.2f} with one;"
          f" {cores} threads / one: {ratio(found, all_cores, 'verify, 1 thread'):.2f}", flush=True)
    emit = "SELECT pg_logical_emit_message(true, 'long', repeat('x', {} << 20))"
    kinds = {
        "1 record of 256 MB": one_kind(area, "long", 16, emit.format(256)),
        "256 records of 1 MB": one_kind(area, "many", 16, emit.format(1), times=256),
        "1 GB of padding": one_kind(area, "padding", 1024, "SELECT pg_switch_wal()"),
    }
    medians = {}
    for name, wal in kinds.items():
        found = play(wal, {"1 thread": lambda wal=wal: wal.verify(1),
                           f"{cores} threads": lambda wal=wal: wal.verify(cores)}, plan.rounds)
        medians[name] = say(name, wal, found)["1 thread"]
    record, pieces = medians["1 record of 256 MB"], medians["256 records of 1 MB"]
    print(f"a byte of a 256 MB record costs {pieces / record:.2f} of one of 1 MB records;"
          f" a byte of padding {pieces / medians['1 GB of padding']:.2f}", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/verify.sh", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024, help="of usual WAL")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def main():
    plan = parse_arguments()
    with Area() as area:
        measure(area, plan)


if __name__ == "__main__":
    main()
