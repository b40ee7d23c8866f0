"""Conditions on an item's metadata, the same for every store.

A condition is a small tree: comparisons as its leaves, `Every` and `Some` above them. There is no negation: the parser
(`diptych.index.filters`) moves it down to the leaves, each of which has its `opposite`. Every leaf but `Absence` is
false where the item has no such column, so `year != 2010` and `not year = 2010` both leave out what has no year.

On a column of lists `=` asks whether some entry is equal, `!=` whether none is; `Membership` likewise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import ge, gt, le, lt
from typing import Literal

Kind = Literal["text", "number", "truth", "texts"]
"""The kind of a column of metadata: a text, a number (double precision), yes or no, or a list of texts."""

Value = str | float | bool | tuple[str, ...]
"""One cell of metadata, of the column's kind."""

Columns = Mapping[str, Kind]
"""The columns of metadata that a table has, by name; names are identifiers (letters, digits and `_`)."""

ID = "id"
"""The item's id, a text, which conditions may name like a column."""

Operator = Literal["=", "!=", "<", "<=", ">", ">="]

OPPOSITES: dict[Operator, Operator] = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""The negation of each operator."""


@dataclass(frozen=True)
class Comparison:
    """A column against a value of its kind; lists know `=` and `!=` only, and so do yes and no."""

    column: str
    operator: Operator
    value: str | float | bool


@dataclass(frozen=True)
class Membership:
    """A column against several values: equal to one of them or, negated, to none."""

    column: str
    values: tuple[str | float | bool, ...]
    negated: bool = False


@dataclass(frozen=True)
class Absence:
    """Whether an item lacks a column or, negated, has it."""

    column: str
    negated: bool = False


@dataclass(frozen=True)
class Every:
    """All of some conditions; there is at least one."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True)
class Some:
    """At least one of some conditions; there is at least one."""

    conditions: tuple["Condition", ...]


Condition = Comparison | Membership | Absence | Every | Some


def opposite(condition: Condition) -> Condition:
    """Return the condition that an item meets exactly if it does not meet this one, given the columns named."""
    match condition:
        case Every(conditions):
            return Some(tuple(opposite(part) for part in conditions))
        case Some(conditions):
            return Every(tuple(opposite(part) for part in conditions))
        case Comparison(operator=operator):
            return replace(condition, operator=OPPOSITES[operator])
    return replace(condition, negated=not condition.negated)


def holds(condition: Condition, metadata: Mapping[str, Value], item_id: str) -> bool:
    """Return whether an item meets a condition; texts are ordered by code points.

    >>> holds(Comparison("year", ">", 2010.0), {"year": 2012.0}, "a")
    True
    >>> holds(Comparison("year", "!=", 2010.0), {}, "a")
    False
    """
    match condition:
        case Every(conditions):
            return all(holds(part, metadata, item_id) for part in conditions)
        case Some(conditions):
            return any(holds(part, metadata, item_id) for part in conditions)
    cell = item_id if condition.column == ID else metadata.get(condition.column)
    if isinstance(condition, Absence):
        return (cell is None) is not condition.negated
    if cell is None:
        return False
    if isinstance(condition, Membership):
        entries = cell if isinstance(cell, tuple) else (cell,)
        return any(entry in condition.values for entry in entries) is not condition.negated
    return _compares(cell, condition)


def _compares(cell: Value, comparison: Comparison) -> bool:
    if comparison.operator in ("=", "!="):
        equal = comparison.value in cell if isinstance(cell, tuple) else cell == comparison.value
        return equal is (comparison.operator == "=")
    ordered = {"<": lt, "<=": le, ">": gt, ">=": ge}[comparison.operator]
    return bool(ordered(cell, comparison.value))
