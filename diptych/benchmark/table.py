"""Tabulate cells: metrics, standard deviations, ranks and significance."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from typing_extensions import override

from diptych.benchmark.cell import DIRECTIONS, Cell, split_name
from diptych.benchmark.partner_retrieval import PartnerTable, partner_table
from diptych.drawing.curves import bars
from diptych.drawing.shown import Shown
from diptych.measures.ranking import mean_over_judged
from diptych.measures.significance import Comparisons, compare_all, mean_ranks
from diptych.relevance import Relevant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL = 0.01
"""Significance level for adjusted p-values."""


@dataclass(frozen=True)
class BenchmarkRow:
    """One row of the table: a method under a preset."""

    name: str
    """`mcsm`, `mcsm:paper`, `chance`."""
    method: str
    preset: str
    image_to_text: float
    """MAP over all results, averaged over splits; likewise the next two."""
    text_to_image: float
    average: float
    """The mean of both directions."""
    std: float | None
    """Standard deviation of the average over splits (n - 1); None with a single split."""
    seconds: float | None
    """Time to train the chosen candidate, averaged over splits; None for chance."""
    search_seconds: float | None
    """Time to train all candidates of a split's search."""
    peak_megabytes: float | None
    rank: float | None
    """Mean rank among the methods over splits; 1 is best."""
    significantly_below: tuple[str, ...]
    """Rows that are significantly better than this one."""
    chosen: tuple[tuple[str, ...], ...]
    """Chosen changes to the preset, for each split."""

    def as_dict(self) -> dict[str, Any]:
        """Return the row as one JSON-able object."""
        return {
            "method": self.method,
            "preset": self.preset,
            "image_to_text": self.image_to_text,
            "text_to_image": self.text_to_image,
            "average": self.average,
            "std": self.std,
            "seconds": self.seconds,
            "significantly_below": list(self.significantly_below),
            "name": self.name,
            "search_seconds": self.search_seconds,
            "peak_megabytes": self.peak_megabytes,
            "rank": self.rank,
            "chosen": [list(settings) for settings in self.chosen],
        }


@dataclass(frozen=True)
class BenchmarkTable(Shown):
    """A benchmark's result, best method first."""

    data: str
    splits: tuple[str, ...]
    """Names of the splits: seeds, or `official`."""
    protocol: Mapping[str, Any]
    """Settings that all methods share: search budget, seed, encoders."""
    rows: tuple[BenchmarkRow, ...]
    not_applicable: tuple[tuple[str, str], ...]
    """Rows that could not be computed, each with the reason."""
    comparisons: Comparisons
    """Pairwise comparisons over the pooled queries of all splits and both directions."""
    curves: Mapping[str, Mapping[str, Float[np.ndarray, " 101"]]]
    """By row and direction: precision at the recalls 0, .01, ..., 1, averaged over splits."""
    categories: Mapping[str, Mapping[str, float]]
    """By row and category: the mean average precision of its queries, both directions and all splits."""
    partners: PartnerTable | None = None
    """Partner retrieval; None in benchmarks made before ranks were recorded."""
    relevant: Relevant = "category"
    """What counts as right: it decides MAP, and which table comes first."""

    def as_dict(self) -> dict[str, Any]:
        """Return the table as one JSON-able object."""
        return {
            "data": self.data,
            "splits": list(self.splits),
            **self.protocol,
            "relevant": self.relevant,
            "rows": [row.as_dict() for row in self.rows],
            "not_applicable": [{"method": name, "reason": reason} for name, reason in self.not_applicable],
            "comparisons": [asdict(pair) for pair in self.comparisons.pairs],
            "partners": None if self.partners is None else self.partners.as_dict(),
        }

    @override
    def records(self) -> list[dict[str, Any]]:
        partners = {row.name: row for row in (self.partners.rows if self.partners else ())}
        return [
            {"row": row.name, "image_to_text": row.image_to_text, "text_to_image": row.text_to_image}
            | {"average": row.average, "std": row.std, "rank": row.rank, "seconds": row.seconds}
            | {"recall_sum": partners[row.name].recall_sum if row.name in partners else None}
            | {"significantly_below": list(row.significantly_below)}
            for row in self.rows
        ]

    @override
    def plot(self) -> "Figure":
        averages = {row.name: row.average for row in self.rows}
        return bars(averages, {row.name: row.std for row in self.rows}, f"MAP on {self.data}, both directions")


