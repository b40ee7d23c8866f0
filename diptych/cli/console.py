"""Output of the verbs: JSON lines and tables on stdout, messages and progress on stderr."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from diptych.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

WIDE = 10_000
"""Columns where the output is not a terminal, so that no row wraps."""
LONGEST = 100
"""Characters of a text that a table shows."""
SECONDS_BETWEEN_LINES = 5.0
"""How often progress prints a line when there is no terminal to draw a bar on."""


def adapt_to_encoding() -> None:
    """Escape characters that the encoding of stdout or stderr lacks, and keep bytes that that of stdin lacks.

    A handler of errors that the user chose (`PYTHONIOENCODING=ascii:replace`) stays.
    """
    handlers = ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace"))
    for stream, errors in handlers:
        if isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors=errors)


def say(text: str) -> None:
    """Print a message on stderr."""
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
    """Yield a callback that draws a bar for each piece of work on a terminal, and prints lines elsewhere."""
    if not sys.stderr.isatty():
        lines = Lines(say)
        try:
            yield lines
        finally:
            lines.finish()
        return
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
    with Bars(*columns, console=_console(stderr=True)) as bars:
        yield Drawn(bars)


class Pace:
    """The rate of a piece of work, and the time that it still needs."""

    def __init__(self, done: int) -> None:
        self._first = done
        self._start = time.perf_counter()
        self.told = -SECONDS_BETWEEN_LINES
        """When a line about it was last written, in seconds after its beginning."""

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self._start

    def rate(self, done: int) -> str:
        """Return the rate per second since the work began; empty before the first item."""
        rate = (done - self._first) / max(self.seconds, 1e-9)
        if rate <= 0:
            return ""
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"

    def left(self, done: int, total: int) -> str:
        """Return the time that remains at this rate; empty while it is unknown."""
        if done <= self._first or done >= total:
            return ""
        seconds = round(self.seconds * (total - done) / (done - self._first))
        return f"{seconds // 60}:{seconds % 60:02} left"


class Drawn:
    """Progress as bars on a terminal."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._paces: dict[str, Pace] = {}

    def __call__(self, done: int, total: int, label: str) -> None:
        """Advance the bar of this work; add one for new work."""
        work = work_of(label)
        if work not in self._tasks:
            self._tasks[work] = self._bars.add_task(label, total=total or None, completed=done, rate="")
            self._paces[work] = Pace(done)
        rate = self._paces[work].rate(done)
        self._bars.update(self._tasks[work], description=label, total=total or None, completed=done, rate=rate)


class Lines:
    """Progress as lines of text: the first, the last, and one every few seconds."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._paces: dict[str, Pace] = {}
        self._untold: dict[str, tuple[int, int, str]] = {}

    def __call__(self, done: int, total: int, label: str) -> None:
        """Write a line when it is time."""
        pace = self._paces.setdefault(work_of(label), Pace(done))
        if done != total and pace.seconds - pace.told < SECONDS_BETWEEN_LINES:
            self._untold[work_of(label)] = done, total, label
            return
        self._untold.pop(work_of(label), None)
        pace.told = pace.seconds
        self._write(pace, done, total, label)

    def finish(self) -> None:
        """Write how far each piece of work came, if no line said so yet: its total may be unknown."""
        for work, state in self._untold.items():
            self._write(self._paces[work], *state)
        self._untold.clear()

    def _write(self, pace: Pace, done: int, total: int, label: str) -> None:
        so_far = f"{done:,} of {total:,}" if total else f"{done:,}"
        parts = [f"{label}: {so_far}", pace.rate(done), pace.left(done, total)]
        self._tell(", ".join(part for part in parts if part))


def work_of(label: str) -> str:
    """Return which piece of work a label is about: the part before the first colon and space.

    >>> work_of("training: validation MAP .612")
    'training'
    """
    return label.partition(": ")[0]


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, width=None if terminal else WIDE)
