"""docs/benchmarks.md: the figures as tables and pictures, what should hold and whether it does, and
how it was measured."""

import os

from matrix import plots
from matrix.figures import NOT_HELD, Part, number, verdicts
from matrix.plan import NAMES, PARTS

_NOTES = "notes.md"
_ORDER = tuple(NAMES)


def write(store, into):
    """Writes benchmarks.md and benchmarks/*.svg into the directory. What benchmarks/notes.md says of
    the figures, and no figure says, is taken into the document. Returns its path."""
    os.makedirs(store.directory, exist_ok=True)
    pictures = plots.all_of(store)
    for name, text in pictures.items():
        _write(os.path.join(store.directory, f"{name}.svg"), text)
    path = os.path.join(into, "benchmarks.md")
    _write(path, text_of(store, set(pictures), _notes(store.directory)))
    return path


def text_of(store, pictures, notes=""):
    sections = [_HEAD, _pgbench(store, pictures), _live(store, pictures), _single(store),
                _rate(store, pictures), _bulk(store, pictures), _idle(store), _verdicts(store),
                notes and "## What is not held, and what the time goes to\n\n" + notes,
                _stages(store), _method(store)]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


_HEAD = """
# What replication costs

One load on PostgreSQL 15's walsender, on a cascading standby's, on [walcast](../README.md) from each of its sources (a
*relay* with a spool of its own, one *attached* to the primary's `pg_wal`, and one that serves a *directory*), and on two
bare floors that prove nothing: a loop that forwards what it receives, and one that sends files. All of this document,
but for the notes on what does not hold, is written by `perf/compare.sh`; [how](#how-it-was-measured) is at its end.
Figures are medians of rounds, and ratios are medians of the ratios of rounds. One machine on one day says little:
the ratios say more.
"""


def _section(title, text, *tables):
    """None without a table that has rows."""
    found = [table for table in tables if table]
    return "\n\n".join([f"## {title}", text.strip("\n"), *found]) if found else None


def _picture(pictures, name, text):
    return f"![{text}](benchmarks/{name}.svg)" if name in pictures else ""


def _table(part, x, figure, title, factor=1, form=number, names=None):
    """A row for each subject, a column for each case. Empty without figures."""
    cases = [case for case in part.cases()
             if any(part.median(case, name, figure) is not None for name in _ORDER)]
    if not cases:
        return ""
    head = "| " + " | ".join([title, *(f"{case[x]:,}" for case in cases)]) + " |"
    rows = [head, "|---" + "|---:" * len(cases) + "|"]
    for name in part.subjects(_ORDER):
        cells = [part.median(case, name, figure) for case in cases]
        rows.append("| " + " | ".join([(names or NAMES)[name], *(
            "" if cell is None else form(factor * cell) for cell in cells)]) + " |")
    return "\n".join(rows)


def _pgbench(store, pictures):
    part = Part(store, "pgbench")
    text = f"""
{_picture(pictures, "tps", "pgbench TPS by number of standbys, direct and behind walcast")}

`pgbench -c 8` on a primary whose standbys are on itself, or behind walcast. Two hosts are played by two halves of the
processors: the primary, pgbench and what serves standbys there share one; the fleet has the other, together with a relay.
An attached walcast is on the primary's half, where it belongs.
"""
    return _section("What a fleet costs its primary", text,
                    _table(part, "standbys", "tps", "TPS, by number of standbys"))


def _live(store, pictures):
    part = Part(store, "live")
    text = f"""
{_picture(pictures, "delay", "p50 and p99 from commit to standby, by number of standbys")}

{_picture(pictures, "cpu", "CPU per delivery, by number of standbys")}

One session commits 200 times a second (100 times to more than 1,000 standbys), and `walbench live` times each commit to
each standby, from when its COMMIT was due. Writer, primary, server and fleet share the processors. CPU is that of the
primary and the server behind it together, without the writer's session.
"""
    columns = (("p50_us", "p50, ms, by number of standbys", 1e-3), ("p99_us", "p99, ms", 1e-3),
               ("commits_per_second", "commits/s", 1),
               ("cpu_us_per_delivery", "CPU per delivery, µs", 1))
    return _section("From commit to standby", text,
                    *(_table(part, "standbys", *column) for column in columns))


def _single(store):
    part = Part(store, "single")
    text = "What a server adds when there is nothing to share: 200 commits per second to one standby."
    return _section("One standby", text, _table(part, "standbys", "p50_us", "p50, µs"),
                    _table(part, "standbys", "p99_us", "p99, µs"))


def _rate(store, pictures):
    text = f"""
{_picture(pictures, "rate", "Highest commit rate under a p99 of 50 ms, by number of standbys")}

The highest rate of commits at which 95 of 100 are committed when they should be, all arrive, and the p99 is below 50 ms.
Four sessions commit in turns. From 100/s on the rate is doubled, or halved, until one holds and its double does not;
what lies between is halved once or twice more (`--bisections`), so a figure is up to a quarter, or half, of a doubling too
low. 12,800/s is the highest that is tried.
"""
    return _section("The highest rate", text, _table(
        Part(store, "rate"), "standbys", "rate", "commits/s, by number of standbys"))


