"""One table of items in Milvus.

A write goes in by messages of a few megabytes, each whole or not at all; where it breaks off between two, what went in
stays, and the same write repeated completes it. What Milvus has acknowledged is in its log and outlives the server.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from typing_extensions import override

from diptych.errors import BadSetting, StoreFailed
from diptych.index.conditions import Absence, Columns, Condition
from diptych.index.contract import Layout, NearestItems, Table
from diptych.index.items import Items
from diptych.index.milvus.conditions import expression_of, id_among, joined, quoted
from diptych.index.milvus.index import MilvusIndex
from diptych.index.milvus.notes import Notes
from diptych.index.milvus.reading import NAMED, MilvusRows, named_rows, pages_of
from diptych.index.milvus.rows import (
    PLAIN,
    items_of,
    messages_of,
    padded,
    place_of,
    presence,
    rows_of,
    schema_for,
    size_of,
    vectors_of,
    width_of,
)
from diptych.index.milvus.sessions import MESSAGE, MOST_ROWS, PATIENCE, Session
from diptych.index.nearest import ranked
from diptych.index.refusals import check_items, check_width, new_columns
from diptych.modality import Modality

_SPARE = 8
"""Results asked for beyond the k that are wanted: single precision may swap what is nearly equal."""
_ROUNDING = 1e-5
"""How far, relative to the largest, Milvus' similarities may be off."""
_SAMPLE = 200


