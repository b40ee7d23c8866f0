"""Conditions as the SQL that Lance understands, in which what an item lacks is NULL."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from diptych.errors import BadSetting
from diptych.index.conditions import ID, Absence, Columns, Comparison, Condition, Every, Membership, Some

DEEPEST = 40
"""Depth that is surely read, of the 50 at which Lance's parser stops, its own steps included; no filter gets there."""


def column_of(name: str) -> str:
    """Return the table's column for a column of metadata, so named that it meets none of the table's own."""
    return f"metadata_{name}"


def sql_of(condition: Condition, columns: Columns) -> str:
    """Return a condition as SQL; a column that the table lacks is one that every item lacks.

    Lance reads SQL to a certain depth only, where what stands first goes deepest: so the deepest part is put first, and
    no parenthesis stands that need not. A condition that is too deep all the same is a `BadSetting`.

    >>> sql_of(Comparison("year", ">", 2010.0), {"year": "number"})
    '`metadata_year` > 2010.0'
    >>> sql_of(Membership("tags", ("it's", "b"), negated=True), {"tags": "texts"})
    "NOT array_has_any(`metadata_tags`, make_array('it''s', 'b'))"
    """
    clause = _clause(condition, columns)
    if clause.depth > DEEPEST:
        raise BadSetting(
            f"Lance accepts conditions up to a depth of {DEEPEST}; this one has {clause.depth}. Nest it less deeply."
        )
    return clause.sql


def every(clauses: Iterable[str]) -> str:
    """Return the SQL that wants all of some clauses."""
    return " AND ".join(f"({clause})" for clause in clauses)


def among(column: str, values: Sequence[str | float | bool]) -> str:
    """Return the SQL that wants one of some values."""
    return f"{column} IN ({_listed(values)})"


def literal(value: str | float | bool) -> str:
    r"""Return a value as SQL; within single quotes only the single quote is special, and is doubled.

    >>> print(literal("it's 100% \\ safe"), literal(True), literal(2010.0), literal(float("-inf")))
    'it''s 100% \ safe' true 2010.0 CAST('-inf' AS DOUBLE)
    """
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(float(value)) if math.isfinite(value) else f"CAST('{float(value)}' AS DOUBLE)"


class _Clause(NamedTuple):
    """A piece of SQL."""

    sql: str
    depth: int = 0
    """How deep Lance's parser goes: a step for every parenthesis, and for what is not the first of its kind."""


def _clause(condition: Condition, columns: Columns) -> _Clause:
    match condition:
        case Every(conditions):
            # AND binds more tightly than OR
            parts = [_enclosed(_clause(part, columns), wanted=isinstance(part, Some)) for part in conditions]
            return _joined(" AND ", parts)
        case Some(conditions):
            return _joined(" OR ", [_clause(part, columns) for part in conditions])
    if condition.column != ID and condition.column not in columns:
        return _Clause("true" if isinstance(condition, Absence) and not condition.negated else "false")
    cell = "`id`" if condition.column == ID else f"`{column_of(condition.column)}`"
    if isinstance(condition, Absence):
        return _Clause(f"{cell} IS {'NOT ' if condition.negated else ''}NULL")
    listed = columns.get(condition.column) == "texts" and condition.column != ID
    return _Clause(_any_entry(cell, condition) if listed else _whole_cell(cell, condition))


def _enclosed(clause: _Clause, *, wanted: bool) -> _Clause:
    return _Clause(f"({clause.sql})", clause.depth + 1) if wanted else clause


def _joined(word: str, clauses: Sequence[_Clause]) -> _Clause:
    ordered = sorted(clauses, key=lambda clause: clause.depth, reverse=True)
    depth = max(clause.depth + (place > 0) for place, clause in enumerate(ordered))
    return _Clause(word.join(clause.sql for clause in ordered), depth)


def _listed(values: Sequence[str | float | bool]) -> str:
    return ", ".join(literal(value) for value in values)


def _whole_cell(cell: str, condition: Comparison | Membership) -> str:
    if isinstance(condition, Membership):
        return f"{'NOT ' if condition.negated else ''}{among(cell, condition.values)}"
    return f"{cell} {condition.operator} {literal(condition.value)}"


def _any_entry(cell: str, condition: Comparison | Membership) -> str:
    if isinstance(condition, Membership):
        values, negated = condition.values, condition.negated
    else:
        values, negated = (condition.value,), condition.operator == "!="
    return f"{'NOT ' if negated else ''}array_has_any({cell}, make_array({_listed(values)}))"
