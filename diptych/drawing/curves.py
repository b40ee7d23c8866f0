"""Curves: losses and validation MAP by epoch, precision by recall."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from diptych.drawing.sheet import DOTS_PER_INCH, INK, MUTED, PALETTE, RULE, matplotlib
from diptych.errors import ShapeMismatch
from diptych.relevance import validated

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING_SIZE = (1000, 420)
PRECISION_SIZE = (760, 560)
"""Width and height in pixels."""
BARS_HEAD, BAR = 110, 28
"""Pixels of a drawing of bars beside them, and of each."""
PADDING = 0.16
"""Padding around and between axes, in inches."""
STYLES = ("-", "--", ":", "-.")
"""One per direction, so that curves of one space share a colour."""
MARKED_EPOCHS = 40
"""Longest run, in epochs, whose points are marked."""


def training_curves(metrics: Sequence[Mapping[str, Any]]) -> "Figure":
    """Return a drawing of the losses and the validation metric of a run by epoch, with the best epoch labelled.

    Each line of metrics has an `epoch`, `losses` by name and the validation metric (`VALIDATION`), which may be None.
    """
    figure = new_figure(*TRAINING_SIZE)
    left, right = figure.subplots(1, 2)
    marker = "o" if len(metrics) <= MARKED_EPOCHS else ""
    names = list(dict.fromkeys(name for line in metrics for name in line["losses"]))
    for k, name in enumerate(names):
        points = [(line["epoch"], line["losses"][name]) for line in metrics if name in line["losses"]]
        left.plot(*zip(*points, strict=True), marker=marker, color=PALETTE[k % len(PALETTE)], label=name)
    dress(left, "Losses", "epoch", "")
    figures = [(line["epoch"], *validated(line)) for line in metrics]
    points = [(epoch, figure) for epoch, _, figure in figures if figure is not None]
    if points:
        right.plot(*zip(*points, strict=True), marker=marker, color=PALETTE[0])
        epoch, best = max(points, key=lambda point: point[1])
        right.plot([epoch], [best], marker="o", markersize=9, color=PALETTE[1], linestyle="")
        right.margins(y=0.2)
        right.annotate(
            f"{best:.3f} in epoch {epoch}", (epoch, best), xytext=(0, 10), textcoords="offset points",
            ha=_side(epoch, points), color=INK, fontsize=10,
        )  # fmt: skip
    dress(right, f"Validation {figures[0][1]}" if figures else "Validation", "epoch", "")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    if names:
        left.legend(frameon=False, fontsize=10, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.16))
    return figure


def precision_recall(curves: "Mapping[str, Float[np.ndarray, ' k']]") -> "Figure":
    """Return a drawing of named curves of precision at recalls evenly spaced from 0 to 1.

    Names are `direction, space`: each space has a colour, each direction a line style.
    """
    figure = new_figure(*PRECISION_SIZE)
    axes = figure.subplots()
    spaces = list(dict.fromkeys(_halves(name)[1] for name in curves))
    directions = list(dict.fromkeys(_halves(name)[0] for name in curves))
    for name, precision in curves.items():
        if len(precision) < 2:
            raise ShapeMismatch(f"a curve needs at least two levels of recall; {name!r} has {len(precision)}.")
        direction, space = _halves(name)
        recall = [k / (len(precision) - 1) for k in range(len(precision))]
        axes.plot(
            recall,
            precision,
            label=name,
            color=PALETTE[spaces.index(space) % len(PALETTE)],
            linestyle=STYLES[directions.index(direction) % len(STYLES)],
        )
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    dress(axes, "Precision at each recall", "recall", "precision")
    axes.legend(frameon=False, fontsize=10)
    return figure


def bars(values: Mapping[str, float], deviations: Mapping[str, float | None], title: str) -> "Figure":
    """Return a drawing of named values as bars, the first at the top, with their deviations where there are any."""
    figure = new_figure(PRECISION_SIZE[0], BARS_HEAD + BAR * len(values))
    axes = figure.subplots()
    names = list(values)
    spread = [deviations.get(name) or 0.0 for name in names]
    axes.barh(names, list(values.values()), xerr=spread, color=PALETTE[0], ecolor=MUTED, height=0.7)
    for row, name in enumerate(names):
        axes.annotate(
            f"{values[name]:.3f}", (0, row), xytext=(6, 0), textcoords="offset points", va="center", color="white"
        )
    axes.invert_yaxis()
    dress(axes, title, "", "")
    return figure


def _halves(name: str) -> tuple[str, str]:
    direction, _, space = name.partition(", ")
    return direction, space


def new_figure(width: int, height: int) -> "Figure":
    """Return an empty figure of this size in pixels, with a layout that avoids overlaps."""
    layout = matplotlib("layout_engine").ConstrainedLayoutEngine(w_pad=PADDING, h_pad=PADDING)
    size = (width / DOTS_PER_INCH, height / DOTS_PER_INCH)
    figure: Figure = matplotlib("figure").Figure(size, dpi=DOTS_PER_INCH, layout=layout)
    return figure


def dress(axes: "Axes", title: str, across: str, up: str) -> None:
    """Style axes with a left-aligned title, a faint grid and no box."""
    axes.set_title(title, loc="left", color=INK, fontsize=13, fontweight="bold", pad=12)
    axes.set_xlabel(across, color=MUTED)
    axes.set_ylabel(up, color=MUTED)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=MUTED, length=0)
    axes.grid(color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)


def _side(epoch: int, points: Sequence[tuple[int, float]]) -> str:
    """Return the alignment that keeps a label above a point inside the axes: `left` in the first third, and so on."""
    first, last = points[0][0], points[-1][0]
    place = (epoch - first) / (last - first) if last > first else 0.5
    return "left" if place < 1 / 3 else "right" if place > 2 / 3 else "center"
