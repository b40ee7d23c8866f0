"""Near-identical pictures of a collection: by how they look when they are small, and by their vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Bool
from typing_extensions import override

from diptych.collection.surveyed_items import ShownItem, SurveyedItems, credit_of
from diptych.data.likeness import ALIKE, picture_fingerprints
from diptych.drawing.picture_rows import COLUMNS, MOST_ROWS, SIDE, PictureRow, picture_rows
from diptych.drawing.shown import Shown
from diptych.errors import BadSetting
from diptych.index.items import Items
from diptych.progress import Progress
from diptych.search.near_pairs import NearPairs, UnitRows, strongest_pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DuplicateWay = Literal["picture", "vector"]
"""How two pictures may be found to be nearly the same: by their thumbnails, or by their vectors."""
WAYS: tuple[DuplicateWay, ...] = get_args(DuplicateWay)
LEAST: Mapping[DuplicateWay, float] = {"picture": ALIKE, "vector": 0.999}
"""The lowest similarity of near-identical pictures, unless another one is asked for."""


@dataclass(frozen=True)
class DuplicatePair:
    """Two items of a group, and how alike they are."""

    first: str
    second: str
    picture: float | None
    """The cosine of the pictures' thumbnails; None if it was not asked for, or if a picture has none."""
    vector: float | None
    """The mean cosine of the pictures' vectors over the spaces; None if it was not asked for."""
    found_by: tuple[DuplicateWay, ...]
    """The ways whose threshold it reaches."""


@dataclass(frozen=True)
class DuplicateGroup:
    """Items with near-identical pictures, connected by pairs; two of them need not be a pair."""

    items: tuple[ShownItem, ...]
    """In the order of their ids."""
    pairs: tuple[DuplicatePair, ...]
    """The most similar pairs that connect them."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as one JSON-able object."""
        items = [{"id": each.id, "image": each.image and str(each.image)} for each in self.items]
        pairs = [{**vars(pair), "found_by": list(pair.found_by)} for pair in self.pairs]
        return {"items": items, "pairs": pairs}


@dataclass(frozen=True)
class Duplicates(Shown):
    """The groups of near-identical pictures of a collection, the largest first."""

    groups: tuple[DuplicateGroup, ...]
    total: int
    """How many pictures were compared."""
    unseen: int
    """How many of them have no thumbnail: remote ones, such as cannot be read, and those of a single colour."""
    thresholds: Mapping[DuplicateWay, float]
    """The lowest similarity of a pair, for each way that was asked for."""

    @property
    def attribution(self) -> str:
        """The credit that must be shown with the pictures; empty if none is required."""
        return credit_of([item for group in self.groups for item in group.items])

    @override
    def records(self) -> list[dict[str, Any]]:
        rows = []
        for number, group in enumerate(self.groups, start=1):
            by_end: dict[str, DuplicatePair] = {}
            for pair in sorted(group.pairs, key=lambda each: -max(each.picture or -1, each.vector or -1)):
                by_end.setdefault(pair.first, pair)
                by_end.setdefault(pair.second, pair)
            for item in group.items:
                pair = by_end[item.id]
                rows.append(
                    {
                        "group": number, "id": item.id, "image": item.image and str(item.image),
                        "like": pair.second if pair.first == item.id else pair.first,
                        "picture": pair.picture, "vector": pair.vector, "found_by": list(pair.found_by),
                    }
                )  # fmt: skip
        return rows

    @override
    def plot(self) -> "Figure":
        drawn = [
            PictureRow(
                f"{len(group.items):,} near-identical pictures",
                [item.picture(SIDE) for item in group.items[:COLUMNS]],
                [item.title for item in group.items[:COLUMNS]],
            )
            for group in self.groups[:MOST_ROWS]
        ]
        more = max(0, len(self.groups) - MOST_ROWS)
        return picture_rows(drawn, more=more, attribution=self.attribution).figure


