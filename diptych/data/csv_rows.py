"""Rows of a CSV file, with faults that cost only the line they are in."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

MOST_LINES = 100_000
"""How many lines a row may have."""

_UNCLOSED = "unexpected end of data"
_TOO_LONG = "field larger"
"""How the error begins that says nothing of quotes."""
_DELIMITERS = ";\t"


class CsvRow(NamedTuple):
    """The cells of one row, or why there are none."""

    line: int
    """The line that it ends in, counted from 1; that of a fault is the line it is in."""
    cells: list[str]
    fault: str = ""


class _Lines(Iterator[str]):
    """The lines of a file; those taken for the current row can be given back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0
        """How many lines were taken so far."""
        self._hopeless = 0
        """A quote that is open at the beginning of a line up to this one is known not to be closed."""

    def __next__(self) -> str:
        if self.taken and (self.number < self._hopeless or len(self.taken) == MOST_LINES):
            raise csv.Error(_UNCLOSED)
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        self.number += 1
        return line

    def give_back_all_but_one(self, *, hopeless: bool) -> None:
        """Let the lines after the first one of this row come again, `hopeless` if a quote open in them stays open.

        Else a file of quotes would be read to its end again and again.
        """
        self._hopeless = max(self._hopeless, self.number * hopeless)
        self._returned.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]


def read_csv_rows(lines: Iterable[str]) -> Iterator[CsvRow]:
    """Yield the rows of CSV that are not blank; the first one tells whether commas, semicolons or tabs part the cells.

    A quote that is never closed, or closed only by a later row's quote, would swallow the rows between: then the line
    that it stands in is a fault, and reading goes on after it.
    """
    source, delimiter = _Lines(lines), ","
    reader = csv.reader(source, strict=True)
    while True:
        source.taken.clear()
        try:
            cells = next(reader)
            if source.number == 1 and (delimiter := _delimiter(source.taken[0])) != ",":
                reader = csv.reader(source, strict=True, delimiter=delimiter)
                cells = next(csv.reader(source.taken, delimiter=delimiter))
        except StopIteration:
            return
        except csv.Error as error:
            reader = csv.reader(source, strict=True, delimiter=delimiter)
            row = _recovered(source, str(error), delimiter)
        else:
            row = CsvRow(source.number, cells)
        if row.cells or row.fault:
            yield row


def _recovered(source: _Lines, error: str, delimiter: str) -> CsvRow:
    """Return what can be made of the line that a faulty row begins in."""
    if len(source.taken) > 1 or error == _UNCLOSED:
        source.give_back_all_but_one(hopeless=not error.startswith(_TOO_LONG))
        return CsvRow(source.number, [], "a quote is opened in it and never closed")
    try:
        # quotes within a cell, as in `"5" nails"`
        return CsvRow(source.number, next(csv.reader(source.taken, delimiter=delimiter)))
    except csv.Error as worse:
        return CsvRow(source.number, [], f"it cannot be read ({worse})")


def _delimiter(header: str) -> str:
    """Return what parts the cells of a header: a comma, unless there is none and another sign is."""
    return next((sign for sign in _DELIMITERS if "," not in header and sign in header), ",")
