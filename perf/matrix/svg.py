"""Line charts as SVG: self-contained, light or dark as the reader's system is, and readable at the
width of a README."""

import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_WIDTH = 800
_TOP = 62          # room for a title and what stands below it
_BOTTOM = 46
_LEFT = 74
_RIGHT = 196       # room for the names at the ends of lines
_ROW = 15          # between two such names
_PANEL = 300
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"

# Of each subject: by day, by night, and how it is dashed. They differ in lightness too.
_STYLES = {
    "direct": ("#c2410c", "#fb923c", ""),
    "cascade": ("#a16207", "#facc15", "7 4"),
    "relay": ("#1d4ed8", "#7cb0ff", ""),
    "attach": ("#0f766e", "#2dd4bf", ""),
    "directory": ("#7e22ce", "#c4a1ff", "7 4"),
    "forwarder": ("#6b7280", "#9ca3af", "2 4"),
    "sendfile": ("#6b7280", "#9ca3af", "2 4"),
}

_DAY = {"ground": "#ffffff", "title": "#1f2328", "text": "#59636e", "grid": "#e4e7eb",
        "axis": "#9aa3ad"}
_NIGHT = {"ground": "#0d1117", "title": "#f0f3f6", "text": "#a5afba", "grid": "#262c36",
          "axis": "#5b6570"}


@dataclass(frozen=True)
class Line:
    """Of one subject: points in the order of x, in the units of the axes."""
    subject: str
    name: str
    points: list


@dataclass(frozen=True)
class Panel:
    """One plot. Both axes are logarithmic, unless y_from_zero; a dashed line marks each bound, as
    (y, text)."""
    title: str
    x_label: str
    unit: str            # behind the numbers of y
    lines: list
    y_from_zero: bool = False
    bounds: list = field(default_factory=list)


def chart(title, subtitle, panels):
    """The panels below one another, under a title."""
    height = _TOP + len(panels) * _PANEL
    body = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
            f' width="{_WIDTH}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>", f"<style>{_style()}</style>",
            f'<rect class="ground" width="{_WIDTH}" height="{height}" rx="8"/>',
            f'<text class="title" x="20" y="32">{escape(title)}</text>',
            f'<text class="text" x="20" y="52">{escape(subtitle)}</text>']
    for number, panel in enumerate(panels):
        body += _Plot(panel, _TOP + number * _PANEL).drawn()
    return "\n".join([*body, "</svg>", ""])


def _style():
    def rules(colours, index):
        named = {**{f".{name}": f"fill:{colours[name]}" for name in ("ground", "title", "text")},
                 ".grid": f"stroke:{colours['grid']}", ".axis": f"stroke:{colours['axis']}",
                 ".dot": f"stroke:{colours['ground']}"}
        for subject, style in _STYLES.items():
            named[f".line.{subject}"] = f"stroke:{style[index]}"
            named[f".dot.{subject},.name.{subject}"] = f"fill:{style[index]}"
        return "".join(f"{selector}{{{text}}}" for selector, text in named.items())
    dashes = "".join(f".line.{subject}{{stroke-dasharray:{style[2]}}}"
                     for subject, style in _STYLES.items() if style[2])
    return (f"text{{font-family:{_FONT};font-size:12px}}.title{{font-size:17px;font-weight:600}}"
            ".panel{font-size:13px;font-weight:600}.name{font-weight:600}.end{text-anchor:end}"
            ".middle{text-anchor:middle}.grid,.axis,.line{fill:none;stroke-width:1}"
            ".line{stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}.dot{stroke-width:1.2}"
            f".bound{{stroke-dasharray:4 4}}{dashes}{rules(_DAY, 0)}"
            f"@media (prefers-color-scheme:dark){{{rules(_NIGHT, 1)}}}")


