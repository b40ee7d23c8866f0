"""Conditions as SQL over a `jsonb` column called `metadata`.

Whatever came from outside, names of columns included, is a bound parameter; the SQL itself is made of literals alone.
What an item lacks is NULL, and a leaf that is NULL counts as false, for no negation stands above a leaf.
"""

import json
import math
from typing import Any, NamedTuple

from diptych.index.conditions import ID, Absence, Comparison, Condition, Every, Membership, Operator, Some

ORDERED: dict[Operator, str] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Clause(NamedTuple):
    """A piece of SQL and what is bound to its placeholders."""

    sql: str
    parameters: tuple[Any, ...] = ()


EVERYTHING, NOTHING = Clause("true"), Clause("false")


def clause_of(condition: Condition | None) -> Clause:
    """Return a condition as SQL; none at all is met by everything.

    >>> clause_of(Comparison("year", "<", 2010.0))
    Clause(sql='(metadata->>%s::text)::float8 < %s::float8', parameters=('year', 2010.0))
    """
    match condition:
        case None:
            return EVERYTHING
        case Every(conditions):
            return _joined(" AND ", conditions)
        case Some(conditions):
            return _joined(" OR ", conditions)
        case Absence(column, negated):
            return _present(column) if negated else _negated(_present(column))
        case Membership(column, values, negated):
            return _unlike(column, _among(column, values)) if negated else _among(column, values)
    return _compared(condition)


def both(one: Clause, other: Clause) -> Clause:
    """Return the clause that wants two at once."""
    return Clause(f"({one.sql}) AND ({other.sql})", one.parameters + other.parameters)


def _joined(word: str, conditions: tuple[Condition, ...]) -> Clause:
    parts = [clause_of(condition) for condition in conditions]
    parameters = tuple(value for part in parts for value in part.parameters)
    return Clause(word.join(f"({part.sql})" for part in parts), parameters)


def _negated(clause: Clause) -> Clause:
    return Clause(f"NOT ({clause.sql})", clause.parameters)


def _present(column: str) -> Clause:
    return EVERYTHING if column == ID else Clause("metadata ? %s::text", (column,))


def _unlike(column: str, clause: Clause) -> Clause:
    """Return the opposite of a clause, of items that have the column."""
    return both(_present(column), _negated(clause))


def _compared(comparison: Comparison) -> Clause:
    column, value = comparison.column, comparison.value
    if comparison.operator == "=":
        return _equal(column, value)
    if comparison.operator == "!=":
        return _unlike(column, _equal(column, value))
    sign = ORDERED[comparison.operator]
    if column == ID:
        return Clause(f"id {sign} %s::text", (value,))
    if isinstance(value, str):
        return Clause(f'(metadata->>%s::text) COLLATE "C" {sign} %s::text', (column, value))
    return Clause(f"(metadata->>%s::text)::float8 {sign} %s::float8", (column, value))


def _equal(column: str, value: str | float | bool) -> Clause:
    """Return that a cell is a value or, where it is a list, has it as an entry; an index helps with both."""
    if column == ID:
        return Clause("id = %s::text", (value,))
    if not isinstance(value, str) and not math.isfinite(value):
        return _among(column, (value,))
    cell = Clause("metadata @> %s::jsonb", (json.dumps({column: value}),))
    if not isinstance(value, str):
        return cell
    entry = json.dumps({column: [value]})
    return Clause(f"{cell.sql} OR metadata @> %s::jsonb", (*cell.parameters, entry))


def _among(column: str, values: tuple[str | float | bool, ...]) -> Clause:
    if column == ID:
        return Clause("id = ANY(%s::text[])", (list(values),))
    if all(isinstance(value, str) for value in values):
        return Clause("metadata->%s::text ?| %s::text[]", (column, list(values)))
    kind = "boolean" if isinstance(values[0], bool) else "float8"
    return Clause(f"(metadata->>%s::text)::{kind} = ANY(%s::{kind}[])", (column, list(values)))