def _bulk(store, pictures):
    warm, cold = Part(store, "bulk"), Part(store, "cold")
    text = f"""
{_picture(pictures, "bulk", "CPU per GB and throughput in bulk, by number of readers")}

All readers take the same stretch of WAL. *Warm*: from the page cache, after each server has sent it once. *Cold*: on a
disk, its pages written out and dropped from the page cache (`posix_fadvise`) before each run; what walcast has proven it
still knows. CPU is that of the server alone.
"""
    columns = (("cpu_seconds_per_gb", "CPU s per GB, {}, by number of readers"),
               ("gb_per_second", "GB/s, {}"))
    return _section("In bulk", text, *(
        _table(part, "readers", figure, title.format(cache))
        for part, cache in ((warm, "warm"), (cold, "cold")) for figure, title in columns))


def _idle(store):
    part = Part(store, "idle")
    text = """
Standbys that have all WAL, and report every 10 s as a walreceiver does; each asks for a sign of life every 30 s.
PostgreSQL has a process for each and is measured with few.
"""
    return _section("Idle standbys", text,
                    _table(part, "standbys", "cpu_share", "CPU, % of a core, by number of standbys",
                           100),
                    _table(part, "standbys", "bytes_per_standby", "memory (PSS) each, kB", 1e-3))


def _verdicts(store):
    rows = [f"| {one.what} | {one.value} | {one.bound} | {_emphasised(one.state)} |"
            for one in verdicts(store)]
    text = "The bounds are the project's own; `perf/compare.sh` prints the same table."
    return _section("What should hold", text, "\n".join(
        ["| figure | measured | bound | |", "|---|---:|---|---|", *rows]))


def _emphasised(state):
    return f"**{state}**" if state == NOT_HELD else state


def _stages(store):
    """What walcast's own reports of some runs say."""
    reports = []
    for name, case in (("single", {"standbys": 1, "rate": 200}),
                       ("live", {"standbys": 400, "rate": 200}),
                       ("live", {"standbys": 1000, "rate": 200}),
                       ("live", {"standbys": 2000, "rate": 100})):
        for subject in ("relay", "attach"):
            report = Part(store, name).text(case, subject, "report")
            if report:
                title = f"{NAMES[subject]}, {case['standbys']:,} standbys, {case['rate']}/s"
                reports.append(f"{title}:\n\n" + "\n".join(
                    "    " + line.removeprefix("walcast: ") for line in without_standbys(report)))
    text = """
The last run of each, as walcast's `--latency-report` has it, from the first standby on
([what the stages are](operating.md#where-wal-spends-its-time)).
"""
    return _section("Where walcast's part of the time goes", text, *reports)


def without_standbys(report):
    """The lines of the stages: those of single standbys come after them."""
    lines = report.rstrip().splitlines()
    ends = [index for index, line in enumerate(lines) if line.split()[:2] == ["standby", "state"]]
    return lines[:ends[0]] if ends else lines


def _method(store):
    parts = [name for name in PARTS if store.runs(name)]
    rows = [_row_of_method(store, name) for name in parts]
    machines = _distinct(store, parts, "machine", "kernel", "files", "PostgreSQL", "walcast")
    text = """
    TMPDIR=/dev/shm perf/compare.sh --fresh       # all of it, on a machine that does nothing else
    perf/compare.sh --estimate                    # how long that takes
    TMPDIR=/dev/shm perf/compare.sh --fresh --only live --standbys 1,10,100   # a part of it
    perf/compare.sh --document                    # this document again, from benchmarks/*.json
    TMPDIR=/dev/shm perf/compare.sh --quick       # in under four minutes, into build/quick/

Results are kept run by run in `benchmarks/*.json`, and what is there is not measured again without `--fresh`: a run that
was cut short goes on where it was. [The method](benchmarking.md#perfcomparesh).
"""
    return _section("How it was measured", text, "\n".join(
        ["| part | when | rounds | runs |", "|---|---|---:|---:|", *rows]), machines)


def _row_of_method(store, name):
    runs = store.runs(name)
    times = sorted(run["at"] for run in runs)
    rounds = 1 + max(run["round"] for run in runs)
    return f"| {name} | {times[0]} to {times[-1]} UTC | {rounds} | {len(runs)} |"


def _distinct(store, parts, *names):
    """One line for each thing that a run stood on, with all that there were; then the commands."""
    def all_of(name):
        return dict.fromkeys(setup[name] for part in parts for setup in store.setups(part))
    lines = [f"- {name}: " + "; ".join(all_of(name)) for name in names]
    commands = "\n".join(f"    {command}" for command in all_of("command"))
    return "\n".join(lines) + f"\n\nBy these commands:\n\n{commands}" if parts else ""


def _notes(directory):
    path = os.path.join(directory, _NOTES)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
