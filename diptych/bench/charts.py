"""The drawings of a benchmark's page: precision by recall, and quality by time."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

import numpy as np
from jaxtyping import Float

from diptych.bench.cell import DIRECTIONS
from diptych.bench.table import Row
from diptych.bench.wording import duration, figure
from diptych.drawing.labels import Box, place_labels
from diptych.drawing.markup import Markup, tag
from diptych.drawing.plot import Axis, path, plot

ARROWS = {"image_to_text": "image → text", "text_to_image": "text → image"}
PANEL = (220, 180)
SCATTER = (720, 420)
"""Width and height in pixels."""
LETTER = (7.3, 16.0)
"""Width and height of a letter of a label, which is set in a face of one width."""
BASELINE = 4.5
"""From the foot of a label's box up to its baseline."""
FASTEST = 1e-3
"""Seconds below which nobody looks; a logarithm needs an end."""
SPREAD = 0.08
"""The share of a range that is left free beyond its ends."""


def precision_by_recall(
    name: str,
    curves: Mapping[str, Float[np.ndarray, " 101"]],
    beside: Mapping[str, Float[np.ndarray, " 101"]],
) -> Markup:
    """Return the curves of a method in both directions, over those of another one in grey."""
    width, height = PANEL
    quarters = [(0.0, "0"), (0.5, ".5"), (1.0, "1")]
    across = Axis(0, 1, 30, width - 8, quarters, "recall")
    up = Axis(0, 1, height - 40, 20, quarters, "precision")
    spoken = [
        f"{ARROWS[direction]}: "
        + ", ".join(f"{figure(curves[direction][k], 2)} at recall {k / 100:g}" for k in range(0, 101, 25))
        for direction in DIRECTIONS
    ]
    return plot(
        across,
        up,
        [
            *(_curve(across, up, beside[direction], f"beside {direction}") for direction in DIRECTIONS if beside),
            *(_curve(across, up, curves[direction], f"curve {direction}") for direction in DIRECTIONS),
        ],
        size=PANEL,
        title=f"Precision by recall of {name}",
        description="Precision " + "; ".join(spoken) + ".",
    )


def quality_by_time(rows: Sequence[Row]) -> Markup:
    """Return a plot of the average MAP over the seconds that training took, with each row's name beside its point.

    Rows without a time, such as chance, are left out.
    """
    width, height = SCATTER
    timed = [(max(row.seconds, FASTEST), row) for row in rows if row.seconds is not None]
    across = _decades([seconds for seconds, _ in timed], start=40, stop=width - 16)
    up = _tenths([row.average for _, row in timed], start=height - 48, stop=28)
    points = [(across.at(log10(seconds)), up.at(row.average)) for seconds, row in timed]
    within = Box(across.start, up.stop, across.stop, up.start)
    letter, line = LETTER
    boxes = place_labels(points, [letter * len(row.name) for _, row in timed], height=line, within=within)
    marks = [
        mark for (_, row), point, box in zip(timed, points, boxes, strict=True) for mark in _labelled(row, point, box)
    ]
    spoken = [f"{row.name} {figure(row.average)} in {duration(row.seconds)} s" for _, row in timed]
    return plot(
        across,
        up,
        marks,
        size=SCATTER,
        title="Average MAP by seconds of training",
        description=f"{'; '.join(spoken)}.",
    )


def _curve(across: Axis, up: Axis, precision: Float[np.ndarray, " 101"], class_: str) -> Markup:
    """Return one curve; of 101 points every other is enough for its width in pixels."""
    return path(across, up, [(k / 100, float(precision[k])) for k in range(0, 101, 2)], class_=class_)


def _labelled(row: Row, point: tuple[float, float], box: Box) -> list[Markup]:
    """Return a point, its label, and the line between them where the label had to go elsewhere."""
    x, y = point
    end_x, end_y = box.nearest(x, y)
    return [
        tag("line", x1=x, y1=y, x2=end_x, y2=end_y, class_="leader"),
        tag(
            "circle",
            tag("title", f"{row.name}: {figure(row.average)}, {duration(row.seconds)} s"),
            cx=x,
            cy=y,
            r=4.5,
            class_="point",
        ),
        tag("text", row.name, x=box.left, y=box.bottom - BASELINE, class_="label"),
    ]


def _decades(seconds: Sequence[float], *, start: float, stop: float) -> Axis:
    """Return a logarithmic axis over whole powers of ten."""
    low = floor(log10(min(seconds, default=1)))
    high = max(ceil(log10(max(seconds, default=1))), low + 1)
    ticks = [(power, f"{10.0**power:,g}") for power in range(low, high + 1)]
    return Axis(low - SPREAD, high + SPREAD, start, stop, ticks, "seconds to train, logarithmic")


def _tenths(values: Sequence[float], *, start: float, stop: float) -> Axis:
    """Return an axis around some shares, with a tick every tenth, or finer where they lie close together."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = max(SPREAD * (high - low), 0.005)
    low, high = low - margin, high + margin
    step = next(size for size in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / size < 8)
    ticks = [k * step for k in range(ceil(low / step), floor(high / step) + 1)]
    return Axis(
        low, high, start, stop, [(value, figure(value, 3 if step < 0.01 else 2)) for value in ticks], "average MAP"
    )
