"""The items of one side of a collection, looked at all together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from diptych.data.addresses import Picture, is_present, picture_at
from diptych.data.entries import ATTRIBUTION
from diptych.data.pictures import decode
from diptych.errors import DiptychError
from diptych.index.conditions import Condition, Value
from diptych.index.contract import Table
from diptych.modality import Modality
from diptych.search.near_pairs import UnitRows
from diptych.search.scan import Scan

if TYPE_CHECKING:
    from PIL.Image import Image

AT_ONCE = 1_000
"""How many items are read together."""


@dataclass(frozen=True)
class ShownItem:
    """An item as results name it."""

    id: str
    image: Picture | None
    texts: tuple[str, ...]
    metadata: Mapping[str, Value]

    @property
    def title(self) -> str:
        """Its first text, or its id."""
        return self.texts[0] if self.texts else self.id

    @property
    def attribution(self) -> str:
        """The credit that must be shown with its picture; empty if none is required."""
        return str(self.metadata.get(ATTRIBUTION, ""))

    def picture(self, side: int) -> "Image | None":
        """Return its picture for drawing; None if it cannot be read, or is remote."""
        try:
            there = self.image is not None and is_present(self.image) and self.image.is_file()
            return decode(self.image, side=side) if there and self.image is not None else None
        except DiptychError:
            return None


def credit_of(items: Sequence[ShownItem]) -> str:
    """Return the credit that must be shown with the pictures of items; empty if none is required."""
    return " ".join(dict.fromkeys(item.attribution for item in items if item.attribution))


@dataclass(frozen=True)
class SurveyedItems:
    """The items that have one side, in the order of their ids, with their vectors."""

    table: Table
    ids: tuple[str, ...]
    rows: UnitRows
    """Scaled so that inner products are mean cosines."""

    @classmethod
    def of(cls, table: Table, scan: Scan, side: Modality, where: Condition | None) -> "SurveyedItems":
        """Return the items of a scan, or those of them that meet a condition."""
        allowed = range(len(scan)) if where is None else np.flatnonzero(scan.among(table.ids(where=where, side=side)))
        order = np.array(sorted(allowed, key=lambda position: scan.ids[position]), dtype=np.int64)
        return cls(table, tuple(scan.ids[position] for position in order), scan.unit_rows(order))

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def pictures(self) -> list[Picture | None]:
        """The picture of each item."""
        paths: dict[str, str | None] = {}
        for start in range(0, len(self), AT_ONCE):
            items = self.table.read(self.ids[start : start + AT_ONCE])
            paths |= zip(items.ids, items.images, strict=True)
        found = (paths.get(identity) for identity in self.ids)
        return [picture_at(path) if path else None for path in found]

    def shown(self, rows: Sequence[int]) -> dict[int, ShownItem]:
        """Return some items as results name them, by row; those that were removed meanwhile are missing."""
        found: dict[int, ShownItem] = {}
        for start in range(0, len(rows), AT_ONCE):
            wanted = {self.ids[row]: row for row in rows[start : start + AT_ONCE]}
            items = self.table.read(list(wanted))
            for k, identity in enumerate(items.ids):
                path = items.images[k]
                picture = picture_at(path) if path else None
                found[wanted[identity]] = ShownItem(identity, picture, items.texts[k], items.metadata[k])
        return found
