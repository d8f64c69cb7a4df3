"""Plays one load on walcast and on PostgreSQL 15's walsender, and prints how they compare."""

import argparse
import os
import re
import resource
import signal
import statistics
import sys
from dataclasses import dataclass

# tests/e2e/support
from support import machine
from support.area import Area
from support.certificates import Authority
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import Fleet, Walcast
from support.workload import write_wal
# perf
from subjects import cpu_ns

MEGABYTE = 1 << 20
GIGABYTE = 1 << 30
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Server:
    """A server under load: a process and its children, as /proc accounts for them."""

    def __init__(self, name, process, port):
        self.name = name
        self.port = port
        self._process = process

    def pids(self):
        pid = self._process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [pid, *map(int, children.read().split())]

    def cpu_seconds(self):
        """User and system time of all of them, those included that have ended."""
        parent, *_ = pids = self.pids()
        return sum(map(_cpu_ns, pids)) / 1e9 + _ended_children_ticks(parent) / TICKS_PER_SECOND

    def memory(self):
        """What they use in all, in bytes: shared pages count once."""
        return sum(map(_pss, self.pids()))


@dataclass(frozen=True)
class Drain:
    """What one fleet saw of one server while it drained the range."""
    throughput: float  # bytes per second
    cpu_per_gb: float  # of the server, in seconds


@dataclass(frozen=True)
class Load:
    standbys: int
    begin: int
    end: int
    sslmode: str


def _cpu_ns(pid):
    """Of one that has ended since it was listed, nothing: it counts as an ended child."""
    try:
        return cpu_ns(pid)
    except OSError:
        return 0


def _ended_children_ticks(pid):
    """utime and stime of children that were waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[13]) + int(fields[14])


def _pss(pid):
    """Of one that has ended since it was listed, nothing."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            return int(re.search(r"^Pss:\s+(\d+) kB", rollup.read(), re.MULTILINE)[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return 0


def drain(area, server, load):
    """All standbys take the whole range; connecting and leaving is part of what it costs."""
    processes = len(server.pids())
    before = server.cpu_seconds()
    report = Fleet(area, server.port, load.standbys, load.begin, load.end,
                   sslmode=load.sslmode).finish(timeout=3600)
    if report.status != 0:
        sys.exit(f"{server.name}: {report.output}")
    wait_until(lambda: len(server.pids()) <= processes, "the walsenders' end")
    cpu = server.cpu_seconds() - before
    return Drain(report["bytes_per_second"], cpu / (report["bytes"] / GIGABYTE))


def memory_per_standby(area, server, load):
    """Of standbys that have streamed the range's last megabyte and wait for more."""
    before = server.memory()
    fleet = Fleet(area, server.port, load.standbys, load.end - MEGABYTE, progress=True,
                  sslmode=load.sslmode)
    fleet.process.wait_for(rf"\s{load.standbys} streaming", timeout=600)
    used = server.memory() - before
    fleet.process.send_signal(signal.SIGINT)
    fleet.finish()
    return used / load.standbys


def tls_options(area):
    """Of a server, PostgreSQL or walcast. Both choose the cipher by their defaults."""
    certificate, key = Authority(area, "servers").issue("server", "/CN=localhost", "localhost")
    return {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key}


def make_servers(area, standbys, megabytes, tls):
    """PostgreSQL that keeps its WAL, walcast on a copy of it, and the range both can send."""
    options = tls_options(area) if tls else {}
    primary = PgCluster.create(area, "primary", max_wal_senders=standbys + 10,
                               wal_keep_size=f"{2 * megabytes + 1024}MB", **options).start()
    write_wal(primary, megabytes + primary.segment_size // MEGABYTE)
    end = parse_lsn(primary.flush_lsn())
    primary.stop()
    wal = WalFiles(area.copy_tree(primary.wal_path, "wal"), primary.segment_size)
    begin = wal.begin()
    load = Load(standbys, begin, begin + megabytes * MEGABYTE, "require" if tls else "disable")
    assert load.end <= end, f"only {end - begin} bytes of WAL"
    primary.start()
    walcast = Walcast.of_directory(area, wal.path, archive_is_immutable=True, **options)
    return (Server("walcast", walcast.process, walcast.port),
            Server("PostgreSQL 15", primary.process, primary.port), load)


def run_rounds(area, servers, load, rounds):
    """One list of drains per server. Each round has both, and they take turns in going first.
    Before them comes a first drain, by which walcast has proven the WAL and both have it cached."""
    drains = {server: [] for server in servers}
    for number in range(1 + rounds):
        for server in servers[::-1] if number % 2 else servers:
            drains[server].append(drain(area, server, load))
    return [drains[server] for server in servers]


def print_table(ours, theirs, memory):
    """Medians, and the median of the ratios of the rounds."""
    def row(title, unit, factor, values):
        mine, others = values
        ratio = statistics.median(a / b for a, b in zip(mine, others))
        print(f"{title:24}{factor * statistics.median(mine):14.3f}"
              f"{factor * statistics.median(others):16.3f} {unit:6}{ratio:8.3f}")
        return ratio

    print(f"\n{'':24}{'walcast':>14}{'PostgreSQL 15':>16} {'':6}{'ratio':>8}")
    throughput = row("throughput", "GB/s", 1 / GIGABYTE,
                     [[d.throughput for d in drains[1:]] for drains in (ours, theirs)])
    cpu = row("server CPU per GB", "s", 1,
              [[d.cpu_per_gb for d in drains[1:]] for drains in (ours, theirs)])
    row("... in the first drain", "s", 1, [[drains[0].cpu_per_gb] for drains in (ours, theirs)])
    used = row("memory per standby", "kB", 1 / 1024, [[value] for value in memory])
    print(f"\nwalcast / PostgreSQL 15: throughput {throughput:.2f}, server CPU per GB {cpu:.2f},"
          f" memory per standby {used:.3f}")


def allow_files():
    """As many as the system grants; the servers and walbench inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    parser = argparse.ArgumentParser(prog="perf/drain.sh", description=__doc__)
    parser.add_argument("--standbys", type=int, default=32)
    parser.add_argument("--megabytes", type=int, default=256, help="of WAL per standby and drain")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tls", action="store_true", help="all standbys come over TLS")
    arguments = parser.parse_args()
    allow_files()
    with Area() as area:
        print("Making WAL ...", flush=True)
        *servers, load = make_servers(area, arguments.standbys, arguments.megabytes, arguments.tls)
        print(f"{load.standbys} standbys{' over TLS' if arguments.tls else ''}, each from"
              f" {format_lsn(load.begin)} to {format_lsn(load.end)}, {arguments.rounds} rounds,"
              f" {machine.described()}", flush=True)
        memory = [memory_per_standby(area, server, load) for server in servers]
        print_table(*run_rounds(area, servers, load, arguments.rounds), memory)


if __name__ == "__main__":
    main()
