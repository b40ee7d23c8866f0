"""A folder that one process writes at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diptych.errors import StoreFailed
from diptych.locks import locked


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; a system error meanwhile becomes a `StoreFailed`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock", create=True):
            yield
    except OSError as error:
        reason = error.strerror or error
        raise StoreFailed(
            f"the vectors to scan cannot be kept in {folder}: {reason}. Make room and try again."
        ) from error
