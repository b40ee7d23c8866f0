"""Conditions as Milvus' boolean expressions over a JSON field called `metadata`.

Milvus has no bound parameters that all its versions know, so that values go through `quoted`. A comparison with `==`
or `<` is false where the key is missing and its opposite is true there, so that every negated leaf asks for the key
first. A text is compared, and looked for in a list, at once: of the two, the one that does not fit the kind is false.
"""

import operator
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import accumulate
from math import isinf

from diptych.index.conditions import ID, Absence, Comparison, Condition, Every, Membership, Operator, Some

EVERYTHING = ""
"""The expression that everything meets."""

_NEVER = f'{ID} == ""'
"""The expression that nothing meets."""

_HOLDS: dict[Operator, Callable[..., bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
"""What Milvus and milvus-lite both want escaped, and in the way both understand; all else may stand as it is."""


def quoted(value: str | float | bool) -> str:
    r"""Return a value as a literal of an expression.

    >>> print(quoted('a "b" \\ 100%'), quoted(2010.0), quoted(True))
    "a \"b\" \\ 100%" 2010.0 true
    """
    match value:
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case bool():
            return str(value).lower()
    return repr(float(value))


def expression_of(condition: Condition | None) -> str:
    """Return a condition as an expression; none at all is met by everything.

    >>> expression_of(Comparison("year", "<", 2010.0))
    'metadata["year"] < 2010.0'
    """
    match condition:
        case None:
            return EVERYTHING
        case Every(conditions):
            return joined("and", *(expression_of(part) for part in conditions))
        case Some(conditions):
            return joined("or", *(expression_of(part) for part in conditions))
        case Absence(column, negated):
            return _present(column) if negated else f"not ({_present(column)})"
        case Membership(column, values, negated):
            return _unlike(column, _among(column, values)) if negated else _among(column, values)
    return _compared(condition)


def joined(word: str, *parts: str) -> str:
    """Return expressions joined by `and` or `or`, those that are empty left out.

    The two that are least deep are paired first: Milvus refuses what is nested a hundred deep, and a plain row of `or`
    is.
    """
    queue = [(_depth(part), number, part) for number, part in enumerate(parts) if part]
    heapify(queue)
    number = len(parts)
    while len(queue) > 1:
        (_, _, first), (depth, _, second) = heappop(queue), heappop(queue)
        heappush(queue, (depth + 1, number, f"({first}) {word} ({second})"))
        number += 1
    return queue[0][2] if queue else EVERYTHING


def _depth(expression: str) -> int:
    """Return about how deep an expression is nested; parentheses within values count, and do no harm."""
    return max(accumulate((sign == "(") - (sign == ")") for sign in expression))


def id_among(ids: tuple[str, ...] | list[str]) -> str:
    """Return the expression that some ids meet."""
    return f"{ID} in [{', '.join(map(quoted, ids))}]"


def _key(column: str) -> str:
    return f"metadata[{quoted(column)}]"


def _present(column: str) -> str:
    return f'{ID} != ""' if column == ID else f"exists {_key(column)}"


def _equal(column: str, value: str | float | bool) -> str:
    if column == ID:
        return f"{ID} == {quoted(value)}"
    same = f"{_key(column)} == {quoted(value)}"
    return joined("or", same, f"json_contains({_key(column)}, {quoted(value)})") if isinstance(value, str) else same


def _among(column: str, values: tuple[str | float | bool, ...]) -> str:
    if column == ID:
        return id_among([str(value) for value in values])
    return joined("or", *(_equal(column, value) for value in values if not _infinite(value))) or _NEVER


def _unlike(column: str, expression: str) -> str:
    """Return the opposite of an expression, of items that have the column."""
    return joined("and", _present(column), f"not ({expression})")


def _infinite(value: str | float | bool) -> bool:
    return isinstance(value, float) and isinf(value)


def _compared(comparison: Comparison) -> str:
    column, value = comparison.column, comparison.value
    match comparison.operator:
        case ordered if _infinite(value):
            # what is there is finite, so that any number tells how all compare
            return _present(column) if _HOLDS[ordered](0.0, value) else _NEVER
        case "=":
            return _equal(column, value)
        case "!=":
            return _unlike(column, _equal(column, value))
    return f"{ID if column == ID else _key(column)} {comparison.operator} {quoted(value)}"