class MilvusTable(Table):
    """Rows of the Milvus collection `NAME__table_TABLE`."""

    efforts = (16, 32, 64, 128, 256, 512, 1024, 2048)

    def __init__(self, session: Session, notes: Notes, *, collection: str, name: str, layout: Layout) -> None:
        self.name, self.layout = name, layout
        self._session, self._notes = session, notes
        self._rows = f"{collection}__table_{name}"
        self._columns, self._noted = f"column/{name}/", f"scanned/{name}/"
        self._indices = {
            side: MilvusIndex(session, collection=collection, table=name, side=side) for side in layout.widths
        }
        self._kinds: Columns = {}
        self._wide = max(1, min(MOST_ROWS, MESSAGE // (4 * width_of(layout) + 1024)))
        """Rows with vectors in an answer."""

    def create(self) -> None:
        """Make the Milvus collection."""
        self._session.create(self._rows, schema_for(self.layout))
        self._session.load(self._rows, "FLAT")

    def drop(self) -> None:
        """Remove all Milvus collections of this table, and its columns."""
        for index in self._indices.values():
            index.drop()
        self._session.drop(self._rows)
        for folder in (self._columns, self._noted):
            self._notes.remove(folder + key for key in self._notes.read(folder))

    @override
    def columns(self) -> Columns:
        return self._notes.read(self._columns)  # type: ignore[return-value]

    @override
    def widen(self, columns: Columns) -> None:
        if new := new_columns(self.columns(), columns):
            self._notes.write({self._columns + column: kind for column, kind in new.items()})

    @override
    def narrow(self) -> None:
        empty = [name for name in self.columns() if not self.count(where=Absence(name, negated=True))]
        self._notes.remove(self._columns + name for name in empty)

    @override
    def write(self, items: Items) -> None:
        check_items(items, self.layout, self._columns_with(items))
        rows = rows_of(items, self.layout)
        for message in messages_of(rows) if rows else ():
            self._session.upsert(self._rows, message)
        for side, index in self._indices.items():
            index.write([self._indexed_row(row, side) for row in rows if row[presence(side)]])
            index.remove([row["id"] for row in rows if not row[presence(side)]])

    @override
    def remove(self, ids: Sequence[str]) -> int:
        there = list(self.contents(ids))
        for start in range(0, len(there), NAMED):
            self._session.delete(self._rows, id_among(there[start : start + NAMED]))
            for index in self._indices.values():
                index.remove(there[start : start + NAMED])
        return len(there)

    @override
    def count(self, *, where: Condition | None = None, side: Modality | None = None) -> int:
        if side and side not in self.layout.widths:
            return 0
        return int(self._session.query(self._rows, _meeting(where, side), ["count(*)"])[0]["count(*)"])

    @override
    def ids(self, *, where: Condition | None = None, side: Modality | None = None) -> list[str]:
        if side and side not in self.layout.widths:
            return []
        pages = self._pages(_meeting(where, side), ["id"], rows=MOST_ROWS)
        return [row["id"] for page in pages for row in page]

    @override
    def contents(self, ids: Sequence[str] | None = None) -> dict[str, str]:
        fields = ["id", "content"]
        pages = self._pages("", fields, rows=MOST_ROWS) if ids is None else self._named(ids, fields)
        return {row["id"]: row["content"] for page in pages for row in page}

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
        fields = [*PLAIN, *(presence(side) for side in vectors), *(["vector"] if vectors else [])]
        expression = joined("and", expression_of(where), f"id > {quoted(after)}" if after else "")
        if ids is None:
            pages = self._pages(expression, fields, rows=self._wide, limit=limit)
            return items_of([row for page in pages for row in page], self.layout, vectors)
        by_id = {row["id"]: row for page in self._named(ids, fields, expression) for row in page}
        rows = [by_id[name] for name in dict.fromkeys(ids) if name in by_id]
        return items_of(rows[:limit], self.layout, vectors)

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
        self._check_nearest(side, len(vector), k)
        if effort is None or self._session.file:
            return self._exact(side, vector, k=k, expression=_meeting(where, side))
        return self._approximate(side, vector[None], k=k, where=where, effort=effort)[0]

    @override
    def nearest_each(
        self, side: Modality, vectors: Float32[np.ndarray, "m d"], *, k: int, effort: int | None = None
    ) -> list[NearestItems]:
        if effort is None or self._session.file:
            return super().nearest_each(side, vectors, k=k, effort=effort)
        self._check_nearest(side, vectors.shape[1], k)
        return self._approximate(side, vectors, k=k, where=None, effort=effort)

    @override
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], Float32[np.ndarray, "b d"]]]:
        for page in self._pages(_meeting(None, side), ["id", "vector"], rows=self._wide):
            yield [row["id"] for row in page], vectors_of(page, place_of(side, self.layout))

    @override
    def version(self) -> str | None:
        return None

    @override
    def build_index(self, side: Modality) -> None:
        """Build the approximate index of a side anew; milvus-lite goes on to scan, and only takes note."""
        if self._session.file:
            self._notes.write({self._noted + side: "yes"})
            return
        pages = self._pages(_meeting(None, side), ["id", "metadata", "vector"], rows=self._wide)
        rows = ([self._indexed_row(row, side) for row in page] for page in pages)
        self._indices[side].build(rows, self.layout.widths[side])

    @override
    def indexed(self, side: Modality) -> bool:
        if self._session.file:
            return side in self._notes.read(self._noted)
        return self._indices[side].built()

    @override
    def compact(self) -> None:
        self._session.flush(self._rows)
        job = self._session.compact(self._rows)
        deadline = time.monotonic() + PATIENCE
        while not self._session.compacted(job):
            if time.monotonic() > deadline:
                raise StoreFailed(
                    f"Milvus at {self._session.place} did not finish compacting '{self.name}' within an hour."
                )
            time.sleep(0.1)
        for side in self.layout.widths:
            if self.indexed(side):
                self.build_index(side)

    @override
    def bytes(self) -> int:
        """Return about how much the table takes: its rows times the mean of some; Milvus does not tell more."""
        sample = self._session.query(self._rows, 'id > ""', [*PLAIN], limit=_SAMPLE)
        if not sample:
            return 0
        row = sum(map(size_of, sample)) // len(sample) + 4 * width_of(self.layout)
        copies = {side: index.count() for side, index in self._indices.items()}
        return self.count() * (row + sum(4 * self.layout.widths[side] * count for side, count in copies.items()))

    def _check_nearest(self, side: Modality, width: int, k: int) -> None:
        check_width(self.layout, side, width)
        if k > MOST_ROWS:
            raise BadSetting(f"Milvus returns up to {MOST_ROWS} items at once; got k={k}.")

    def _approximate(
        self, side: Modality, vectors: Float32[np.ndarray, "m d"], *, k: int, where: Condition | None, effort: int
    ) -> list[NearestItems]:
        """Return what the index proposes, so far as the table has it, in the table's own order."""
        limit, expression = min(k + _SPARE, MOST_ROWS), _meeting(where, side)
        named = self._indices[side].proposed(vectors, limit=limit, expression=expression_of(where), effort=effort)
        ids = list(dict.fromkeys(name for names in named for name in names))
        rows = {row["id"]: row for page in self._named(ids, ["id", "vector"], expression) for row in page}
        answers = []
        for vector, names in zip(vectors, named, strict=True):
            nearest = self._ranked(side, vector, [rows[name] for name in names if name in rows], k=k)
            if len(nearest.ids) < k:
                # a condition that few meet, or items removed since: the index found less than there is
                nearest = self._exact(side, vector, k=k, expression=expression)
            answers.append(nearest)
        return answers

    def _exact(self, side: Modality, vector: Float32[np.ndarray, " d"], *, k: int, expression: str) -> NearestItems:
        """Return the nearest by Milvus' scan, ranked again in double precision.

        As many are asked for as it takes until the last is less similar than the k-th, rounding included.
        """
        query = padded(side, vector, self.layout)
        limit = min(k + _SPARE, MOST_ROWS)
        while True:
            rows = self._scanned(query, limit, expression)
            nearest = self._ranked(side, vector, rows, k=k)
            if len(rows) < limit or limit == MOST_ROWS:
                return nearest
            last = min(row["similarity"] for row in rows)
            largest = max(abs(row["similarity"]) for row in rows)
            if last < nearest.similarities[-1] - _ROUNDING * largest:
                return nearest
            limit = min(2 * limit, MOST_ROWS)

    def _scanned(self, query: Float32[np.ndarray, " w"], limit: int, expression: str) -> list[dict[str, Any]]:
        fields = ["id", "vector"] if limit <= self._wide else ["id"]
        (hits,) = self._session.search(self._rows, [query], limit=limit, expression=expression, fields=fields)
        similar = {hit["id"]: hit["distance"] for hit in hits}
        if "vector" in fields:
            rows = [{"id": hit["id"], "vector": hit["entity"]["vector"]} for hit in hits]
        else:
            rows = [row for page in self._named(list(similar), ["id", "vector"]) for row in page]
        return [row | {"similarity": similar[row["id"]]} for row in rows]

    def _ranked(
        self, side: Modality, vector: Float32[np.ndarray, " d"], rows: Sequence[dict[str, Any]], *, k: int
    ) -> NearestItems:
        return ranked([row["id"] for row in rows], vectors_of(rows, place_of(side, self.layout)), vector, k=k)

    def _columns_with(self, items: Items) -> Columns:
        """Return columns, read anew where what is known of them lacks one that items have; none is ever taken away."""
        if not {name for metadata in items.metadata for name in metadata} <= self._kinds.keys():
            self._kinds = self.columns()
        return self._kinds

    def _indexed_row(self, row: dict[str, Any], side: Modality) -> dict[str, Any]:
        vector = np.asarray(row["vector"], np.float32)[place_of(side, self.layout)]
        return {"id": row["id"], "metadata": row["metadata"], "vector": vector}

    def _pages(
        self, expression: str, fields: Sequence[str], *, rows: int, limit: int | None = None
    ) -> Iterator[MilvusRows]:
        return pages_of(self._session, self._rows, expression, fields, rows=rows, limit=limit)

    def _named(self, ids: Sequence[str], fields: Sequence[str], expression: str = "") -> Iterator[MilvusRows]:
        rows = self._wide if "vector" in fields else MOST_ROWS
        return named_rows(self._session, self._rows, ids, fields, rows=rows, expression=expression)


def _meeting(where: Condition | None, side: Modality | None) -> str:
    return joined("and", expression_of(where), f"{presence(side)} == true" if side else "")
