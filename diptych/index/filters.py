"""Filters as people write them, read into conditions: `category = 'dog' and (year > 2010 or year is null)`.

filter := clause (or clause)*        clause := part (and part)*        part := not part | ( filter ) | test

test   := column  = | != | <> | < | <= | > | >=  value
        | column [not] in (value, ...)  |  column [not] between value and value  |  column is [not] null

A value is a text in single quotes (`''` inside stands for one quote), a number, `true` or `false`, and must be of the
column's kind. Columns are written as they are, or in double quotes where a key word has the same name. Case matters in
columns and texts, not in key words. As in SQL, what an item lacks meets neither a test nor its negation.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from diptych.errors import BadSetting, UnknownName
from diptych.index.conditions import (
    ID,
    OPPOSITES,
    Absence,
    Columns,
    Comparison,
    Condition,
    Every,
    Kind,
    Membership,
    Operator,
    Some,
    opposite,
)

LONGEST = 10_000
"""Characters a filter may have."""
DEEPEST = 30
"""How many parentheses and negations may enclose a test: every store accepts that many."""

SIGNS = (*get_args(Operator), "<>", "(", ")", ",")
KEY_WORDS = ("and", "or", "not", "in", "is", "null", "between", "true", "false")
TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|<>|[!<>]=|[=<>(),]|[^\s'"=<>!(),]+|\S""")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

VALUES: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "text": ("a text in single quotes", ("text",)),
    "texts": ("a text in single quotes", ("text",)),
    "number": ("a number", ("number",)),
    "truth": ("true or false", ("true", "false")),
}
"""What a value of each kind is, in words and as sorts of tokens."""


@dataclass(frozen=True)
class _Token:
    """A word, sign or value of a filter."""

    sort: str
    """`column`, `text`, `number` or `end`; a sign or key word is a sort of its own, in lower case."""
    text: str
    """As written, but without the quotes around it."""
    place: int
    """The position of its first character in the filter, counted from 1."""

    def refused(self, expected: str) -> BadSetting:
        """Return the error that says what should stand here instead."""
        came = {"end": "it ends there", "text": f"got the text {self.text!r}"}.get(self.sort, f"got {self.text}")
        return BadSetting(f"the filter must have {expected} at character {self.place}; {came}.")


def parse(text: str, columns: Columns) -> Condition:
    """Return the condition that a filter spells, its values checked against the kinds of the columns.

    >>> parse("not (year < 2010 or breed is null)", {"year": "number", "breed": "text"}).conditions
    (Comparison(column='year', operator='>=', value=2010.0), Absence(column='breed', negated=True))
    """
    if len(text) > LONGEST:
        raise BadSetting(f"a filter may have at most {LONGEST} characters; got {len(text)}. Search in several steps.")
    parser = _Parser(list(_tokens(text)), {**columns, ID: "text"})
    condition = parser.filter()
    parser.expect("'and', 'or' or its end", "end")
    return condition


def _tokens(text: str) -> Iterator[_Token]:
    for match in TOKEN.finditer(text):
        word, place = match[0], match.start() + 1
        if word[0] in "'\"":
            yield _quoted(word, place)
        elif word in SIGNS or word.lower() in KEY_WORDS:
            yield _Token(word.lower(), word, place)
        elif NUMBER.fullmatch(word):
            yield _Token("number", word, place)
        elif word.isidentifier():
            yield _Token("column", word, place)
        else:
            raise _Token("", word, place).refused("a column, a value (texts in single quotes) or a key word")
    yield _Token("end", "", len(text) + 1)


def _quoted(word: str, place: int) -> _Token:
    if len(word) == 1:
        raise BadSetting(
            f"the quote {word} at character {place} of the filter is never closed. Inside a text, double it."
        )
    inside = word[1:-1].replace(word[0] * 2, word[0])
    if "\0" in inside or any("\ud800" <= letter <= "\udfff" for letter in inside):
        raise BadSetting(f"the quoted text at character {place} of the filter must be valid Unicode without NUL.")
    return _Token("text" if word[0] == "'" else "column", inside, place)


