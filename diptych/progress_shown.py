"""Shows progress: as bars on a terminal or in a notebook, as lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from diptych.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 5.0
"""How often progress prints a line when there is no terminal to draw a bar on."""
SECONDS_BETWEEN_DRAWINGS = 0.2
"""How often a notebook draws its bars again."""


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

    def state(self, done: int, total: int) -> str:
        """Return how far the work is, at what rate, and what remains of it."""
        so_far = f"{done:,} of {total:,}" if total else f"{done:,}"
        return ", ".join(part for part in (so_far, self.rate(done), self.left(done, total)) if part)


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
        self._tell(f"{label}: {pace.state(done, total)}")


def work_of(label: str) -> str:
    """Return which piece of work a label is about: the part before the first colon and space.

    >>> work_of("training: validation MAP .612")
    'training'
    """
    return label.partition(": ")[0]


class NotebookBars:
    """Progress as bars below the cell of a notebook."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._works: dict[str, tuple[int, int, str]] = {}
        self._paces: dict[str, Pace] = {}
        self._shown = 0.0

    def __call__(self, done: int, total: int, label: str) -> None:
        """Draw all bars again when it is time."""
        self._paces.setdefault(work_of(label), Pace(done))
        self._works[work_of(label)] = done, total, label
        if done == total or time.perf_counter() - self._shown > SECONDS_BETWEEN_DRAWINGS:
            self.draw()

    def draw(self) -> None:
        """Draw all bars as they are now."""
        self._shown = time.perf_counter()
        self._show("".join(self._bar(work, *state) for work, state in self._works.items()))

    def _bar(self, work: str, done: int, total: int, label: str) -> str:
        bar = f'<progress value="{done}" max="{total}"></progress> ' if total else ""
        return f"<div>{bar}{escape(label)}: {self._paces[work].state(done, total)}</div>"


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


_active: list[Progress] = []
"""The progress that the cell of a notebook shows now, at most one."""


@contextmanager
def notebook_progress() -> Iterator[Progress]:
    """Yield a callback that draws bars in the cell that runs; the same one for what runs within it."""
    if _active:
        yield _active[0]
        return
    from IPython import display

    page: Any = display
    handle = page.display(page.HTML(""), display_id=True)
    bars = NotebookBars(lambda text: handle.update(page.HTML(text)))
    _active.append(bars)
    try:
        yield bars
    finally:
        _active.clear()
        bars.draw()
