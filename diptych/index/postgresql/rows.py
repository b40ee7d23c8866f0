"""Items as rows of PostgreSQL, and rows as items."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from diptych.errors import BadText
from diptych.index.conditions import Value
from diptych.index.items import Items, ItemVectors
from diptych.index.postgresql.packages import Jsonb
from diptych.index.postgresql.vectors import VectorColumn

PARTS = {"id": "text", "content": "text", "image": "text", "texts": "text[]", "metadata": "jsonb"}
"""The columns that every table has before its vectors, with their types."""


def rows_of(items: Items, columns: Sequence[VectorColumn]) -> Iterator[tuple[Any, ...]]:
    """Yield each item's parts, then its vectors as binary `COPY` carries them; a side it lacks is None."""
    vectors = [_packed(column, items) for column in columns]
    for item_id, content, image, texts, metadata, *cells in zip(
        items.ids, items.contents, items.images, items.texts, items.metadata, *vectors, strict=True
    ):
        _refuse_nul(item_id, image, texts, metadata)
        yield (item_id, content, image, list(texts), Jsonb(dict(metadata)), *cells)


def items_of(rows: Sequence[tuple[Any, ...]], columns: Sequence[VectorColumn]) -> Items:
    """Return items from rows of their parts and then of the vectors asked for, as `VectorColumn.sent` gives them."""
    parts: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * (len(PARTS) + len(columns))
    ids, contents, images, texts, metadata, *vectors = parts
    return Items(
        ids,
        contents,
        images,
        tuple(tuple(some) for some in texts),
        tuple({name: _cell(value) for name, value in some.items()} for some in metadata),
        {column.side: _vectors(column, cells) for column, cells in zip(columns, vectors, strict=True)},
    )


def _packed(column: VectorColumn, items: Items) -> list[bytes | None]:
    vectors = items.vectors.get(column.side)
    if vectors is None or not vectors.present.any():
        return [None] * len(items)
    return column.packed(vectors)


def _vectors(column: VectorColumn, cells: Sequence[bytes | None]) -> ItemVectors:
    return ItemVectors(column.stacked(cells), np.array([cell is not None for cell in cells], np.bool_))


def _cell(value: Any) -> Value:
    """Return a cell of metadata as its kind has it, from JSON, where a whole number has lost its point."""
    match value:
        case list():
            return tuple(value)
        case bool() | str():
            return value
    return float(value)


def _refuse_nul(item_id: str, image: str | None, texts: Sequence[str], metadata: Mapping[str, Value]) -> None:
    cells = [cell if isinstance(cell, tuple) else (cell,) for cell in metadata.values()]
    words = [image, *texts, *(word for cell in cells for word in cell)]
    if any(isinstance(word, str) and "\0" in word for word in words):
        raise BadText(f"item '{item_id}' holds a NUL character, which PostgreSQL cannot store. Remove it.")
