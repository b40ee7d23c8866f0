"""A two-dimensional map of a collection's items: their vectors in the plane in which they vary most."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float64
from typing_extensions import override

from diptych.collection.surveyed_items import ShownItem, SurveyedItems, credit_of
from diptych.data.metadata import text_of
from diptych.drawing.scatter import scatter, scatter_page
from diptych.drawing.sheet import save_figure
from diptych.drawing.shown import Shown
from diptych.entrance import checks_arguments
from diptych.errors import UnknownName
from diptych.files import PAGE, check_drawn, written_atomically
from diptych.index.conditions import Value
from diptych.maths.linear_reduction import principal_plane

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from PIL.Image import Image

PICTURES = 2_000
"""The most pictures that a page holds; items beyond are shown by their titles."""
SIDE = 96
"""Pixels of the longer side of a picture on a page."""


@dataclass(frozen=True)
class CollectionMap(Shown):
    """The items of a collection as points of a plane."""

    name: str
    """The collection."""
    items: tuple[ShownItem, ...]
    points: "Float64[np.ndarray, 'n 2']"
    shares: tuple[float, float]
    """The share of the vectors' variance along each axis."""
    colour: str | None
    """The column that colours the points."""

    @property
    def attribution(self) -> str:
        """The credit that must be shown with the pictures; empty if none is required."""
        return credit_of(self.items)

    @cached_property
    def kinds(self) -> list[str | None]:
        """What each item is coloured by; None where it has no value."""
        return [_kind(item.metadata.get(self.colour or "")) for item in self.items]

    @property
    def note(self) -> str:
        """How much of the vectors' variance the map shows."""
        return (
            f"{len(self.items):,} item{'s' * (len(self.items) != 1)}; the plane holds {sum(self.shares):.0%} of the "
            "variance of their vectors."
        )

    @checks_arguments
    def save(self, path: Path) -> None:
        """Save it as a .png, .jpg, .webp or .pdf, or as an .html that shows pictures where one points at them."""
        check_drawn(path, page=True)
        if path.suffix.lower() != PAGE:
            save_figure(self.plot(), path)
            return
        page = scatter_page(
            self.points,
            self.kinds,
            self.name,
            titles=[item.title for item in self.items],
            pictures=_thumbnails(self.items),
            note=self.note,
            attribution=self.attribution,
        )
        with written_atomically(path) as temporary:
            temporary.write_text(page, encoding="utf-8")

    @override
    def records(self) -> list[dict[str, Any]]:
        places = self.points.tolist()
        own = {} if self.colour is None else {self.colour: self.kinds}
        return [
            {"id": item.id, "x": places[k][0], "y": places[k][1], **{name: kinds[k] for name, kinds in own.items()}}
            for k, item in enumerate(self.items)
        ]

    @override
    def plot(self) -> "Figure":
        return scatter(self.points, self.kinds, self.name, attribution=self.attribution)


def map_items(items: SurveyedItems, name: str, *, colour: str | None) -> CollectionMap:
    """Return a map of items, coloured by a column; `UnknownName` if the collection has no such column."""
    if colour is not None and colour not in (columns := items.table.columns()):
        raise UnknownName.among("columns", colour, columns)
    plane = principal_plane(items.rows)
    shown = items.shown(range(len(items)))
    there = sorted(shown)
    return CollectionMap(name, tuple(shown[row] for row in there), plane.points[there], plane.shares, colour)


def _kind(value: Value | None) -> str | None:
    if isinstance(value, tuple):
        return value[0] if value else None
    return None if value is None else text_of(value)


def _thumbnails(items: Sequence[ShownItem]) -> "list[Image | None]":
    """Return small pictures of up to `PICTURES` items, evenly spread."""
    step = -(-len(items) // PICTURES) or 1
    pictures = [item.picture(SIDE) if k % step == 0 else None for k, item in enumerate(items)]
    for picture in pictures:
        if picture is not None:
            picture.thumbnail((SIDE, SIDE))
    return pictures
