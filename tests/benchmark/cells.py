"""Cells with known figures, for the tests of tables and comparisons."""

import numpy as np

from diptych.benchmark.cell import DIRECTIONS, Cell, Fit

CATEGORIES = (("cat",), ("dog",), ("cat", "dog"), ())


def cell(
    method: str = "mcsm",
    *,
    preset: str = "default",
    split: int | None = 0,
    ap: float | np.ndarray = 0.5,
    queries: int = 4,
    seconds: float = 2.0,
    settings: tuple[str, ...] = (),
    data: str = "tiny",
) -> Cell:
    """Return a cell whose queries have these average precisions in both directions."""
    own = np.broadcast_to(np.asarray(ap, dtype=float), queries)
    values = tuple(None if np.isnan(value) else float(value) for value in own)
    mean = float(np.nanmean(own))
    figures = {direction: {"map": mean} for direction in DIRECTIONS}
    fits = (Fit((), mean / 2, 1.0, 100.0), Fit(settings, mean, seconds, 120.0))
    return Cell(
        method=method,
        preset=preset,
        data=data,
        split_seed=split,
        fits=fits,
        chosen=1,
        run=f"runs/{method}/split-{split}/1",
        config={"versions": {"diptych": "0"}},
        figures={**figures, "average_map": mean, "notes": []},
        chance=dict.fromkeys(DIRECTIONS, 0.1),
        ids=tuple(f"p{k}" for k in range(queries)),
        categories=tuple(CATEGORIES[k % 4] for k in range(queries)),
        ap=dict.fromkeys(DIRECTIONS, values),
        curve=dict.fromkeys(DIRECTIONS, tuple(float(p) for p in np.linspace(1, mean, 101))),
    )
