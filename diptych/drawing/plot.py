"""A plot as SVG: axes with ticks, and marks; colours come from the page's style.

Classes: `plot` for the whole, `grid` for its lines, `tick` and `axis` for labels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diptych.drawing.markup import Markup, joined, tag

TICK_GAP = 6.0
"""Pixels between the axes and their tick labels."""
BASELINE = 4.0
"""Pixels from the middle of a tick label down to its baseline."""


@dataclass(frozen=True)
class Axis:
    """A scale from values to pixels along one side of a plot."""

    low: float
    high: float
    start: float
    """The pixel of `low`; on the vertical axis it is the larger one."""
    stop: float
    ticks: Sequence[tuple[float, str]]
    """Values with their labels."""
    title: str = ""

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)


def plot(
    across: Axis, up: Axis, marks: Iterable[str], *, size: tuple[int, int], title: str, description: str
) -> Markup:
    """Return an SVG picture with a grid, labels of both axes, and marks."""
    width, height = size
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description),
        tag("g", *_across(across, up), *_up(across, up)),
        joined(marks),
        class_="plot",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
    )


def path(across: Axis, up: Axis, points: Iterable[tuple[float, float]], *, class_: str) -> Markup:
    """Return a line through points given as values."""
    steps = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
    return tag("polyline", points=steps, class_=class_)


def _across(across: Axis, up: Axis) -> list[Markup]:
    foot = up.start + TICK_GAP + 2 * BASELINE
    marks = []
    for value, label in across.ticks:
        x = across.at(value)
        marks.append(tag("line", x1=x, x2=x, y1=up.start, y2=up.stop, class_="grid"))
        marks.append(tag("text", label, x=x, y=foot, text_anchor="middle", class_="tick"))
    if across.title:
        middle = (across.start + across.stop) / 2
        marks.append(tag("text", across.title, x=middle, y=foot + 4 * BASELINE, text_anchor="middle", class_="axis"))
    return marks


def _up(across: Axis, up: Axis) -> list[Markup]:
    marks = []
    for value, label in up.ticks:
        y = up.at(value)
        marks.append(tag("line", x1=across.start, x2=across.stop, y1=y, y2=y, class_="grid"))
        marks.append(tag("text", label, x=across.start - TICK_GAP, y=y + BASELINE, text_anchor="end", class_="tick"))
    if up.title:
        marks.append(
            tag("text", up.title, x=across.start, y=up.stop - 3 * BASELINE, text_anchor="start", class_="axis")
        )
    return marks
