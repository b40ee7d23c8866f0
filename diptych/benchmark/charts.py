"""The charts of a benchmark's page: precision by recall, and quality by training time."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

import numpy as np
from jaxtyping import Float

from diptych.benchmark.cell import DIRECTIONS
from diptych.benchmark.table import BenchmarkRow
from diptych.benchmark.wording import duration, figure
from diptych.drawing.labels import RADIUS, LabelBox, place_labels
from diptych.drawing.markup import Markup, tag
from diptych.drawing.plot import Axis, path, plot

ARROWS = {"image_to_text": "image → text", "text_to_image": "text → image"}
PANEL, PANEL_FRAME = (220, 180), LabelBox(30.0, 20.0, 212.0, 140.0)
SCATTER, SCATTER_FRAME = (720, 420), LabelBox(40.0, 28.0, 704.0, 372.0)
"""Width and height in pixels, and the frame of the axes."""
STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Distances between ticks of a share."""
TICKS = 8
"""Upper bound on the number of ticks."""
LETTER = (7.3, 16.0)
"""Width and height of a character of a label, in a monospaced font."""
BASELINE = 4.5
"""Distance from the bottom of a label's box up to its baseline."""
FASTEST = 1e-3
"""Lower bound in seconds of the logarithmic axis."""
SPREAD = 0.08
"""Margin of an axis, as a share of its range or of a decade."""


def precision_by_recall(
    name: str,
    curves: Mapping[str, Float[np.ndarray, " 101"]],
    beside: Mapping[str, Float[np.ndarray, " 101"]],
) -> Markup:
    """Return the curves of a method in both directions, over those of another method in grey."""
    halves = [(0.0, "0"), (0.5, ".5"), (1.0, "1")]
    across = Axis(0.0, 1.0, PANEL_FRAME.left, PANEL_FRAME.right, halves, "recall")
    up = Axis(0.0, 1.0, PANEL_FRAME.bottom, PANEL_FRAME.top, halves, "precision")
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


def quality_by_time(rows: Sequence[BenchmarkRow]) -> Markup:
    """Return a plot of the average MAP against training time, with a label for each row.

    Rows without a time, such as chance, are omitted.
    """
    timed = [(max(row.seconds, FASTEST), row) for row in rows if row.seconds is not None]
    across = _decades([seconds for seconds, _ in timed])
    up = _shares([row.average for _, row in timed])
    points = [(across.at(log10(seconds)), up.at(row.average)) for seconds, row in timed]
    letter, line = LETTER
    boxes = place_labels(points, [letter * len(row.name) for _, row in timed], height=line, within=SCATTER_FRAME)
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
    """Return one curve; every other one of the 101 points is enough at its width in pixels."""
    return path(across, up, [(k / 100, float(precision[k])) for k in range(0, 101, 2)], class_=class_)


def _labelled(row: BenchmarkRow, point: tuple[float, float], box: LabelBox) -> list[Markup]:
    """Return a point, its label, and the leader line that shows if the label was moved away."""
    x, y = point
    end_x, end_y = box.nearest(x, y)
    spoken = tag("title", f"{row.name}: {figure(row.average)}, {duration(row.seconds)} s")
    return [
        tag("line", x1=x, y1=y, x2=end_x, y2=end_y, class_="leader"),
        tag("circle", spoken, cx=x, cy=y, r=RADIUS, class_="point"),
        tag("text", row.name, x=box.left, y=box.bottom - BASELINE, class_="label"),
    ]


def _decades(seconds: Sequence[float]) -> Axis:
    """Return a logarithmic axis over whole powers of ten."""
    low = floor(log10(min(seconds, default=1.0)))
    high = max(ceil(log10(max(seconds, default=1.0))), low + 1)
    ticks = [(float(power), f"{10.0**power:,g}") for power in range(low, high + 1)]
    start, stop = SCATTER_FRAME.left, SCATTER_FRAME.right
    return Axis(low - SPREAD, high + SPREAD, start, stop, ticks, "seconds to train, logarithmic")


def _shares(values: Sequence[float]) -> Axis:
    """Return an axis around some shares, with a tick distance that suits their range."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = max(SPREAD * (high - low), STEPS[0])
    low, high = low - margin, high + margin
    step = next(size for size in STEPS if (high - low) / size < TICKS)
    values = [k * step for k in range(ceil(low / step), floor(high / step) + 1)]
    ticks = [(value, figure(value, 3 if step < 0.01 else 2)) for value in values]
    return Axis(low, high, SCATTER_FRAME.bottom, SCATTER_FRAME.top, ticks, "average MAP")
