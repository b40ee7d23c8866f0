"""Small tables with known figures, for the tests of reports."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diptych.benchmark.table import BenchmarkTable, tabulate

from .cells import cell

QUERIES = 8
LEVEL = np.linspace(0.6, 0.9, QUERIES)
SWING = np.where(np.arange(QUERIES) % 4 < 2, 0.01, -0.008)
"""Differences that are nothing but chance, of mean .001."""
CHOSEN = ("ridge=0.1", "image.power=0.5")


def toy_table(
    names: Sequence[str] = ("mcsm", "cca", "cfa"),
    *,
    splits: int = 1,
    protocol: Mapping[str, Any] | None = None,
    not_applicable: Sequence[tuple[str, str]] = (),
) -> BenchmarkTable:
    """Return a table in which the first row is .001 above the second, and each later one .1 below that before it.

    Each split is .02 harder than that before it.
    """
    cells = []
    for split in range(splits):
        for k, name in enumerate(names):
            method, _, preset = name.partition(":")
            ap = LEVEL - 0.02 * split - 0.1 * max(k - 1, 0) + (0 if k else SWING)
            own = {"preset": preset or "default", "split": split, "queries": QUERIES}
            cells.append(cell(method, ap=ap, seconds=10.0**-k, settings=CHOSEN, **own))
    return tabulate(cells, protocol=protocol or {"search_budget": 2, "features": None}, not_applicable=not_applicable)
