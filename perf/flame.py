"""Flame graphs of folded stacks (stacks.py), as SVG that stands alone. The wider a frame, the more
of the weight is in it; its callers are below it. A pointer that rests on a frame shows its whole
name and weight. With --base the stacks of an earlier run are beside them: a frame is as wide as the
larger of its two shares, red where it has grown and blue where it has shrunk."""

import argparse
import sys
import zlib
from html import escape

from stacks import KERNEL, read_folded

_WIDTH = 1200
_MARGIN = 10
_ROW = 16          # pixels of a frame's height
_TEXT = 6.6        # of a letter's width
_NAME_MAX = 160    # letters of what a pointer shows
_LEAST = 0.0008    # the share of the whole below which a frame is left out
_CHANGE = 0.001    # the difference of shares below which a frame has not changed
_WARM, _COLD = (20, 55), (190, 230)  # hues

_STYLE = """text{font:11px monospace;pointer-events:none}
rect{stroke:#fff;stroke-width:.4}g:hover>rect{stroke:#000;stroke-width:1}"""


class Frame:
    """A function, called by those below it: its share of the whole now and in the earlier run."""

    def __init__(self, name):
        self.name = name
        self.now = 0.0
        self.base = 0.0
        self.children = {}

    def add(self, stack, side, share):
        frame = self
        for name in (None, *stack):
            if name is not None:
                frame = frame.children.setdefault(name, Frame(name))
            setattr(frame, side, getattr(frame, side) + share)

    def width(self):
        """No less than that of its children, of which each has the larger of its two shares."""
        return max(self.now, self.base, sum(child.width() for child in self.children.values()))

    def depth(self, least):
        below = [child.depth(least) for child in self.children.values() if child.width() >= least]
        return 1 + max(below, default=0)


def tree_of(stacks, base=None):
    root = Frame("all")
    for side, weights in (("now", stacks), ("base", base or {})):
        total = sum(weights.values()) or 1
        for stack, weight in weights.items():
            root.add(stack, side, weight / total)
    return root


class Drawing:
    """One flame graph. `total` is the weight of the whole, of which `scale` make a `unit`; `cold`
    are the colours of time that was spent waiting."""

    def __init__(self, root, title, total, unit="ms", scale=1000, cold=False, compared=False):
        self._root, self._title = root, title
        self._whole, self._unit = total / scale, unit
        self._hues, self._compared = _COLD if cold else _WARM, compared
        self._scale = (_WIDTH - 2 * _MARGIN) / (root.width() or 1)
        self._least = _LEAST * root.width()
        self._height = root.depth(self._least) * _ROW + 40
        self._parts = []

    def svg(self):
        self._draw(self._root, _MARGIN, self._height - _ROW - 8)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {self._height}"'
                f' width="{_WIDTH}" height="{self._height}">'
                f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
                f'<text x="{_MARGIN}" y="18">{escape(self._title)}</text>'
                + "\n".join(self._parts) + "</svg>\n")

    def _draw(self, frame, left, top):
        width = frame.width() * self._scale
        letters = int((width - 4) / _TEXT)
        name = frame.name if len(frame.name) <= letters else frame.name[:max(letters - 2, 0)] + ".."
        label = f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(name)}</text>'
        self._parts.append(
            f"<g><title>{escape(self._says(frame))}</title>"
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_ROW}"'
            f' fill="{self._colour(frame)}"/>{label if letters > 3 else ""}</g>')
        for _, child in sorted(frame.children.items()):
            if child.width() >= self._least:
                self._draw(child, left, top - _ROW)
            left += child.width() * self._scale

    def _says(self, frame):
        name = frame.name if len(frame.name) <= _NAME_MAX else frame.name[:_NAME_MAX] + ".."
        if self._compared:
            return (f"{name}: {frame.now:.1%}, {frame.base:.1%} before,"
                    f" {round(100 * (frame.now - frame.base), 1) + 0.0:+.1f}")
        return f"{name}: {frame.now * self._whole:,.1f} {self._unit}, {frame.now:.1%}"

    def _colour(self, frame):
        if self._compared:
            return _colour_of_change(frame.now, frame.base)
        begin, end = self._hues
        chance = zlib.crc32(frame.name.encode())  # the same in each graph
        hue = begin + chance % (end - begin)
        return f"hsl({hue},{45 if frame.name.endswith(KERNEL) else 85}%,{66 + chance // 97 % 10}%)"


def _colour_of_change(now, base):
    change = now - base
    if abs(change) < _CHANGE:
        return "#eee"
    strength = abs(change) / max(now, base)
    return f"hsl({0 if change > 0 else 215},90%,{92 - 40 * strength:.0f}%)"


def draw(stacks, title, **look):
    return Drawing(tree_of(stacks), title, sum(stacks.values()), **look).svg()


def draw_change(stacks, base, title):
    return Drawing(tree_of(stacks, base), title, sum(stacks.values()), compared=True).svg()


def main():
    parser = argparse.ArgumentParser(prog="perf/flame.py", description=__doc__)
    parser.add_argument("stacks", help="a file of folded stacks")
    parser.add_argument("--base", help="the same of an earlier run, to compare with")
    parser.add_argument("--title", default="")
    parser.add_argument("--unit", default="ms")
    parser.add_argument("--scale", type=float, default=1000, help="weights to a unit")
    parser.add_argument("--cold", action="store_true", help="the colours of waiting")
    chosen = parser.parse_args()
    try:
        stacks = read_folded(chosen.stacks)
        base = read_folded(chosen.base) if chosen.base else None
    except (OSError, ValueError) as error:
        sys.exit(f"perf/flame.py: {error}")
    title = chosen.title or chosen.stacks
    sys.stdout.write(draw_change(stacks, base, title) if base else
                     draw(stacks, title, unit=chosen.unit, scale=chosen.scale, cold=chosen.cold))


if __name__ == "__main__":
    main()
