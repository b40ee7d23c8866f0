"""Curves of a similarity while parts are deleted or inserted: one panel for each space and side."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float

from diptych.drawing.curves import dress, new_figure
from diptych.drawing.explanation_wording import WAYS
from diptych.drawing.sheet import MUTED, PALETTE, save_figure

if TYPE_CHECKING:
    import numpy as np

PANEL = (320, 300)
"""Width and height in pixels."""
COLUMNS = 4


def faithfulness_curves(panels: "Mapping[str, Mapping[str, Float[np.ndarray, ' l']]]", path: Path) -> None:
    """Draw named panels of curves; a curve runs from none of the parts to all of them.

    Each attribution method has the same colour in all panels; random orders are dashed.
    """
    rows = -(-len(panels) // COLUMNS)
    figure = new_figure(PANEL[0] * min(COLUMNS, len(panels)), PANEL[1] * rows + 40)
    grid = figure.subplots(rows, min(COLUMNS, len(panels)), squeeze=False).flatten().tolist()
    colours = dict(zip(WAYS, PALETTE, strict=False))
    lines = {}
    for axes, (title, curves) in zip(grid, panels.items(), strict=False):
        for name, curve in curves.items():
            shares = [k / (len(curve) - 1) for k in range(len(curve))]
            style = {"color": colours[name]} if name in WAYS else {"color": MUTED, "linestyle": "--"}
            (lines[WAYS.get(name, name)],) = axes.plot(shares, curve, **style)
        dress(axes, "", "share of the parts", "")
        axes.set_title(title, loc="left", fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    figure.legend(list(lines.values()), list(lines), loc="outside lower left", ncols=len(lines), frameon=False)
    save_figure(figure, path)
