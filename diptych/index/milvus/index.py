"""The approximate index of one side: a copy of its vectors in a collection of its own, under HNSW.

In Milvus a field has one index, and whatever has any but `FLAT` is searched approximately even where the index is told
to look everywhere: new rows go through an interim index that only the server's settings tame (recall .85 as it comes).
So the table's own vectors stay under `FLAT`, which is exact, and what is approximate is kept apart. It only proposes:
the table decides which of the proposed items there are, and how near.
"""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from jaxtyping import Float32

from diptych.index.milvus.conditions import id_among
from diptych.index.milvus.rows import messages_of
from diptych.index.milvus.sessions import (
    PATIENCE,
    NoSuchCollection,
    Session,
    json_field,
    schema_of,
    text_field,
    vector_field,
)
from diptych.modality import Modality

_LINKS, _BREADTH = 16, 200
"""HNSW's M and efConstruction."""
_TOKEN = 8


class MilvusIndex:
    """Collections `NAME__SIDEXXXXXXXX_TABLE`, one for each time it was built; `NAME__SIDE_TABLE` means the last one."""

    def __init__(self, session: Session, *, collection: str, table: str, side: Modality) -> None:
        self._session = session
        self._start, self._end = f"{collection}__{side}", f"_{table}"
        self._alias = self._start + self._end

    def built(self) -> bool:
        """Return whether there is one to search."""
        return self._session.has(self._alias)

    def build(self, rows: Iterable[Sequence[dict[str, Any]]], width: int) -> None:
        """Build it anew from rows of `id`, `metadata` and `vector`; the old one serves until it is replaced.

        What is written meanwhile goes into both, save for a write that is under way at this moment; the next
        `build` finds that.
        """
        old = self._generations()
        new = f"{self._start}{uuid.uuid4().hex[:_TOKEN]}{self._end}"
        fields = (text_field("id", 512), json_field("metadata"), vector_field(max(2, width)))
        self._session.create(new, schema_of(*fields))
        for block in rows:
            for message in messages_of(block):
                self._session.upsert(new, message)
        self._session.flush(new)
        self._session.load(new, "HNSW", seconds=PATIENCE, M=_LINKS, efConstruction=_BREADTH)
        self._session.name_again(new, self._alias)
        for name in old:
            self._session.drop(name)

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Put rows in wherever the index is, or is being built."""
        for name in self._generations() if rows else ():
            # one that was replaced just now is gone
            with suppress(NoSuchCollection):
                for message in messages_of(rows):
                    self._session.upsert(name, message)

    def remove(self, ids: Sequence[str]) -> None:
        """Take ids out wherever the index is, or is being built."""
        for name in self._generations() if ids else ():
            with suppress(NoSuchCollection):
                self._session.delete(name, id_among(list(ids)))

    def proposed(
        self, vectors: Float32[np.ndarray, "m d"], *, limit: int, expression: str, effort: int
    ) -> list[list[str]]:
        """Return for each vector the ids that seem nearest."""
        answers = self._session.search(
            self._alias, list(vectors), limit=limit, expression=expression, fields=["id"], ef=max(effort, limit)
        )
        return [[hit["id"] for hit in hits] for hits in answers]

    def drop(self) -> None:
        """Remove it, and what a build that was cut off has left."""
        self._session.forget_alias(self._alias)
        for name in self._generations():
            self._session.drop(name)

    def count(self) -> int:
        """Return how many copies there are of each vector."""
        return len(self._generations())

    def _generations(self) -> list[str]:
        length = len(self._start) + _TOKEN + len(self._end)
        return [
            name
            for name in self._session.names()
            if len(name) == length and name.startswith(self._start) and name.endswith(self._end)
        ]