def tabulate(
    cells: Sequence[Cell], *, protocol: Mapping[str, Any], not_applicable: Sequence[tuple[str, str]] = ()
) -> BenchmarkTable:
    """Return the table of a benchmark's cells; a method that lacks a split is omitted.

    All cells must be of one data set. The row `chance` is the expectation of a random order.
    """
    seeds = sorted({cell.split_seed for cell in cells}, key=lambda seed: -1 if seed is None else seed)
    by_name: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: seeds.index(cell.split_seed)):
        by_name.setdefault(cell.name, []).append(cell)
    whole = {name: own for name, own in by_name.items() if len(own) == len(seeds)}
    comparisons = compare_all({name: pooled(own) for name, own in whole.items()})
    averages = [[cell.figures["average_map"] for cell in own] for own in whole.values()]
    ranks = mean_ranks(np.array(averages).reshape(len(whole), len(seeds)))
    rows = [
        _row(name, own, rank=float(rank), below=comparisons.significantly_below(name, level=LEVEL))
        for (name, own), rank in zip(whole.items(), ranks, strict=True)
    ]
    chance = [_chance(next(iter(whole.values())))] if whole else []
    return BenchmarkTable(
        data=cells[0].data,
        splits=tuple(split_name(seed) for seed in seeds),
        protocol=protocol,
        rows=tuple(sorted([*rows, *chance], key=lambda row: -row.average)),
        not_applicable=tuple(not_applicable),
        comparisons=comparisons,
        curves={name: _curves(own) for name, own in whole.items()},
        categories={name: _by_category(own) for name, own in whole.items()},
        partners=partner_table(whole, level=LEVEL),
        relevant=cells[0].figures.get("relevant", "category"),
    )


def pooled(cells: Sequence[Cell]) -> Float[np.ndarray, " q"]:
    """Return the average precision of all queries of some cells: split by split, images first, then texts."""
    return np.concatenate([cell.average_precision(direction) for cell in cells for direction in DIRECTIONS])


def _row(name: str, cells: Sequence[Cell], *, rank: float, below: Sequence[str]) -> BenchmarkRow:
    averages = [cell.figures["average_map"] for cell in cells]
    peaks = [fit.peak_megabytes for cell in cells for fit in cell.fits if fit.peak_megabytes is not None]
    into, back = (fmean(cell.figures[direction]["map"] for cell in cells) for direction in DIRECTIONS)
    return BenchmarkRow(
        name=name,
        method=cells[0].method,
        preset=cells[0].preset,
        image_to_text=into,
        text_to_image=back,
        average=fmean(averages),
        std=stdev(averages) if len(averages) > 1 else None,
        seconds=fmean(cell.best.seconds for cell in cells),
        search_seconds=fmean(sum(fit.seconds for fit in cell.fits) for cell in cells),
        peak_megabytes=max(peaks, default=None),
        rank=rank,
        significantly_below=tuple(below),
        chosen=tuple(cell.best.settings for cell in cells),
    )


def _chance(cells: Sequence[Cell]) -> BenchmarkRow:
    into, back = (fmean(cell.chance[direction] for cell in cells) for direction in DIRECTIONS)
    averages = [fmean(cell.chance.values()) for cell in cells]
    return BenchmarkRow(
        name="chance",
        method="chance",
        preset="",
        image_to_text=into,
        text_to_image=back,
        average=fmean(averages),
        std=stdev(averages) if len(averages) > 1 else None,
        seconds=None,
        search_seconds=None,
        peak_megabytes=None,
        rank=None,
        significantly_below=(),
        chosen=(),
    )


def _curves(cells: Sequence[Cell]) -> dict[str, Float[np.ndarray, " 101"]]:
    return {direction: np.mean([cell.curve[direction] for cell in cells], axis=0) for direction in DIRECTIONS}


def _by_category(cells: Sequence[Cell]) -> dict[str, float]:
    """Return the MAP of each category's queries; a query with several categories counts for each."""
    values: dict[str, list[float]] = {}
    for cell in cells:
        for direction in DIRECTIONS:
            for value, pair in zip(cell.average_precision(direction), cell.pairs(direction), strict=True):
                for category in cell.categories[pair]:
                    values.setdefault(category, []).append(value)
    return {category: mean_over_judged(np.array(values[category])) for category in sorted(values)}