class _Plot:
    """A panel with the places of its numbers."""

    def __init__(self, panel, top):
        self._panel = panel
        self._top = top + (34 if panel.title else 14)
        self._bottom = top + _PANEL - _BOTTOM
        xs = sorted({x for line in panel.lines for x, _ in line.points})
        ys = [y for line in panel.lines for _, y in line.points]
        ys += [y for y, _ in panel.bounds]
        self._xs = xs or [1, 10]
        self._linear = panel.y_from_zero
        self._ticks = _linear_ticks(max(ys, default=1)) if self._linear else _log_ticks(
            min(ys, default=1), max(ys, default=10))

    def drawn(self):
        panel = self._panel
        title = [f'<text class="title panel" x="20" y="{self._top - 16:.0f}">'
                 f"{escape(panel.title)}</text>"] if panel.title else []
        return [*title, *self._axes(), *self._bounds(), *map(self._line, panel.lines), *self._names()]

    def _x(self, value):
        low, high = self._place(self._xs[0]), self._place(self._xs[-1])
        share = (self._place(value) - low) / (high - low) if high > low else 0.5
        return _LEFT + 12 + share * (_WIDTH - _RIGHT - _LEFT - 24)

    @staticmethod
    def _place(value):
        """Nothing is a step of its own before one."""
        return math.log10(value) if value >= 1 else -0.35

    def _y(self, value):
        low, high = self._ticks[0], self._ticks[-1]
        if not self._linear:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self._bottom - (value - low) / (high - low) * (self._bottom - self._top)

    def _axes(self):
        right = _WIDTH - _RIGHT
        for tick in self._ticks:
            y = self._y(tick)
            yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>'
            yield (f'<text class="text end" x="{_LEFT - 8}" y="{y + 4:.1f}">'
                   f"{escape(with_unit(tick, self._panel.unit))}</text>")
        yield f'<path class="axis" d="M{_LEFT} {self._bottom}H{right}"/>'
        for x in self._xs:
            yield (f'<text class="text middle" x="{self._x(x):.1f}" y="{self._bottom + 17}">'
                   f"{x:,g}</text>")
        yield (f'<text class="text middle" x="{(_LEFT + right) / 2:.0f}" y="{self._bottom + 35}">'
               f"{escape(self._panel.x_label)}</text>")

    def _bounds(self):
        for value, text in self._panel.bounds:
            y = self._y(value)
            yield f'<path class="axis bound" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
            yield (f'<text class="text" x="{_LEFT + 6}" y="{y - 5:.1f}">{escape(text)}</text>')

    def _line(self, line):
        places = [(self._x(x), self._y(y)) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        dots = "".join(f'<circle class="dot {line.subject}" cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>'
                       for x, y in places)
        return f'<path class="line {line.subject}" d="M{path}"/>{dots}'

    def _names(self):
        """At the ends of their lines, pushed apart where they would overlap."""
        lines = sorted((line for line in self._panel.lines if line.points),
                       key=lambda line: self._y(line.points[-1][1]))
        ends = [self._y(line.points[-1][1]) for line in lines]
        for y, line in zip(spread(ends, _ROW, self._bottom), lines):
            yield (f'<text class="name {line.subject}" x="{_WIDTH - _RIGHT + 10}" y="{y + 4:.1f}">'
                   f"{escape(line.name)}</text>")


def spread(places, row, limit):
    """Ascending places, at least `row` apart and none behind `limit`, as near to where they were as
    that lets them be."""
    groups = []  # the middle of each, and its members' places
    for place in places:
        groups.append((place, [place]))
        while len(groups) > 1 and _overlap(groups[-2], groups[-1], row):
            members = groups.pop()[1]
            members = groups.pop()[1] + members
            groups.append((sum(members) / len(members), members))
    found = [middle + (index - (len(members) - 1) / 2) * row
             for middle, members in groups for index in range(len(members))]
    behind = max(0, max(found, default=0) - limit)
    return [place - behind for place in found]


def _overlap(above, below, row):
    return below[0] - above[0] < row * (len(above[1]) + len(below[1])) / 2


def _log_ticks(low, high):
    """1, 2 and 5 times powers of ten, or powers alone where there are many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    ticks = [step * 10.0 ** decade for decade in decades for step in steps]
    inside = [tick for tick in ticks if low <= tick <= high]
    below = max((tick for tick in ticks if tick <= low), default=ticks[0])
    above = min((tick for tick in ticks if tick >= high), default=ticks[-1])
    found = sorted({below, *inside, above})
    return found if len(found) > 1 else [found[0], found[0] * 10]


def _linear_ticks(high):
    step = 10.0 ** math.floor(math.log10(high / 2))
    step *= next(times for times in (1, 2, 5, 10) if high / (times * step) <= 5)
    return [index * step for index in range(math.ceil(high / step) + 1)]


_LARGER = {" µs": " ms", " ms": " s"}


def with_unit(value, unit):
    """As in "5 ms"; a thousand of a unit of time is one of the next."""
    if value >= 1000 and unit in _LARGER:
        return with_unit(value / 1000, _LARGER[unit])
    return (f"{value:,.0f}" if value >= 10 else f"{value:g}") + unit
