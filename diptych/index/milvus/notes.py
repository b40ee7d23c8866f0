"""The small things a collection knows, kept in Milvus as rows of a key and a text."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from diptych.index.milvus.conditions import quoted
from diptych.index.milvus.sessions import NoSuchCollection, Session, schema_of, text_field, vector_field

_PIECE = 60_000
"""Characters of a record in one row; a text of Milvus ends at 65,535 bytes."""
_RECORD = "record/"
_WIDTH = 2
"""Milvus wants a vector in each row, if only this one."""


class Notes:
    """Texts by key, in a Milvus collection that is made when the first is written."""

    def __init__(self, session: Session, collection: str) -> None:
        self._session = session
        self._collection = collection

    def read(self, folder: str) -> dict[str, str]:
        """Return the texts whose keys begin with `folder`, which ends in a slash, by the rest of their keys."""
        if not self._session.has(self._collection):
            return {}
        self._session.load(self._collection, "FLAT")
        try:
            rows = self._session.query(self._collection, _inside(folder), ["key", "value"])
        except NoSuchCollection:
            return {}
        return {row["key"].removeprefix(folder): row["value"] for row in sorted(rows, key=lambda row: row["key"])}

    def write(self, texts: Mapping[str, str]) -> None:
        """Put texts in by key, all at once."""
        self._prepare()
        rows = [{"key": key, "value": value, "vector": [0.0] * _WIDTH} for key, value in texts.items()]
        self._session.upsert(self._collection, rows)

    def remove(self, keys: Iterable[str]) -> None:
        """Take out texts by key."""
        if named := ", ".join(quoted(key) for key in keys):
            self._session.delete(self._collection, f"key in [{named}]")

    def record(self) -> dict[str, Any] | None:
        """Return the newest record that was written, or None."""
        pieces = self.read(_RECORD)
        if not pieces:
            return None
        newest = max(pieces).rpartition("/")[0]
        whole = "".join(text for key, text in pieces.items() if key.startswith(f"{newest}/"))
        record: dict[str, Any] = json.loads(whole)
        return record

    def remember(self, record: Mapping[str, Any]) -> None:
        """Replace the record.

        Its pieces go in at once, under a number above all others, which is what switches; then the old ones go.
        """
        old = self.read(_RECORD)
        number = 1 + max((int(key.partition("-")[0]) for key in old), default=0)
        text = json.dumps(dict(record))
        starts = range(0, len(text), _PIECE)
        new = f"{_RECORD}{number:012d}-{uuid.uuid4().hex}/"
        self.write({f"{new}{part:06d}": text[start : start + _PIECE] for part, start in enumerate(starts)})
        self.remove(_RECORD + key for key in old)

    def drop(self) -> None:
        """Remove everything."""
        self._session.drop(self._collection)

    def _prepare(self) -> None:
        if not self._session.has(self._collection):
            schema = schema_of(text_field("key", 1024), text_field("value"), vector_field(_WIDTH))
            self._session.create(self._collection, schema)
        self._session.load(self._collection, "FLAT")


def _inside(folder: str) -> str:
    end = folder[:-1] + chr(ord(folder[-1]) + 1)
    return f"key >= {quoted(folder)} and key < {quoted(end)}"
