"""Output of the verbs: JSON lines and tables on stdout, messages and progress on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from diptych.cli.loudness import Loudness
from diptych.progress import Progress, silent
from diptych.progress_shown import Drawn, Lines

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 10_000
"""Columns where the output is not a terminal, so that no row wraps."""
LONGEST = 100
"""Characters of a text that a table shows."""


def adapt_to_encoding() -> None:
    """Escape characters that the encoding of stdout or stderr lacks, and keep bytes that that of stdin lacks.

    A handler of errors that the user chose (`PYTHONIOENCODING=ascii:replace`) stays.
    """
    handlers = ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace"))
    for stream, errors in handlers:
        if isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors=errors)


def say(text: str, *, always: bool = False) -> None:
    """Print a message on stderr; a quiet command prints only what `always` must be said."""
    if always or not Loudness.quiet:
        print(text, file=sys.stderr, flush=True)


def write(text: str) -> None:
    """Print a line on stdout at once, so that a closed pipe is noticed here."""
    print(text, flush=True)


def write_json(value: Mapping[str, Any]) -> None:
    """Print an object as one line of JSON on stdout; if its encoding lacks a character, with JSON's escapes."""
    line = json.dumps(value, ensure_ascii=False, default=str)
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value, default=str)
    write(line)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table on stdout; columns of numbers are set flush right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    table = Table(box=SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", title_style="bold")
    for k, column in enumerate(columns):
        numeric = any(isinstance(row[k], int | float) for row in cells)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(spelt(cell)) for cell in row))
    _console().print(table)
    sys.stdout.flush()


def spelt(cell: object) -> str:
    """Return a cell as people read it: three decimals, thousands apart, a dash for nothing.

    >>> [spelt(cell) for cell in (0.61249, 10921, None, "cat")]
    ['0.612', '10,921', '–', 'cat']
    """
    match cell:
        case None:
            return "–"
        case bool():
            return "yes" if cell else "no"
        case float():
            return f"{cell:.3f}"
        case int():
            return f"{cell:,}"
    return str(cell)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield a callback that draws a bar for each piece of work on a terminal, and prints lines elsewhere.

    A quiet command shows none.
    """
    if Loudness.quiet:
        yield silent
        return
    if not sys.stderr.isatty():
        lines = Lines(say)
        try:
            yield lines
        finally:
            lines.finish()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True, highlight=False)) as bars:
        yield Drawn(bars)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
