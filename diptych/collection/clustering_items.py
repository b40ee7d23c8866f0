"""Clusters of a collection's items, with the items that stand for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

from diptych.collection.column_writing import ComputedColumns
from diptych.collection.surveyed_items import ShownItem, SurveyedItems, credit_of
from diptych.drawing.picture_rows import COLUMNS, MOST_ROWS, SIDE, PictureRow, picture_rows
from diptych.drawing.sheet import Sheet
from diptych.drawing.shown import Shown
from diptych.entrance import checks_arguments
from diptych.errors import BadSetting
from diptych.files import check_drawn
from diptych.maths.clustering import best_count, k_means, nearest_centres
from diptych.modality import Modality
from diptych.progress import Progress, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLE = 20_000
"""The most items that centres are looked for with."""
SILHOUETTES = 1_500
"""The most items that the number of clusters is chosen with."""
MOST = 1_000
"""The most clusters."""


@dataclass(frozen=True)
class ItemCluster:
    """A cluster of items."""

    number: int
    """Counted from 1; the first is the largest."""
    size: int
    similarity: float
    """The mean similarity of two of its items, an item with itself included."""
    typical: tuple[ShownItem, ...]
    """The items nearest to its centre, the nearest first."""


@dataclass(frozen=True)
class ItemClusters(Shown):
    """The clusters of a collection, the largest first."""

    clusters: tuple[ItemCluster, ...]
    ids: tuple[str, ...]
    numbers: tuple[int, ...]
    """The number of each item's cluster."""
    side: Modality
    """What was compared: pictures or texts."""
    silhouette: float | None
    """The mean silhouette by which the number of clusters was chosen; None if it was given."""
    written: int = 0
    """How many items were written."""

    @property
    def attribution(self) -> str:
        """The credit that must be shown with the pictures; empty if none is required."""
        return credit_of([item for cluster in self.clusters for item in cluster.typical])

    @override
    def records(self) -> list[dict[str, Any]]:
        return [
            {
                "cluster": each.number, "items": each.size, "similarity": each.similarity,
                "typical": [item.id for item in each.typical], "texts": [item.title for item in each.typical],
            }
            for each in self.clusters
        ]  # fmt: skip

    @checks_arguments
    def save(self, path: Path) -> None:
        """Save its drawing as a .png, .jpg, .webp or .pdf."""
        check_drawn(path)
        self._sheet().save(path)

    @override
    def plot(self) -> "Figure":
        return self._sheet().figure

    def _sheet(self) -> Sheet:
        rows = [
            PictureRow(
                f"{each.number}: {each.size:,} item{'s' * (each.size != 1)}",
                [item.picture(SIDE) for item in each.typical],
                [item.title for item in each.typical],
            )
            for each in self.clusters[:MOST_ROWS]
        ]
        more = max(0, len(self.clusters) - MOST_ROWS)
        return picture_rows(rows, more=more, attribution=self.attribution)


def cluster_items(
    items: SurveyedItems, side: Modality, *, k: int | None, seed: int, progress: Progress | None
) -> ItemClusters:
    """Return items in k clusters, by default in as many as their silhouette is largest with."""
    if k is not None and not 1 <= k <= min(len(items), MOST):
        raise BadSetting(
            f"k must be from 1 to {min(len(items), MOST):,}, for {len(items):,} items; got {k}. Leave it out to have "
            "it chosen."
        )
    if not len(items):
        return ItemClusters((), (), (), side, None)
    draw, told = np.random.default_rng(seed), progress or silent
    told(0, 2, "clustering")
    sample = items.rows.take(np.sort(draw.permutation(len(items))[: max(SAMPLE, k or 0)]))
    few = sample.take(np.sort(draw.permutation(len(sample))[:SILHOUETTES]))
    count, score = (k, None) if k is not None else best_count(few[:], draw=draw)
    told(1, 2, "clustering")
    centres = k_means(sample[:], count, draw=draw).centres
    nearest = nearest_centres(items.rows, centres)
    told(2, 2, "clustering")
    sizes = np.bincount(nearest.labels, minlength=count)
    order = [int(each) for each in np.argsort(-sizes, kind="stable") if sizes[each]]
    members = [np.flatnonzero(nearest.labels == each) for each in order]
    closest = [own[np.argsort(nearest.distances[own], kind="stable")[:COLUMNS]].tolist() for own in members]
    shown = items.shown([row for rows in closest for row in rows])
    numbers = {each: number for number, each in enumerate(order, start=1)}
    clusters = [
        ItemCluster(number, len(own), _similarity(items, own), tuple(shown[row] for row in rows if row in shown))
        for number, (own, rows) in enumerate(zip(members, closest, strict=True), start=1)
    ]
    return ItemClusters(
        tuple(clusters), items.ids, tuple(numbers[each] for each in nearest.labels.tolist()), side, score
    )


def cluster_column(found: ItemClusters, column: str) -> ComputedColumns:
    """Return the column of cluster numbers."""
    values: Mapping[str, Mapping[str, float]] = {
        identity: {column: float(number)} for identity, number in zip(found.ids, found.numbers, strict=True)
    }
    return ComputedColumns({column: "number"}, values)


def _similarity(items: SurveyedItems, own: np.ndarray) -> float:
    """Return the mean inner product of all pairs of rows, |mean x|²."""
    total: Any = sum(
        items.rows.take(own[start : start + SAMPLE])[:].sum(0, dtype=np.float64) for start in range(0, len(own), SAMPLE)
    )
    return float(total @ total) / len(own) ** 2