class _Parser:
    """Reads tokens from left to right; each method takes what its rule of the grammar covers."""

    def __init__(self, tokens: list[_Token], columns: Columns) -> None:
        self.tokens = tokens
        self.columns = columns
        self.position = 0
        self.depth = 0

    def take(self, *sorts: str) -> _Token | None:
        """Return the next token and go on, if it is of one of these sorts."""
        token = self.tokens[self.position]
        if token.sort not in sorts:
            return None
        self.position += 1
        return token

    def expect(self, expected: str, *sorts: str) -> _Token:
        """Return the next token and go on; it must be of one of these sorts."""
        if token := self.take(*sorts):
            return token
        raise self.tokens[self.position].refused(expected)

    def filter(self) -> Condition:
        clauses = [self.clause()]
        while self.take("or"):
            clauses.append(self.clause())
        return Some(tuple(clauses)) if len(clauses) > 1 else clauses[0]

    def clause(self) -> Condition:
        parts = [self.part()]
        while self.take("and"):
            parts.append(self.part())
        return Every(tuple(parts)) if len(parts) > 1 else parts[0]

    def part(self) -> Condition:
        opening = self.take("not", "(")
        if not opening:
            return self.test()
        self.depth += 1
        if self.depth > DEEPEST:
            raise BadSetting(
                f"a filter may nest at most {DEEPEST} deep; this one goes deeper at character {opening.place}."
            )
        if opening.sort == "not":
            condition = opposite(self.part())
        else:
            condition = self.filter()
            self.expect("'and', 'or' or ')'", ")")
        self.depth -= 1
        return condition

    def test(self) -> Condition:
        column = self.expect("a column (in double quotes if it is a key word), 'not' or '('", "column")
        if column.text not in self.columns:
            raise UnknownName.among("columns", column.text, self.columns)
        if self.take("is"):
            negated = self.take("not") is not None
            self.expect("'null'", "null")
            return Absence(column.text, negated)
        negated = self.take("not") is not None
        signs = () if negated else (*OPPOSITES, "<>")
        follows = "'in' or 'between'" if negated else f"a comparison of {column.text!r}, such as = or 'in',"
        verb = self.expect(follows, "in", "between", *signs)
        condition = {"in": self.membership, "between": self.interval}.get(verb.sort, self.comparison)(column.text, verb)
        return opposite(condition) if negated else condition

    def membership(self, column: str, _: _Token) -> Condition:
        self.expect("'(' after 'in'", "(")
        values = [self.value(column)]
        while self.take(","):
            values.append(self.value(column))
        self.expect("',' or ')'", ")")
        return Membership(column, tuple(values))

    def interval(self, column: str, verb: _Token) -> Condition:
        self.check_order(column, verb)
        low = self.value(column)
        self.expect("'and' and the end of the interval", "and")
        return Every((Comparison(column, ">=", low), Comparison(column, "<=", self.value(column))))

    def comparison(self, column: str, verb: _Token) -> Condition:
        operator = "!=" if verb.sort == "<>" else verb.sort
        if operator not in ("=", "!="):
            self.check_order(column, verb)
        return Comparison(column, operator, self.value(column))  # type: ignore[arg-type]

    def check_order(self, column: str, verb: _Token) -> None:
        if (kind := self.columns[column]) not in ("text", "number"):
            holds = "yes or no" if kind == "truth" else "lists"
            raise verb.refused(f"=, != or 'in' after {column!r}, which holds {holds} and so has no order,")

    def value(self, column: str) -> str | float | bool:
        kind = self.columns[column]
        kinds, sorts = VALUES[kind]
        token = self.expect(f"{kinds} to compare {column!r} with", *sorts)
        if kind == "truth":
            return token.sort == "true"
        if kind != "number":
            return token.text
        if not math.isfinite(number := float(token.text)):
            raise token.refused(f"a number below 1.8e308 to compare {column!r} with")
        return number
