"""What a commit costs on its way to live standbys: behind PostgreSQL's own walsenders, behind a bare
forwarder, and behind walcasts of one or more builds, in one run."""

import argparse
import os
import resource
import shutil
import signal
import statistics
import sys
import time
from dataclasses import dataclass

# tests/e2e/support
from support.area import Area
from support.cluster import PgCluster
from support.forwarder import Forwarder
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import Fleet, Walcast, binary

_PRIMARY = "primary"
_FORWARDER = "forwarder"
_PREPARE_NS = 1_000_000  # before its COMMIT is due, a transaction is made ready for it
_SPIN_NS = 200_000       # before its time, the writer is awake: a sleep may take so much longer
_COMMIT_BYTES = 100
_LATE = 0.95  # of the rate that was asked for; a server that reaches less is behind


def allow_files():
    """As many as the system grants; the servers and walbench inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_ns(pid):
    """User and system time of a process, those of its threads included that have ended: its
    CPU-time clock, as clock_getcpuclockid(3) names it."""
    cpuclock_sched = 2
    return time.clock_gettime_ns((~pid << 3) | cpuclock_sched)


class Writer:
    """One SQL session that commits at a steady rate, one commit after the other. In the WAL of each
    is a stamp: when its COMMIT was due. If a commit takes longer than its turn, those after it are
    late, and what they wait counts."""

    def __init__(self, port):
        self._sql = ReplicationClient.connect(port, replication="false", database="postgres")

    def commit(self, label, count, rate):
        """Commits per second, as reached."""
        step = int(1e9 / rate)
        begin = time.time_ns() + step
        for number in range(count):
            due = begin + number * step
            _wait_for(due - _PREPARE_NS)
            self._prepare(f"{label}@{due:016x}")
            _wait_for(due)
            self._run("COMMIT")
        return count / ((time.time_ns() - begin + step) / 1e9)

    def close(self):
        self._sql.close()

    def _prepare(self, stamp):
        text = stamp.ljust(_COMMIT_BYTES, ".")
        self._run(f"BEGIN; SELECT pg_logical_emit_message(true, 'live', '{text}')")

    def _run(self, text):
        answer = self._sql.query(text)
        assert answer.error is None, answer.error


def _wait_for(wall_ns):
    """Sleeps, and does not trust the scheduler with the end of it."""
    left = wall_ns - _SPIN_NS - time.time_ns()
    if left > 0:
        time.sleep(left / 1e9)
    while time.time_ns() < wall_ns:
        pass


class Subject:
    """A server between the writer and the standbys: how it is started, and what it has used."""

    def __init__(self, area, label, primary):
        self.area = area
        self.label = label
        self.primary = primary

    def start(self):
        """Returns the port for standbys."""
        raise NotImplementedError

    def pids(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def cpu_ns(self):
        return sum(map(cpu_ns, self.pids()))


class Directly(Subject):
    """No server between: the primary's walsenders."""

    def start(self):
        return self.primary.port

    def pids(self):
        return map(int, self.primary.sql("SELECT pid FROM pg_stat_replication").split())

    def stop(self):
        pass


class Bare(Subject):
    """bench/forwarder.cc."""

    _forwarder = None

    def start(self):
        self._forwarder = Forwarder(self.area, self.primary.port)
        return self._forwarder.port

    def pids(self):
        return [self._forwarder.process.pid]

    def stop(self):
        self._forwarder.stop()


class BuiltWalcast(Walcast):
    """A walcast of a build of its own."""

    def __init__(self, area, path, **options):
        self._path = path
        super().__init__(area, **options)

    def _command(self, argv):
        return [self._path, *argv[1:]]


class Relay(Subject):
    """A walcast with a new spool."""

    _walcast = None

    def __init__(self, area, label, primary, path):
        super().__init__(area, label, primary)
        self._path = _reachable_copy(area, label, path)
        self._spool = area.path(f"spool-{label}")

    def start(self):
        self._walcast = BuiltWalcast(self.area, self._path, spool_directory=self._spool,
                                     primary_conninfo=self.primary.conninfo())
        return self._walcast.port

    def pids(self):
        return [self._walcast.process.pid]

    def stop(self):
        self._walcast.stop()
        shutil.rmtree(self._spool)


def _reachable_copy(area, label, path):
    """The server user may not reach the build, and another build may have the same name."""
    copy = area.path(f"walcast-{label}")
    shutil.copy(path, copy)
    os.chmod(copy, 0o755)
    return copy


@dataclass(frozen=True)
class Round:
    """What one subject has shown in one round."""
    p50_us: float
    p99_us: float
    rate: float             # commits per second, as reached
    cpu_us: float           # of the server, per commit
    found: float            # stamps that were found, of those that could be


@dataclass(frozen=True)
class Plan:
    standbys: int
    rate: float
    commits: int
    warm_up: int
    rounds: int


