"""The checks of every store: items and queries that do not fit their table are refused."""

import numpy as np
from jaxtyping import Float16, Float32

from diptych.errors import BadFeature, BadSetting, ShapeMismatch
from diptych.index.conditions import Columns
from diptych.index.contract import Layout
from diptych.index.items import Items, ItemVectors
from diptych.modality import Modality


class MissingColumn(BadSetting):
    """A table lacks a column of metadata that items have."""


def check_items(items: Items, layout: Layout, columns: Columns) -> None:
    """Refuse metadata for which a table has no column, and vectors of another width or of a side it does not keep."""
    if unknown := sorted({name for metadata in items.metadata for name in metadata} - set(columns)):
        raise MissingColumn(
            f"the table has no metadata column '{unknown[0]}'. Add it before you upsert items that have one."
        )
    for side, vectors in items.vectors.items():
        if vectors.present.any():
            check_width(layout, side, vectors.rows.shape[1])


def check_width(layout: Layout, side: Modality, width: int) -> None:
    """Refuse vectors that are not as wide as a table's of a side."""
    if layout.widths.get(side) != width:
        widths = ", ".join(f"{number} numbers ({side})" for side, number in layout.widths.items())
        raise ShapeMismatch(
            f"vectors of this table have {widths}; got {side} vectors of {width}. That is another model's width."
        )


def new_columns(columns: Columns, others: Columns) -> Columns:
    """Return the columns that a table lacks; one that holds another kind is refused."""
    for name, kind in others.items():
        if columns.get(name, kind) != kind:
            raise BadSetting(f"the column '{name}' holds {columns[name]}; got {kind}. Give it another name.")
    return {name: kind for name, kind in others.items() if name not in columns}


def in_precision(
    side: Modality, vectors: ItemVectors, *, half: bool
) -> Float16[np.ndarray, "n d"] | Float32[np.ndarray, "n d"]:
    """Return vectors in the precision of a table, where they are finite in it."""
    with np.errstate(over="ignore"):
        numbers = vectors.rows.astype(np.float16 if half else np.float32, copy=False)
    if not np.isfinite(numbers[vectors.present]).all():
        raise BadFeature(
            f"the {side} vectors of some items are not finite in the {numbers.dtype} of this table. "
            "Scale them down, or check their inputs for NaN."
        )
    return numbers
