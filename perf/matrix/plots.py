"""The pictures of the document: which figures are drawn, and how they are called."""

from matrix.figures import Part
from matrix.plan import NAMES
from matrix.svg import Line, Panel, chart

_ORDER = ("direct", "cascade", "directory", "relay", "attach", "forwarder", "sendfile")
_STANDBYS = "standbys"
_OF_PGBENCH = {"direct": "on the primary", "relay": "behind walcast, relay",
               "attach": "behind walcast, attached"}


def all_of(store):
    """The text of each picture that there are figures for, by its name."""
    made = {"tps": _tps(store), "delay": _delay(store), "cpu": _cpu(store), "rate": _rate(store),
            "bulk": _bulk(store)}
    return {name: text for name, text in made.items() if text}


def lines_of(part, x, figure, factor=1, names=None):
    """A line for each subject that has the figure in two cases or more. What is not above zero has
    no place on a logarithmic axis."""
    lines = []
    for subject in part.subjects(_ORDER):
        points = [(case[x], factor * value) for case in part.cases()
                  if (value := part.median(case, subject, figure))]
        if len(points) > 1:
            lines.append(Line(subject, (names or NAMES)[subject], points))
    return lines


def _chart(title, subtitle, panels):
    drawn = [panel for panel in panels if panel.lines]
    return chart(title, subtitle, drawn) if drawn else None


def _tps(store):
    part = Part(store, "pgbench")
    alone = part.median({"standbys": 0}, "direct", "tps")
    lines = [Line(line.subject, line.name, _from(alone, line.points))
             for line in lines_of(part, _STANDBYS, "tps", names=_OF_PGBENCH)]
    return _chart("What standbys cost their primary",
                  "Transactions per second of pgbench -c 8 by number of standbys",
                  [Panel("", _STANDBYS, "", lines, y_from_zero=True)])


def _from(alone, points):
    """All begin where there is no standby."""
    is_missing = alone and all(x != 0 for x, _ in points)
    return [(0, alone), *points] if is_missing else points


def _delay(store):
    part = Part(store, "live")
    return _chart("From commit to standby", "200 commits per second, 100 to more than 1,000"
                  " standbys; milliseconds from when the COMMIT is due to its arrival", [
                      Panel("p50", _STANDBYS, " ms", lines_of(part, _STANDBYS, "p50_us", 1e-3)),
                      Panel("p99", _STANDBYS, " ms", lines_of(part, _STANDBYS, "p99_us", 1e-3))])


def _cpu(store):
    return _chart("What a delivery costs", "CPU time of all servers for one commit at one standby,"
                  " the primary's part included",
                  [Panel("", _STANDBYS, " µs",
                         lines_of(Part(store, "live"), _STANDBYS, "cpu_us_per_delivery"))])


def _rate(store):
    return _chart("The highest rate that all standbys keep up with",
                  "Commits per second with 99 of 100 at their standby within 50 ms",
                  [Panel("", _STANDBYS, "/s", lines_of(Part(store, "rate"), _STANDBYS, "rate"))])


def _bulk(store):
    part = Part(store, "bulk")
    return _chart("WAL in bulk from the page cache", "All readers take the same WAL as fast as they"
                  " can", [
                      Panel("CPU time of the server per GB", "readers", " s",
                            lines_of(part, "readers", "cpu_seconds_per_gb"), y_from_zero=True),
                      Panel("GB per second, of all readers", "readers", "",
                            lines_of(part, "readers", "gb_per_second"), y_from_zero=True)])
