"""Items as rows of Milvus, and back.

Both sides' vectors stand in one field, one after the other, for Milvus 2.3 has one vector in a row: a query is padded
with zeros where the other side stands, which leaves the inner product as it is. An item is one row, written at once.
It has no half precision either: vectors of a table that asks for it are rounded to it, and take as much room as ever.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from diptych.errors import BadSetting, StoreFailed
from diptych.index.conditions import Value
from diptych.index.contract import Layout
from diptych.index.items import Items, ItemVectors
from diptych.index.milvus.sessions import MESSAGE, json_field, schema_of, text_field, truth_field, vector_field
from diptych.index.refusals import in_precision
from diptych.modality import MODALITIES, Modality

PLAIN = ("id", "content", "item", "metadata")
"""Fields of a row that every layout has."""
_NARROWEST, _WIDEST = 2, 32_768
"""Numbers in a vector of Milvus."""
_JSON = 65_536
"""Bytes in a JSON field of Milvus."""


def schema_for(layout: Layout) -> Any:
    """Return the Milvus schema of a table's rows."""
    texts = [text_field("id", 512), text_field("content")]
    truths = [truth_field(presence(side)) for side in layout.widths]
    return schema_of(*texts, json_field("item"), json_field("metadata"), *truths, vector_field(width_of(layout)))


def presence(side: Modality) -> str:
    """Return the field that says whether an item has a side."""
    return f"has_{side}"


def width_of(layout: Layout) -> int:
    """Return how many numbers a row's vector has."""
    width = max(_NARROWEST, sum(layout.widths.values()))
    if width > _WIDEST:
        raise BadSetting(f"Milvus stores up to {_WIDEST} numbers per item, over all sides; got {width}.")
    return width


def place_of(side: Modality, layout: Layout) -> slice:
    """Return where a side stands in a row's vector."""
    before = MODALITIES[: MODALITIES.index(side)]
    start = sum(layout.widths.get(other, 0) for other in before)
    return slice(start, start + layout.widths[side])


def padded(side: Modality, vector: Float32[np.ndarray, " d"], layout: Layout) -> Float32[np.ndarray, " w"]:
    """Return a vector of one side as one of a row, zero elsewhere."""
    whole = np.zeros(width_of(layout), np.float32)
    whole[place_of(side, layout)] = vector
    return whole


def rows_of(items: Items, layout: Layout) -> list[dict[str, Any]]:
    """Return items as rows; what Milvus has no room for is a `StoreFailed`."""
    vectors = np.zeros((len(items), width_of(layout)), np.float32)
    for side, side_vectors in items.vectors.items():
        if side_vectors.present.any():
            vectors[:, place_of(side, layout)] = in_precision(side, side_vectors, half=layout.half)
    has = {
        presence(side): items.vectors[side].present.tolist() if side in items.vectors else [False] * len(items)
        for side in layout.widths
    }
    return [
        {
            "id": items.ids[row],
            "content": items.contents[row],
            "item": _fitting(items.ids[row], {"image": items.images[row], "texts": items.texts[row]}),
            "metadata": _fitting(items.ids[row], {name: _plain(v) for name, v in items.metadata[row].items()}),
            **{name: truths[row] for name, truths in has.items()},
            "vector": vectors[row],
        }
        for row in range(len(items))
    ]


def messages_of(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """Yield rows, as many at a time as go into a message."""
    size, start = 0, 0
    for row, fields in enumerate(rows):
        more = size_of(fields)
        if size and size + more > MESSAGE:
            yield rows[start:row]
            size, start = 0, row
        size += more
    yield rows[start:]


def size_of(row: Mapping[str, Any]) -> int:
    """Return about how many bytes a row takes."""
    return sum(
        len(value.encode()) if isinstance(value, str) else 4 * len(value) if name == "vector" else _length(value)
        for name, value in row.items()
    )


def items_of(rows: Sequence[Mapping[str, Any]], layout: Layout, sides: Sequence[Modality]) -> Items:
    """Return rows as items, with the vectors of some sides."""
    return Items(
        tuple(row["id"] for row in rows),
        tuple(row["content"] for row in rows),
        tuple(row["item"]["image"] for row in rows),
        tuple(tuple(row["item"]["texts"]) for row in rows),
        tuple({name: _value(value) for name, value in row["metadata"].items()} for row in rows),
        {side: ItemVectors(vectors_of(rows, place_of(side, layout)), _present(rows, side)) for side in sides},
    )


def vectors_of(rows: Sequence[Mapping[str, Any]], place: slice) -> Float32[np.ndarray, "n d"]:
    """Return one side of the rows' vectors."""
    if not rows:
        return np.zeros((0, place.stop - place.start), np.float32)
    return np.asarray([row["vector"] for row in rows], np.float32)[:, place]


def _present(rows: Sequence[Mapping[str, Any]], side: Modality) -> Any:
    return np.array([row[presence(side)] for row in rows], bool)


def _plain(value: Value) -> Any:
    """Return a value as Milvus keeps it: numbers in double precision, whole ones too."""
    return value if isinstance(value, str | bool | tuple) else float(value)


def _value(value: Any) -> Value:
    plain: Value = tuple(value) if isinstance(value, list) else value
    return plain


def _length(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _fitting(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if (size := _length(value)) > _JSON:
        raise StoreFailed(
            f"Milvus stores up to {_JSON} bytes of texts and as many of metadata per item; '{name}' has {size}. "
            "Shorten them, or choose another store."
        )
    return value
