"""Medians and ratios of what was measured, and whether they are within their bounds."""

import statistics
from dataclasses import dataclass

HELD, NOT_HELD, NOT_MEASURED = "held", "not held", "not measured"


class Part:
    """The runs of one part, as they are asked for."""

    def __init__(self, store, name):
        self._runs = store.runs(name)

    def cases(self):
        """Each once: by its readers or standbys, and then by its rate."""
        found = []
        for run in self._runs:
            if run["case"] not in found:
                found.append(run["case"])
        return sorted(found, key=lambda case: [case[name] for name in sorted(case, reverse=True)])

    def subjects(self, order):
        """Those that have runs."""
        present = {run["subject"] for run in self._runs}
        return [name for name in order if name in present]

    def rounds(self, case, subject, figure):
        """The figure of each round, by its number."""
        return {run["round"]: run["figures"][figure] for run in self._runs
                if run["case"] == case and run["subject"] == subject
                and run["figures"].get(figure) is not None}

    def median(self, case, subject, figure):
        values = self.rounds(case, subject, figure).values()
        return statistics.median(values) if values else None

    def compared(self, case, one, other, figure, combine):
        """Round by round, since what disturbs one disturbs the other; the median of that. `one` and
        `other` are subjects, and may be so in different cases: (subject, case)."""
        (mine, my_case), (others, other_case) = (
            side if isinstance(side, tuple) else (side, case) for side in (one, other))
        ours = self.rounds(my_case, mine, figure)
        theirs = self.rounds(other_case, others, figure)
        values = [combine(value, theirs[round_of]) for round_of, value in ours.items()
                  if round_of in theirs]
        return statistics.median(values) if values else None

    def ratio(self, case, one, other, figure):
        return self.compared(case, one, other, figure, lambda a, b: a / b if b else float("inf"))

    def difference(self, case, one, other, figure):
        return self.compared(case, one, other, figure, lambda a, b: a - b)

    def text(self, case, subject, name):
        """A text of the last round that has one."""
        found = self.rounds(case, subject, name)
        return found[max(found)] if found else ""


@dataclass(frozen=True)
class Verdict:
    """A figure beside what it should be."""
    what: str
    bound: str
    value: str
    state: str


def judge(what, value, bound, unit=""):
    """`bound` is ("at most", limit), ("at least", limit), or None for what has none."""
    text = bound and f"{bound[0]} {bound[1]:.3g}{unit}"
    if value is None:
        return Verdict(what, text or "no bound", "-", NOT_MEASURED)
    shown = f"{number(value)}{unit}"
    if bound is None:
        return Verdict(what, "no bound", shown, "")
    holds = value <= bound[1] if bound[0] == "at most" else value >= bound[1]
    return Verdict(what, text, shown, HELD if holds else NOT_HELD)


def number(value):
    """Three digits that mean something, and no more."""
    if value == float("inf"):
        return "inf"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def verdicts(store):
    """All that has a bound, and what stands beside it."""
    return [*_bulk(Part(store, "bulk")), *_live(Part(store, "live")),
            *_single(Part(store, "single")), *_pgbench(Part(store, "pgbench")),
            *_idle(Part(store, "idle"))]


def _bulk(part):
    case = {"readers": 16}
    for source in ("directory", "relay", "attach"):
        what = f"bulk, 16 readers, warm, {source}: "
        yield judge(what + "CPU per GB / bare sendfile loop",
                    part.ratio(case, source, "sendfile", "cpu_seconds_per_gb"), ("at most", 1.1))
        yield judge(what + "CPU per GB / PostgreSQL",
                    part.ratio(case, source, "direct", "cpu_seconds_per_gb"), ("at most", 0.5))
        yield judge(what + "GB/s / bare sendfile loop",
                    part.ratio(case, source, "sendfile", "gb_per_second"), ("at least", 0.9))


def _live(part):
    case = {"standbys": 400, "rate": 200}
    for source in ("relay", "attach"):
        what = f"live, 400 standbys, {source}: "
        yield judge(what + "commits/s of 200", part.median(case, source, "commits_per_second"),
                    ("at least", 199))
        yield judge(what + "p50 / bare forwarder", part.ratio(case, source, "forwarder", "p50_us"),
                    ("at most", 1))
        yield judge(what + "p99 / PostgreSQL", part.ratio(case, source, "direct", "p99_us"),
                    ("at most", 1 / 30))
        yield judge(what + "CPU per delivery / PostgreSQL",
                    part.ratio(case, source, "direct", "cpu_us_per_delivery"), ("at most", 0.2))
    yield from _many(part, {"standbys": 1000, "rate": 200})
    yield from _many(part, {"standbys": 2000, "rate": 100})


def _many(part, case):
    rate = case["rate"]
    for source in ("relay", "attach"):
        what = f"live, {case['standbys']:,} standbys, {source}: "
        yield judge(what + f"commits/s of {rate}", part.median(case, source, "commits_per_second"),
                    ("at least", 0.975 * rate))
        for figure, limit in (("p50_us", 7), ("p99_us", 30)):
            value = part.median(case, source, figure)
            yield judge(what + figure.removesuffix("_us"), value and value / 1000,
                        ("at most", limit), " ms")


def _single(part):
    case = {"standbys": 1, "rate": 200}
    for source, floor, name, limit in (("relay", "forwarder", "bare forwarder", 60),
                                       ("attach", "direct", "PostgreSQL direct", 40)):
        yield judge(f"one standby, {source}: p50 above {name}",
                    part.difference(case, source, floor, "p50_us"), ("at most", limit), " us")


def _pgbench(part):
    many, one = {"standbys": 400}, {"standbys": 1}
    for source, bound in (("relay", ("at least", 0.95)), ("attach", None), ("direct", None)):
        name = "direct" if source == "direct" else f"behind walcast, {source}"
        yield judge(f"pgbench, 400 standbys {name}: TPS / with one",
                    part.ratio(many, source, (source, one), "tps"), bound)


def _idle(part):
    case = {"standbys": 10_000}
    for source in ("relay", "attach"):
        what = f"10,000 idle, {source}: "
        share = part.median(case, source, "cpu_share")
        yield judge(what + "CPU of a core", share and 100 * share, ("at most", 2), " %")
        used = part.median(case, source, "bytes_per_standby")
        yield judge(what + "memory each", used and used / 1000, ("at most", 8), " kB")


# What a line of progress says of a run: a figure's name, what it is multiplied with, its unit.
_SHORT = {
    "bulk": (("cpu_seconds_per_gb", 1, "CPU s/GB"), ("gb_per_second", 1, "GB/s")),
    "cold": (("cpu_seconds_per_gb", 1, "CPU s/GB"), ("gb_per_second", 1, "GB/s")),
    "live": (("p50_us", 1e-3, "ms p50"), ("p99_us", 1e-3, "ms p99"),
             ("commits_per_second", 1, "commits/s"), ("cpu_us_per_delivery", 1, "us per delivery")),
    "rate": (("rate", 1, "commits/s"),),
    "pgbench": (("tps", 1, "TPS"),),
    "idle": (("cpu_share", 100, "% of a core"), ("bytes_per_standby", 1e-3, "kB each")),
}
_SHORT["single"] = _SHORT["live"]


def short(part, found):
    return ", ".join(f"{number(found[name] * factor)} {unit}" for name, factor, unit in _SHORT[part]
                     if found.get(name) is not None)
