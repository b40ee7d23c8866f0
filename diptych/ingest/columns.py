"""Fits the metadata of items to the columns that a table has; no item is left out for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from diptych.data.metadata import Numeral, text_of
from diptych.index.conditions import Columns, Kind, Value

MOST_COLUMNS_IN_ALL = 500
"""How many columns of metadata the items of a collection may have together."""

_KINDS: dict[type, Kind] = {bool: "truth", str: "text", tuple: "texts"}
_SPELT: dict[Kind, str] = {
    "text": "texts", "number": "numbers", "truth": "true and false", "texts": "lists of texts",
}  # fmt: skip


class FittedMetadata(NamedTuple):
    """The metadata of some items as a table can hold it."""

    metadata: tuple[Mapping[str, Value], ...]
    new: Columns
    """Columns that the table lacks."""
    remarks: tuple[str, ...]
    """What became of values of another kind than their column's, a sentence for each column."""


def kind_of(value: Value) -> Kind:
    """Return the kind of column that holds a value.

    >>> kind_of(True), kind_of(2010.0), kind_of(("dog", "cat"))
    ('truth', 'number', 'texts')
    """
    return next((kind for form, kind in _KINDS.items() if isinstance(value, form)), "number")


def fit_to_columns(items: Sequence[Mapping[str, Value]], columns: Columns) -> FittedMetadata:
    """Return the metadata of items for a table with these columns; the first value of a new one decides its kind."""
    new: dict[str, Kind] = {}
    remarks: dict[str, None] = {}
    fitted = []
    for metadata in items:
        values: dict[str, Value | None] = {}
        for name, value in metadata.items():
            if name not in columns and name not in new and len(columns) + len(new) >= MOST_COLUMNS_IN_ALL:
                remarks.setdefault(f"the collection has {MOST_COLUMNS_IN_ALL} columns: further ones are left out.")
                continue
            kind = columns.get(name) or new.setdefault(name, kind_of(value))
            values[name] = _fitted(name, value, kind, remarks.setdefault)
        fitted.append({name: value for name, value in values.items() if value is not None})
    return FittedMetadata(tuple(fitted), new, tuple(remarks))


def _fitted(name: str, value: Value, kind: Kind, remark: Callable[[str], None]) -> Value | None:
    """Return a value as a column of some kind holds it: as text, or as the only one of a list, else None."""
    if kind_of(value) == kind:
        return float(value) if isinstance(value, Numeral) else value
    if kind == "text":
        remark(f"the column {name} holds texts in this collection: its other values are kept as text.")
        return text_of(value)
    if kind == "texts" and isinstance(value, str):
        return (value,)
    remark(f"the column {name} holds {_SPELT[kind]} in this collection: its other values are left out.")
    return None
