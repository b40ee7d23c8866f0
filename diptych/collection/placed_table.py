"""A table whose pictures are told by the paths that they are read from, wherever its collection has been moved to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32
from typing_extensions import override

from diptych.collection.picture_places import PicturePlaces
from diptych.index.conditions import Columns, Condition
from diptych.index.contract import NearestItems, Table
from diptych.index.items import Items
from diptych.ingest.item_embedding import with_path
from diptych.modality import Modality


class PlacedTable(Table):
    """A store's table behind the places of its pictures: all that reads or writes items of a collection goes by it.

    Paths are translated in `read` and `write`, and in the digests of contents, which hold them too: an item that was
    not changed is equal to what was added, whether or not the collection has been moved since.
    """

    def __init__(self, table: Table, places: PicturePlaces, *, lineage: str = "") -> None:
        self.name = table.name
        self.layout = table.layout
        self.lineage = lineage
        self._table = table
        self._places = places

    @property
    def efforts(self) -> tuple[int, ...]:  # type: ignore[override]
        """How hard an approximate search of the table may try, ascending."""
        return self._table.efforts

    @override
    def read(
        self,
        ids: Sequence[str] | None = None,
        *,
        where: Condition | None = None,
        after: str | None = None,
        limit: int | None = None,
        vectors: Sequence[Modality] = (),
    ) -> Items:
        items = self._table.read(ids, where=where, after=after, limit=limit, vectors=vectors)
        return replace(
            items,
            contents=tuple(with_path(content, self._places.resolved) for content in items.contents),
            images=tuple(path and self._places.readable(path) for path in items.images),
        )

    @override
    def write(self, items: Items) -> None:
        self._table.write(
            replace(
                items,
                contents=tuple(with_path(content, self._places.stored) for content in items.contents),
                images=tuple(path and self._places.stored(path) for path in items.images),
            )
        )

    @override
    def contents(self, ids: Sequence[str] | None = None) -> dict[str, str]:
        found = self._table.contents(ids)
        return {identity: with_path(content, self._places.resolved) for identity, content in found.items()}

    @override
    def columns(self) -> Columns:
        return self._table.columns()

    @override
    def widen(self, columns: Columns) -> None:
        self._table.widen(columns)

    @override
    def narrow(self) -> None:
        self._table.narrow()

    @override
    def remove(self, ids: Sequence[str]) -> int:
        return self._table.remove(ids)

    @override
    def count(self, *, where: Condition | None = None, side: Modality | None = None) -> int:
        return self._table.count(where=where, side=side)

    @override
    def ids(self, *, where: Condition | None = None, side: Modality | None = None) -> list[str]:
        return self._table.ids(where=where, side=side)

    @override
    def nearest(
        self,
        side: Modality,
        vector: Float32[np.ndarray, " d"],
        *,
        k: int,
        where: Condition | None = None,
        effort: int | None = None,
    ) -> NearestItems:
        return self._table.nearest(side, vector, k=k, where=where, effort=effort)

    @override
    def nearest_each(
        self, side: Modality, vectors: Float32[np.ndarray, "m d"], *, k: int, effort: int | None = None
    ) -> list[NearestItems]:
        return self._table.nearest_each(side, vectors, k=k, effort=effort)

    @override
    def matching(self, words: str, side: Modality, *, k: int, where: Condition | None = None) -> list[str]:
        return self._table.matching(words, side, k=k, where=where)

    @override
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], Float32[np.ndarray, "b d"]]]:
        return self._table.blocks(side)

    @override
    def version(self) -> str | None:
        return self._table.version()

    @override
    def build_index(self, side: Modality) -> None:
        self._table.build_index(side)

    @override
    def indexed(self, side: Modality) -> bool:
        return self._table.indexed(side)

    @override
    def compact(self) -> None:
        self._table.compact()

    @override
    def bytes(self) -> int:
        return self._table.bytes()
