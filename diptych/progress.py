"""How long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Told how much is done, of how much (0 where nobody knows), and what is being done.

The same label is the same piece of work; what follows `: ` in it may change from call to call
(`training: validation MAP .612`).
"""


def silent(done: int, total: int, label: str) -> None:
    """Tell nobody."""