def play(subject, plan, number):
    """One round: the server is started, its standbys come, commits are made, and all of it ends."""
    area, primary = subject.area, subject.primary
    start = parse_lsn(primary.sql("SELECT pg_switch_wal(); SELECT pg_current_wal_flush_lsn()")
                      .split()[-1])
    label = f"{subject.label}.{number}"
    writer = Writer(primary.port)
    fleet = Fleet(area, subject.start(), plan.standbys, start, stamps=label, progress=True)
    fleet.process.wait_for(rf"\s{plan.standbys} streaming", timeout=120)
    writer.commit("warm-up", plan.warm_up, plan.rate)
    before = subject.cpu_ns()
    rate = writer.commit(label, plan.commits, plan.rate)
    cpu = subject.cpu_ns() - before
    writer.close()
    _wait_until_all_has_come(fleet)
    fleet.process.send_signal(signal.SIGINT)
    report = fleet.finish()
    subject.stop()
    if report.status != 0:
        sys.exit(f"{subject.label}: {report.output}")
    wait_until(lambda: primary.sql("SELECT count(*) FROM pg_stat_replication") == "0",
               "the walsenders' end")
    delays = report["stamp_us"]
    return Round(delays["p50"], delays["p99"], rate, cpu / 1e3 / plan.commits,
                 delays["count"] / plan.commits / plan.standbys)


def _wait_until_all_has_come(fleet):
    """Until walbench has counted no byte for a second."""
    nothing = r" 0 B/s  0 failed$"
    before = fleet.process.count_in_log(nothing)
    wait_until(lambda: fleet.process.count_in_log(nothing) > before, "the last byte", timeout=600)


def play_rounds(subjects, plan):
    """The rounds of each subject; they take turns in going first."""
    rounds = {subject.label: [] for subject in subjects}
    for number in range(plan.rounds):
        turn = number % len(subjects)
        for subject in subjects[turn:] + subjects[:turn]:
            rounds[subject.label].append(done := play(subject, plan, number))
            print(f"round {number + 1}, {subject.label}: p50 {done.p50_us:.0f} us,"
                  f" p99 {done.p99_us:.0f} us, {done.rate:.0f} commits/s,"
                  f" CPU {done.cpu_us:.1f} us per commit", flush=True)
    return rounds


def _median(values):
    return statistics.median(values)


def _compared(mine, others, combine):
    """Round by round, since what disturbs one disturbs the other."""
    return _median(combine(a, b) for a, b in zip(mine, others))


def print_table(rounds, plan):
    """Medians of the rounds."""
    print(f"\n{plan.standbys} standbys, {plan.rate:g} commits/s, {plan.rounds} rounds of"
          f" {plan.commits} commits, {os.cpu_count()} processors; from COMMIT due to WAL arrived")
    print(f"{'behind':<16}{'p50 us':>9}{'p99 us':>9}{'commits/s':>11}{'CPU us/commit':>15}"
          f"{'stamps':>9}")
    for label, done in rounds.items():
        rate = _median(one.rate for one in done)
        late = "  behind: what is due waits" if rate < _LATE * plan.rate else ""
        print(f"{label:<16}{_median(one.p50_us for one in done):9.0f}"
              f"{_median(one.p99_us for one in done):9.0f}{rate:11.1f}"
              f"{_median(one.cpu_us for one in done):15.1f}"
              f"{_median(one.found for one in done):9.1%}{late}")


def print_comparison(rounds, label, other):
    mine, others = rounds[label], rounds[other]

    def ratio(field):
        return _compared(mine, others, lambda a, b: getattr(a, field) / max(getattr(b, field), 1))

    added = _compared(mine, others, lambda a, b: a.p50_us - b.p50_us)
    print(f"{label} / {other}: p50 {ratio('p50_us'):.2f} ({added:+.0f} us), p99"
          f" {ratio('p99_us'):.2f}, CPU {ratio('cpu_us'):.2f}, commits/s {ratio('rate'):.2f}")


def make_primary(area, plan, fsync):
    """Its WAL writer stays away, or it would flush what is written before a COMMIT."""
    return PgCluster.create(area, _PRIMARY, max_wal_senders=plan.standbys + 10, fsync=fsync,
                            wal_keep_size="512MB", wal_writer_delay="10s").start()


def make_subjects(area, primary, walcasts):
    return [Directly(area, _PRIMARY, primary), Bare(area, _FORWARDER, primary),
            *(Relay(area, label, primary, path) for label, path in walcasts)]


def labelled_path(text):
    label, equals, path = text.partition("=")
    if not equals or not os.access(path, os.X_OK) or label in (_PRIMARY, _FORWARDER):
        raise argparse.ArgumentTypeError(f"LABEL=PATH of a walcast is expected, not {text}")
    return label, path


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/live.sh", description=__doc__)
    parser.add_argument("--walcast", type=labelled_path, action="append", metavar="LABEL=PATH",
                        help="a build to measure; the first one is what others are compared with")
    parser.add_argument("--standbys", type=int, default=1)
    parser.add_argument("--rate", type=float, default=200, help="commits per second")
    parser.add_argument("--commits", type=int, default=2000, help="of each server in each round")
    parser.add_argument("--warm-up", type=int, default=200, help="commits that are not counted")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fsync", choices=("on", "off"), default="off", help="of the primary")
    return parser.parse_args()


def main():
    chosen = parse_arguments()
    plan = Plan(chosen.standbys, chosen.rate, chosen.commits, chosen.warm_up, chosen.rounds)
    allow_files()
    area = Area()
    try:
        walcasts = chosen.walcast or [("walcast", binary(area, "walcast"))]
        primary = make_primary(area, plan, chosen.fsync)
        rounds = play_rounds(make_subjects(area, primary, walcasts), plan)
        print_table(rounds, plan)
        first, *others = [label for label, _ in walcasts]
        for label in (first, *others):
            print_comparison(rounds, label, _FORWARDER)
        for label in others:
            print_comparison(rounds, label, first)
    except BaseException:
        print(area.logs(), file=sys.stderr)
        raise
    finally:
        area.close()


if __name__ == "__main__":
    main()
