"""What is to be measured: the options of perf/compare.sh, and the turns that come of them."""

import argparse
from dataclasses import dataclass

PARTS = ("bulk", "cold", "live", "single", "rate", "pgbench", "idle")

# What each subject is called where people read it.
NAMES = {
    "direct": "PostgreSQL 15",
    "cascade": "PostgreSQL 15 standby",
    "directory": "walcast, directory",
    "relay": "walcast, relay",
    "attach": "walcast, attached",
    "forwarder": "bare forwarder",
    "sendfile": "bare sendfile loop",
}


@dataclass(frozen=True)
class Turn:
    """One run of one subject."""
    case: dict
    subject: str
    round: int

    def __str__(self):
        case = ", ".join(f"{name} {value:g}" for name, value in self.case.items())
        return f"{case}, {NAMES[self.subject]}, round {self.round + 1}"


def turns(cases, subjects, rounds, includes=lambda case, subject: True):
    """Round by round and case by case; the subjects take turns in going first."""
    return [Turn(case, subject, number)
            for number in range(rounds) for case in cases
            for subject in _rotated(subjects, number) if includes(case, subject)]


def _rotated(subjects, number):
    turn = number % max(1, len(subjects))
    return [*subjects[turn:], *subjects[:turn]]


# What differs between the form for documents and the one for every day.
_FULL = {
    "readers": (1, 4, 16, 64), "standbys": (1, 10, 100, 400, 1000, 2000), "rounds": 3,
    "megabytes": 1024, "volume_megabytes": 8192, "commits": 2000, "single_commits": 3000,
    "probe_seconds": 3.0, "bisections": 2, "rate_max": 12_800,
    "pgbench_standbys": (0, 1, 10, 100, 400),
    "pgbench_seconds": 15, "idle_standbys": (400, 10_000), "idle_seconds": 60, "only": PARTS,
}
_QUICK = {
    "readers": (16,), "standbys": (400,), "rounds": 1,
    "megabytes": 128, "volume_megabytes": 2048, "commits": 400, "single_commits": 600,
    "probe_seconds": 1.0, "bisections": 1, "rate_max": 12_800, "pgbench_standbys": (1, 400),
    "pgbench_seconds": 3, "idle_standbys": (10_000,), "idle_seconds": 6,
    "only": ("bulk", "live", "single", "pgbench", "idle"),
}

_OPTIONS = {
    "readers": "of bulk, as 1,4,16", "standbys": "of live and rate", "rounds": "of each part",
    "megabytes": "of WAL that a reader takes, at most",
    "volume_megabytes": "of WAL that all readers take in one run, at most",
    "commits": "of a live run", "single_commits": "of a run with one standby",
    "probe_seconds": "of one rate in a search", "bisections": "of a search, after its doublings",
    "rate_max": "of a search, in commits per second",
    "pgbench_standbys": "of pgbench", "pgbench_seconds": "of a run of pgbench",
    "idle_standbys": "of idle", "idle_seconds": "of an idle run",
}


def _numbers(text):
    return tuple(int(number) for number in text.split(","))


def _names(known):
    def parse(text):
        chosen = tuple(text.split(","))
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return chosen
    return parse


def parse(argv=None):
    """The options as an object; what is not given is as the form, full or quick, has it."""
    parser = argparse.ArgumentParser(
        prog="perf/compare.sh", description="One load on PostgreSQL's walsender, on a standby's, on"
        " walcast from each of its sources, and on the floors, side by side; writes a document with"
        " plots.")
    parser.add_argument("--quick", action="store_true", help="a short form, for every day")
    parser.add_argument("--only", type=_names(PARTS), metavar="PART,...",
                        help=f"which parts are run: {', '.join(PARTS)}")
    parser.add_argument("--subjects", type=_names(NAMES), metavar="NAME,...",
                        help=f"which servers are measured: {', '.join(NAMES)}")
    for name, text in _OPTIONS.items():
        default = _FULL[name]
        kind = _numbers if isinstance(default, tuple) else type(default)
        parser.add_argument("--" + name.replace("_", "-"), type=kind, help=text,
                            metavar="N,..." if kind is _numbers else "N")
    parser.add_argument("--one-host", action="store_true",
                        help="pgbench: all share all processors, and no second host is played")
    parser.add_argument("--disk", default="/var/tmp", metavar="DIR",
                        help="where the WAL of the part cold lies; must not be in memory")
    parser.add_argument("--fresh", action="store_true",
                        help="measure anew what the results have already")
    parser.add_argument("--into", metavar="DIR",
                        help="where benchmarks.md and the folder benchmarks/ with the plots and all"
                             " results go: docs; build/quick with --quick")
    parser.add_argument("--estimate", action="store_true", help="say only how long it takes")
    parser.add_argument("--document", action="store_true",
                        help="measure nothing; write the document from the results that there are")
    chosen = parser.parse_args(argv)
    for name, default in (_QUICK if chosen.quick else _FULL).items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, default)
    if chosen.into is None:
        chosen.into = "build/quick" if chosen.quick else "docs"
    return chosen