def thresholds_of(threshold: float | None, by: str | None) -> dict[DuplicateWay, float]:
    """Return the threshold of each way that is asked for; `BadSetting` for one that no pictures could reach."""
    if by is not None and by not in WAYS:
        raise BadSetting(f"by must be {' or '.join(WAYS)}, or left out for both; got {by!r}.")
    if threshold is not None and not 0 < threshold <= 1:
        raise BadSetting(f"threshold must be above 0 and at most 1, a cosine; got {threshold}.")
    return {way: LEAST[way] if threshold is None else threshold for way in WAYS if by in (None, way)}


def find_duplicates(
    items: SurveyedItems, thresholds: Mapping[DuplicateWay, float], *, progress: Progress | None
) -> Duplicates:
    """Return the groups of items that pairs connect which reach a threshold."""
    found, unseen = NearPairs.none(len(items)), 0
    rows: dict[DuplicateWay, UnitRows] = {}
    has = {way: np.ones(len(items), dtype=bool) for way in WAYS}
    if "picture" in thresholds:
        fingerprints, has["picture"] = picture_fingerprints(items.pictures, progress=progress)
        unseen, known = int((~has["picture"]).sum()), np.flatnonzero(has["picture"])
        rows["picture"] = UnitRows(fingerprints, np.arange(len(items)), [slice(0, fingerprints.shape[1])])
        pairs = strongest_pairs(rows["picture"].take(known), thresholds["picture"], progress=progress)
        found = found.spanned(pairs.among(known, len(items)))
    if "vector" in thresholds:
        rows["vector"] = items.rows
        found = found.spanned(strongest_pairs(items.rows, thresholds["vector"], progress=progress))
    figures = {way: _figures(rows.get(way), found, has[way]) for way in WAYS}
    groups = _groups(items, found, _told(items, found, figures, thresholds))
    return Duplicates(groups, len(items), unseen, dict(thresholds))


def alike_groups(items: Items, widths: Sequence[int], threshold: float) -> list[list[str]]:
    """Return the ids of items that pairs of pictures connect whose vectors, of so many numbers a space, are alike."""
    vectors = items.vectors["image"]
    ends = np.cumsum(widths).tolist()
    spans = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
    rows = UnitRows(vectors.rows, np.flatnonzero(vectors.present), spans)
    there = np.flatnonzero(vectors.present).tolist()
    groups = strongest_pairs(rows, threshold).groups()
    return [[items.ids[there[row]] for row in sorted(group.tolist())] for group in groups]


def _figures(rows: UnitRows | None, pairs: NearPairs, has: Bool[np.ndarray, " n"]) -> list[float | None]:
    """Return the similarity of each pair in double precision; None where a row has nothing to compare."""
    if rows is None:
        return [None] * len(pairs)
    cosines = rows.cosines(pairs.first, pairs.second).tolist()
    both = (has[pairs.first] & has[pairs.second]).tolist()
    return [cosine if known else None for cosine, known in zip(cosines, both, strict=True)]


def _told(
    items: SurveyedItems,
    pairs: NearPairs,
    figures: Mapping[DuplicateWay, Sequence[float | None]],
    thresholds: Mapping[DuplicateWay, float],
) -> dict[int, list[DuplicatePair]]:
    """Return the pairs with their similarities, by their first row."""
    told: dict[int, list[DuplicatePair]] = {}
    for k, (first, second) in enumerate(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)):
        values = {way: figures[way][k] for way in WAYS}
        ways = tuple(way for way, least in thresholds.items() if (values[way] or 0.0) >= least)
        pair = DuplicatePair(items.ids[first], items.ids[second], values["picture"], values["vector"], ways)
        told.setdefault(first, []).append(pair)
    return told


def _groups(
    items: SurveyedItems, pairs: NearPairs, told: Mapping[int, Sequence[DuplicatePair]]
) -> tuple[DuplicateGroup, ...]:
    rows = [group.tolist() for group in pairs.groups()]
    shown = items.shown([row for group in rows for row in group])
    groups = []
    for group in rows:
        there = {shown[row].id for row in group if row in shown}
        own = (pair for row in group for pair in told.get(row, ()) if {pair.first, pair.second} <= there)
        if len(there) > 1:
            groups.append(DuplicateGroup(tuple(shown[row] for row in group if row in shown), tuple(own)))
    return tuple(sorted(groups, key=lambda group: (-len(group.items), group.items[0].id)))
