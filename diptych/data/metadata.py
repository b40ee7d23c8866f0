"""Metadata: what becomes of the columns that a source has beside pictures and texts.

No item is left out for its metadata. A value that no column can hold is kept as text or left out, a column whose name
no filter could say gets the nearest one that it can, and each is said once as a remark.
"""

import datetime
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

ColumnValue = str | float | bool | tuple[str, ...]
Metadata = Mapping[str, ColumnValue]
Remark = Callable[[str], None]
"""Takes a sentence about a source, which may come many times and is to be shown once."""

RESERVED = frozenset(("id", "image", "file_name", "text", "texts", "split"))
"""Columns with a meaning of their own, which are not metadata."""
LARGEST = 2**53
"""The largest whole number that a column of numbers holds exactly."""
LONGEST_VALUE = 10_000
"""Characters that a list or an object may have as text; longer ones are left out."""

MOST_COLUMNS = 100
"""How many columns of metadata an item may have; the first ones count."""

_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-][0-9]+)?")
"""How programs write numbers; `00417`, `+49`, `1_000` and `12e5` are codes."""
_TRUTHS = {"true": True, "false": False}


class Numeral(float):
    """A number that knows how it was written, for a column that turns out to hold texts."""

    written: str

    @classmethod
    def of(cls, number: float, written: str) -> "Numeral":
        """Return a number written in a certain way."""
        numeral = cls(number)
        numeral.written = written
        return numeral


def column_name(name: str) -> str:
    """Return the name by which a column is kept and filters know it; empty if nothing of it can be a name.

    >>> column_name("photo credit"), column_name("file-size"), column_name("2nd"), column_name("Unnamed: 0")
    ('photo_credit', 'file_size', '_2nd', 'Unnamed_0')
    """
    words = "_".join(re.findall(r"\w+", name))
    words = f"_{words}" if words[:1].isdigit() else words
    return words if words.isidentifier() else ""


def metadata_of(row: Mapping[str, Any], columns: "CsvColumns", remark: Remark) -> Metadata:
    """Return the columns of a row that are metadata, as a collection keeps them; those without a value are missing."""
    kept: dict[str, ColumnValue] = {}
    for name, cell in row.items():
        if name in RESERVED or cell is None or cell == "":
            continue
        own = column_name(name)
        if not own or (own != name and (own in row or own in RESERVED or own in kept)):
            remark(f"the column {name!r} is left out: it cannot be kept under that name. Rename it to keep it.")
            continue
        if own != name:
            remark(f"the column {name!r} is kept as {own}, a name that filters can say.")
        value = _value(own, columns.read(name, cell), remark)
        if value is not None and len(kept) == MOST_COLUMNS:
            remark(f"items have more than {MOST_COLUMNS} columns: those after the first {MOST_COLUMNS} are left out.")
            break
        if value is not None:
            kept[own] = value
    return kept


def text_of(value: ColumnValue) -> str:
    """Return a value as text, a number as it was written."""
    if isinstance(value, Numeral):
        return value.written
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return value if isinstance(value, str) else json.dumps(list(value), ensure_ascii=False)


@dataclass(frozen=True)
class CsvColumns:
    """What the cells of a CSV file's columns mean; they are all texts, so it goes by the whole column."""

    numbers: frozenset[str] = frozenset()
    truths: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "CsvColumns":
        """Return which columns have numbers, or true and false, in every cell that is not empty."""
        numeric: dict[str, bool] = {}
        truths: dict[str, bool] = {}
        for row in rows:
            for name, cell in row.items():
                if isinstance(cell, str) and cell:
                    numeric[name] = numeric.get(name, True) and _is_number(cell)
                    truths[name] = truths.get(name, True) and cell.lower() in _TRUTHS
        return cls(frozenset(n for n, all_are in numeric.items() if all_are), frozenset(n for n in truths if truths[n]))

    def read(self, name: str, cell: Any) -> Any:
        """Return what a cell says."""
        if name in self.numbers:
            return Numeral.of(float(cell), cell)
        return _TRUTHS[cell.lower()] if name in self.truths else cell


def _is_number(cell: str) -> bool:
    plain = _PLAIN_NUMBER.fullmatch(cell) is not None
    return plain and isfinite(float(cell)) and (abs(float(cell)) <= LARGEST or not cell.lstrip("-").isdigit())


def _value(name: str, value: Any, remark: Remark) -> ColumnValue | None:
    """Return a cell as a column can hold it; None for no value, and for one that is left out."""
    match value:
        case bool() | str() | Numeral():
            return value
        case int() if abs(value) > LARGEST:
            remark(f"the column {name} holds whole numbers of over 15 digits: they are kept as text.")
            return str(value)
        case Decimal() if value.is_finite():
            return Numeral.of(float(value), str(value))
        case int() | float() | Decimal():
            number = float(value)
            if not isfinite(number) and not isnan(number):
                remark(f"the column {name} holds infinite numbers: they are left out.")
            return number if isfinite(number) else None
        case datetime.date() | datetime.time():
            return str(value.isoformat())
        case list() | tuple() if all(isinstance(each, str) for each in value):
            return tuple(value)
        case bytes():
            remark(f"the column {name} holds bytes: they are left out.")
            return None
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | tuple | dict) else str(value)
    if len(text) > LONGEST_VALUE:
        remark(f"the column {name} holds values of over {LONGEST_VALUE:,} characters as text: they are left out.")
        return None
    remark(f"the column {name} holds {_what(value)}: they are kept as text.")
    return text


def _what(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "lists that are not of texts alone"
    return "objects" if isinstance(value, dict) else f"values of the type {type(value).__name__}"
