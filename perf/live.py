"""What a commit costs on its way to live standbys: behind PostgreSQL's own walsenders, behind a bare
forwarder, and behind walcasts of one or more builds, in one run."""

import argparse
import os
import signal
import statistics
import sys
import time
from dataclasses import dataclass

# tests/e2e/support
from support import machine
from support.area import Area
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import Fleet, binary
# perf
from drain import allow_files, tls_options
from subjects import Bare, Directly, Relay

_PRIMARY = "primary"
_FORWARDER = "forwarder"
_PREPARE_NS = 1_000_000  # before its COMMIT is due, a transaction is made ready for it
_SPIN_NS = 200_000       # before its time, the writer is awake: a sleep may take so much longer
_COMMIT_BYTES = 100
_LATE = 0.95  # of the rate that was asked for; a server that reaches less is behind


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
            self._commit_at(label, begin + number * step)
        return count / ((time.time_ns() - begin + step) / 1e9)

    def commit_while(self, goes_on, label, rate):
        """As long as `goes_on()`, and how many that were. It is one schedule: a commit that is late
        stays late."""
        step = int(1e9 / rate)
        due = time.time_ns()
        count = 0
        while goes_on():
            due += step
            self._commit_at(label, due)
            count += 1
        return count

    def _commit_at(self, label, due):
        _wait_for(due - _PREPARE_NS)
        self._prepare(f"{label}@{due:016x}")
        _wait_for(due)
        self._run("COMMIT")

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


_RIVALS = {_PRIMARY: Directly, _FORWARDER: Bare}


def rivals_of(chosen):
    """What the walcasts are compared with. The forwarder has no TLS."""
    if chosen.builds_only:
        return []
    return [_PRIMARY] if chosen.tls else [_PRIMARY, _FORWARDER]


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
    sslmode: str


def play(subject, plan, number):
    """One round: the server is started, its standbys come, commits are made, and all of it ends."""
    area, primary = subject.area, subject.primary
    start = parse_lsn(primary.sql("SELECT pg_switch_wal(); SELECT pg_current_wal_flush_lsn()")
                      .split()[-1])
    label = f"{subject.label}.{number}"
    writer = Writer(primary.port)
    fleet = Fleet(area, subject.start(), plan.standbys, start, stamps=label, progress=True,
                  sslmode=plan.sslmode)
    fleet.process.wait_for(rf"\s{plan.standbys} streaming", timeout=120)
    writer.commit("warm-up", plan.warm_up, plan.rate)
    before = subject.cpu_ns()
    rate = writer.commit(label, plan.commits, plan.rate)
    cpu = subject.cpu_ns() - before
    writer.close()
    wait_until_all_has_come(fleet)
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


def wait_until_all_has_come(fleet):
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
          f" {plan.commits} commits, {machine.described()}; from COMMIT due to WAL arrived")
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


def make_primary(area, plan, fsync, tls):
    """Its WAL writer stays away, or it would flush what is written before a COMMIT."""
    return PgCluster.create(area, _PRIMARY, max_wal_senders=plan.standbys + 10, fsync=fsync,
                            wal_keep_size="512MB", wal_writer_delay="10s", **tls).start()


def make_subjects(area, primary, walcasts, tls, rivals):
    return [*(_RIVALS[rival](area, rival, primary) for rival in rivals),
            *(Relay(area, label, primary, path, **{**tls, **options})
              for label, path, options in walcasts)]


def labelled_build(text):
    """"old=build/old/walcast" or "late=build/release/bin/walcast,send_delay=10ms"."""
    label, equals, rest = text.partition("=")
    path, *options = rest.split(",")
    if not equals or not os.access(path, os.X_OK) or label in (_PRIMARY, _FORWARDER) \
            or not all("=" in option for option in options):
        raise argparse.ArgumentTypeError(f"LABEL=PATH of a walcast is expected, not {text}")
    return label, path, dict(option.split("=", 1) for option in options)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/live.sh", description=__doc__)
    parser.add_argument("--walcast", type=labelled_build, action="append",
                        metavar="LABEL=PATH[,OPTION=VALUE...]",
                        help="a build to measure, and options for it, named as in its file; the"
                             " first one is what others are compared with")
    parser.add_argument("--standbys", type=int, default=1)
    parser.add_argument("--rate", type=float, default=200, help="commits per second")
    parser.add_argument("--commits", type=int, default=2000, help="of each server in each round")
    parser.add_argument("--warm-up", type=int, default=200, help="commits that are not counted")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fsync", choices=("on", "off"), default="off", help="of the primary")
    parser.add_argument("--tls", action="store_true", help="all standbys come over TLS")
    parser.add_argument("--builds-only", action="store_true",
                        help="compare the builds of walcast with each other, and with nothing else")
    return parser.parse_args()


def main():
    chosen = parse_arguments()
    plan = Plan(chosen.standbys, chosen.rate, chosen.commits, chosen.warm_up, chosen.rounds,
                "require" if chosen.tls else "disable")
    allow_files()
    with Area() as area:
        walcasts = chosen.walcast or [("walcast", binary(area, "walcast"), {})]
        tls = tls_options(area) if chosen.tls else {}
        primary = make_primary(area, plan, chosen.fsync, tls)
        rivals = rivals_of(chosen)
        rounds = play_rounds(make_subjects(area, primary, walcasts, tls, rivals), plan)
        print_table(rounds, plan)
        first, *others = [label for label, _, _ in walcasts]
        for label in (first, *others) if rivals else ():
            print_comparison(rounds, label, rivals[-1])
        for label in others:
            print_comparison(rounds, label, first)


if __name__ == "__main__":
    main()
