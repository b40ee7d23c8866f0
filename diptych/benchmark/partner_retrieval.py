"""The table of partner retrieval: recall, median rank and nDCG in both directions, with their own paired tests.

A query's hits are its R@1, R@5 and R@10, each 0 or 1; the sum of the six recalls is the mean number of hits of a
picture plus that of a text, from 0 to 6. Methods are compared on the hits of the same queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from diptych.benchmark.cell import DIRECTIONS, Cell
from diptych.measures.chance import chance_median_rank, chance_ndcg, chance_recall
from diptych.measures.partners import RECALL_RANKS
from diptych.measures.significance import LEVEL as USUAL_LEVEL
from diptych.measures.significance import Comparisons, compare_all

RECALLS = tuple(f"r@{k}" for k in RECALL_RANKS)
SHOWN = (*RECALLS, "median_rank", "ndcg@10")
"""The metrics of each direction."""


@dataclass(frozen=True)
class PartnerRow:
    """The partner retrieval of one method, averaged over splits."""

    name: str
    figures: Mapping[str, Mapping[str, float]]
    """By direction, then by metric (`SHOWN`)."""
    recall_sum: float
    """The sum of the six recalls."""
    standard_error: float | None
    """The standard error of `recall_sum` over the queries of all splits; None for chance."""
    significantly_below: tuple[str, ...]
    """Rows that are significantly better than this one."""


@dataclass(frozen=True)
class PartnerTable:
    """The rows, best first, and their comparisons. The row `chance` is the expectation of a random order."""

    rows: tuple[PartnerRow, ...]
    comparisons: Comparisons

    def as_dict(self) -> dict[str, Any]:
        """Return the table as one JSON-able object."""
        return {
            "rows": [{**asdict(row), "significantly_below": list(row.significantly_below)} for row in self.rows],
            "comparisons": [asdict(pair) for pair in self.comparisons.pairs],
        }


def partner_table(cells: Mapping[str, Sequence[Cell]], *, level: float = USUAL_LEVEL) -> PartnerTable | None:
    """Return the partner retrieval of some methods on the same splits; None if a cell has no ranks.

    `cells` are those of each row, by name. Benchmarks made before ranks were recorded have none.
    """
    if not cells or not all(cell.rank for own in cells.values() for cell in own):
        return None
    pooled = {
        name: np.concatenate([hits(cell, direction) for cell in own for direction in DIRECTIONS])
        for name, own in cells.items()
    }
    comparisons = compare_all(pooled)
    rows = [_row(name, own, comparisons.significantly_below(name, level=level)) for name, own in cells.items()]
    rows.append(_chance(next(iter(cells.values()))))
    return PartnerTable(tuple(sorted(rows, key=lambda row: -row.recall_sum)), comparisons)


def hits(cell: Cell, direction: str) -> Float[np.ndarray, " q"]:
    """Return the number of hits of each query, from 0 to 3; NaN for a query without a partner."""
    rank = np.array([np.nan if value is None else value for value in cell.rank[direction]])
    count = np.sum([rank <= k for k in RECALL_RANKS], axis=0).astype(float)
    return np.where(np.isnan(rank), np.nan, count)


def _row(name: str, cells: Sequence[Cell], below: Sequence[str]) -> PartnerRow:
    figures = {
        direction: {metric: fmean(cell.figures[direction][metric] for cell in cells) for metric in SHOWN}
        for direction in DIRECTIONS
    }
    variance = 0.0
    for direction in DIRECTIONS:
        own = np.concatenate([hits(cell, direction) for cell in cells])
        judged = own[~np.isnan(own)]
        variance += float(judged.var(ddof=1)) / len(judged) if len(judged) > 1 else 0.0
    total = sum(figures[direction][metric] for direction in DIRECTIONS for metric in RECALLS)
    return PartnerRow(name, figures, total, sqrt(variance), tuple(below))


def _chance(cells: Sequence[Cell]) -> PartnerRow:
    """Return the row of a random order on the same queries and galleries."""
    own = [{direction: _chance_figures(cell, direction) for direction in DIRECTIONS} for cell in cells]
    figures = {d: {metric: fmean(each[d][metric] for each in own) for metric in SHOWN} for d in DIRECTIONS}
    total = sum(figures[direction][metric] for direction in DIRECTIONS for metric in RECALLS)
    return PartnerRow("chance", figures, total, None, ())


def _chance_figures(cell: Cell, direction: str) -> dict[str, float]:
    queries, items = (np.array(cell.pairs(each)) for each in (direction, DIRECTIONS[direction == DIRECTIONS[0]]))
    partners = np.bincount(items, minlength=len(cell.ids))[queries]
    relevant = partners if cell.figures.get("relevant") == "partner" else _relevant(cell, queries, items)
    gallery = len(items)
    recalls = {f"r@{k}": chance_recall(partners, gallery=gallery, k=k) for k in RECALL_RANKS}
    return {
        **recalls,
        "median_rank": chance_median_rank(partners, gallery=gallery),
        "ndcg@10": chance_ndcg(relevant, gallery=gallery, k=10),
    }


def _relevant(
    cell: Cell, queries: Integer[np.ndarray, " q"], items: Integer[np.ndarray, " g"]
) -> Integer[np.ndarray, " q"]:
    """Return how many items are each query's partners or share a category with it."""
    names = sorted({name for own in cell.categories for name in own})
    labels = np.array([[name in own for name in names] for own in cell.categories]).reshape(len(cell.ids), len(names))
    shared = labels.astype(np.float32) @ labels.T.astype(np.float32) > 0
    np.fill_diagonal(shared, val=True)
    counts: Integer[np.ndarray, " q"] = shared[:, items].sum(1)[queries]
    return counts
