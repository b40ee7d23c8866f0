"""Pictures given as bytes: the collection keeps a file for each, since they have none of their own."""

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from diptych.data.addresses import Picture, picture_at
from diptych.data.pictures import raster_suffix, thumbnail
from diptych.errors import BadSetting, MissingData
from diptych.files import written_atomically

__all__ = ["HANDED_OVER", "PIXELS", "Pictures", "raster_suffix", "thumbnail"]

HANDED_OVER = "pictures"
"""The folder of these pictures, beside the vectors of the collection."""
PIXELS = 40_000_000
"""The most pixels that a picture given as bytes may have."""


class Pictures:
    """A folder with one file per picture, named after its item and content, so that no two items share a file."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def keep(self, identity: str, data: bytes, *, pixels: int = PIXELS) -> Path:
        """Write a picture and return its file; `BadImage` if it is not acceptable."""
        suffix = raster_suffix(data, pixels=pixels)
        if self._folder is None:
            raise BadSetting(
                "a collection in a database has no folder for uploaded pictures. Name one: diptych serve --uploads DIR."
            )
        item = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        path = self._folder.absolute() / item[:2] / f"{item}-{hashlib.sha256(data).hexdigest()[:32]}{suffix}"
        if not path.is_file():
            with written_atomically(path) as temporary:
                temporary.write_bytes(data)
        return path

    def arriving(self) -> AbstractContextManager[None]:
        """Return a context that spans `keep` and the upsert of the items; no process forgets pictures meanwhile."""
        return self._locked(fcntl.LOCK_SH)

    def forget(self, paths: Iterable[str | None], *, named: Callable[[], Iterable[str | None]]) -> None:
        """Remove the files that no item names any more; pictures outside this folder stay.

        `named` is called once no process is between keeping a picture and upserting its item.
        """
        own = {path for path in paths if path and self._folder and Path(path).is_relative_to(self._folder.absolute())}
        if own:
            with self._locked(fcntl.LOCK_EX):
                for path in own.difference(named()):
                    Path(path).unlink(missing_ok=True)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        if self._folder is None:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as file:
            fcntl.flock(file, how)
            yield

    def drop(self) -> None:
        """Remove all pictures."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def readable(path: str | None, *, identity: str) -> Picture:
    """Return the file or address of an item's picture.

    `MissingData` if it has none, or if this process cannot see the file.
    """
    if path is None:
        raise MissingData(f"the item {identity!r} has no picture. Use its text.")
    picture = picture_at(path)
    if isinstance(picture, Path) and not picture.is_file():
        raise MissingData(
            f"the picture of the item {identity!r} is gone, or this process cannot see its folder. "
            "Restore it, or give every process the same shared folder: diptych serve --uploads DIR."
        )
    return picture
