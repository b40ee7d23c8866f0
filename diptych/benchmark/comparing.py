"""Compare two benchmarks query by query."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diptych.benchmark.cell import DIRECTIONS, Cell, split_name
from diptych.benchmark.table import pooled
from diptych.entrance import checks_arguments
from diptych.errors import MissingData
from diptych.measures.ranking import mean_over_judged
from diptych.measures.significance import paired_randomisation


@dataclass(frozen=True)
class Change:
    """A query whose average precision differs."""

    split: str
    direction: str
    id: str
    """The pair of the query."""
    before: float
    after: float

    @property
    def difference(self) -> float:
        """The change in average precision."""
        return self.after - self.before


@dataclass(frozen=True)
class RowChange:
    """One method in both benchmarks, over their common splits."""

    name: str
    splits: tuple[str, ...]
    queries: int
    before: float
    after: float
    """Mean average precision over the queries, both directions."""
    p: float
    """p-value of a paired randomisation test, not corrected for the number of rows."""
    gained: int
    lost: int
    """Number of queries that improved (`gained`) and got worse (`lost`)."""
    largest: tuple[Change, ...]
    """The queries with the largest absolute change."""

    def as_dict(self) -> dict[str, Any]:
        """Return the row as one JSON-able object."""
        return {**asdict(self), "difference": self.after - self.before}


@checks_arguments
def read_cells(out: str | Path) -> list[Cell]:
    """Return every finished cell in a benchmark's folder."""
    files = sorted((Path(out) / "cells").glob("*/*.json"))
    if not files:
        raise MissingData(f"{out} holds no benchmark results. Run a benchmark: diptych benchmark --out {out}.")
    return [Cell.read(file) for file in files]


@checks_arguments
def compare(before: str | Path, after: str | Path, *, show: int = 5) -> list[RowChange]:
    """Return the change of each method in both folders, on the same queries of the same splits.

    `show` is the number of most changed queries to name for each.
    """
    old, new = ({(cell.name, cell.split_seed): cell for cell in read_cells(out)} for out in (before, after))
    both = [key for key in old if key in new and _queries(old[key]) == _queries(new[key])]
    if not both:
        raise MissingData(
            f"{before} and {after} have no method in common on the same queries. Run both on the same data, splits "
            "and methods."
        )
    names = list(dict.fromkeys(name for name, _ in both))
    return [_row(name, [(old[key], new[key]) for key in both if key[0] == name], show) for name in names]


def _queries(cell: Cell) -> tuple[object, ...]:
    return cell.data, cell.ids, *(cell.pairs(direction) for direction in DIRECTIONS)


def _row(name: str, pairs: Sequence[tuple[Cell, Cell]], show: int) -> RowChange:
    a, b = (pooled([pair[k] for pair in pairs]) for k in (0, 1))
    changes = [change for pair in pairs for change in _changes(*pair)]
    changes.sort(key=lambda change: -abs(change.difference))
    return RowChange(
        name=name,
        splits=tuple(split_name(old.split_seed) for old, _ in pairs),
        queries=len(a),
        before=mean_over_judged(a),
        after=mean_over_judged(b),
        p=float(paired_randomisation((b - a)[:, None])[0]),
        gained=int((b > a).sum()),
        lost=int((b < a).sum()),
        largest=tuple(changes[:show]),
    )


def _changes(old: Cell, new: Cell) -> list[Change]:
    changes = []
    for direction in DIRECTIONS:
        before, after = old.average_precision(direction), new.average_precision(direction)
        for row in np.flatnonzero(before != after):
            if not np.isnan(before[row] + after[row]):
                split = split_name(old.split_seed)
                pair = old.pairs(direction)[row]
                changes.append(Change(split, direction, old.ids[pair], float(before[row]), float(after[row])))
    return changes
