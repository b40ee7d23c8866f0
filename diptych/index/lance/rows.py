"""Items as rows of a Lance table, and back.

The table's own columns are `id`, `content`, `image`, `texts` and, for each side, `image_vector` and `text_vector`; a
column of metadata is `metadata_NAME`, of the type of its kind. What an item lacks is NULL.
"""

import uuid
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from diptych.index.conditions import Columns, Kind
from diptych.index.contract import Layout
from diptych.index.items import Items, ItemVectors
from diptych.index.lance.conditions import column_of
from diptych.index.refusals import check_items, in_precision
from diptych.modality import MODALITIES, Modality

TYPES: dict[Kind, pa.DataType] = {
    "text": pa.utf8(),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "texts": pa.list_(pa.utf8()),
}
TEXTS = "texts"
PLAIN = ("id", "content", "image", TEXTS)
BIRTH = b"diptych.birth"
"""Where a table's schema keeps a word of its own, by which it is told from a later one of the same name."""


def vector_column(side: Modality) -> str:
    """Return the column that holds the vectors of a side."""
    return f"{side}_vector"


def schema_of(layout: Layout) -> pa.Schema:
    """Return the schema of a new table."""
    number = pa.float16() if layout.half else pa.float32()
    plain = [
        pa.field("id", pa.utf8(), nullable=False),
        pa.field("content", pa.utf8(), nullable=False),
        pa.field("image", pa.utf8()),
        pa.field("texts", TYPES["texts"], nullable=False),
    ]
    sides = [pa.field(vector_column(side), pa.list_(number, width)) for side, width in layout.widths.items()]
    return pa.schema([*plain, *sides], metadata={BIRTH: uuid.uuid4().hex.encode()})


def layout_of(schema: pa.Schema) -> Layout:
    """Return what a table was made for."""
    types = {side: schema.field(vector_column(side)).type for side in MODALITIES if vector_column(side) in schema.names}
    half = any(kind.value_type == pa.float16() for kind in types.values())
    return Layout({side: kind.list_size for side, kind in types.items()}, half=half)


def columns_of(schema: pa.Schema) -> Columns:
    """Return the columns of metadata, by name."""
    kinds = {pa.types.is_string: "text", pa.types.is_floating: "number", pa.types.is_boolean: "truth"}
    prefix = column_of("")
    return {
        field.name.removeprefix(prefix): next((k for holds, k in kinds.items() if holds(field.type)), "texts")  # type: ignore[misc]
        for field in schema
        if field.name.startswith(prefix)
    }


def fields_of(columns: Columns) -> pa.Schema:
    """Return the schema of new columns of metadata."""
    return pa.schema([pa.field(column_of(name), TYPES[kind]) for name, kind in columns.items()])


def rows_of(items: Items, schema: pa.Schema) -> pa.Table:
    """Return items as rows of a table, every column of it filled or NULL."""
    columns, layout = columns_of(schema), layout_of(schema)
    check_items(items, layout, columns)
    arrays = {name: pa.array(getattr(items, f"{name}s"), pa.utf8()) for name in ("id", "content", "image")}
    arrays["texts"] = pa.array(items.texts, TYPES["texts"])
    for name, kind in columns.items():
        arrays[column_of(name)] = pa.array([metadata.get(name) for metadata in items.metadata], TYPES[kind])
    for side in layout.widths:
        arrays[vector_column(side)] = _vector_array(items, side, schema.field(vector_column(side)).type)
    return pa.table(arrays, schema=schema)


def items_of(rows: pa.Table, sides: Sequence[Modality]) -> Items:
    """Return the items that some rows hold, with the vectors of some sides."""
    plain = {name: rows.column(name).to_pylist() for name in PLAIN}
    columns = {name: rows.column(column_of(name)).to_pylist() for name in columns_of(rows.schema)}
    metadata = tuple(
        {name: tuple(cells[row]) if isinstance(cells[row], list) else cells[row] for name, cells in columns.items()
         if cells[row] is not None}
        for row in range(rows.num_rows)
    )  # fmt: skip
    return Items(
        tuple(plain["id"]),
        tuple(plain["content"]),
        tuple(plain["image"]),
        tuple(tuple(texts) for texts in plain["texts"]),
        metadata,
        {side: vectors_of(rows.column(vector_column(side))) for side in sides},
    )


def vectors_of(column: pa.ChunkedArray | pa.FixedSizeListArray) -> ItemVectors:
    """Return a column of vectors in single precision, those that are NULL as zeros."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    width = array.type.list_size
    vectors = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, width).astype(np.float32, copy=False)
    if array.null_count == 0:
        return ItemVectors(vectors, np.ones(len(array), dtype=bool))
    present = array.is_valid().to_numpy(zero_copy_only=False)
    rows = np.zeros((len(array), width), dtype=np.float32)
    rows[present] = vectors
    return ItemVectors(rows, present)


def _vector_array(items: Items, side: Modality, kind: pa.DataType) -> pa.Array:
    """Return the vectors of a side, in the table's precision, NULL where an item has none."""
    vectors = items.vectors.get(side)
    if vectors is None or not vectors.present.any():
        return pa.nulls(len(items), kind)
    numbers = in_precision(side, vectors, half=kind.value_type == pa.float16())
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers.ravel()), kind.list_size, mask=pa.array(~vectors.present))
