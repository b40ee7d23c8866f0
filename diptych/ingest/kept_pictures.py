"""Pictures given as bytes: the collection keeps a file for each, since they have none of their own."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from diptych.data.addresses import Picture, is_made_up, is_url, is_withheld, picture_at
from diptych.data.paths import absolute
from diptych.data.pictures import raster_suffix, thumbnail
from diptych.errors import BadSetting, MissingData
from diptych.files import written_atomically
from diptych.locks import locked

__all__ = ["HANDED_OVER", "PIXELS", "Pictures", "raster_suffix", "thumbnail"]

HANDED_OVER = "pictures"
"""The folder of these pictures, beside the vectors of the collection."""
PIXELS = 40_000_000
"""The most pixels that a picture given as bytes may have."""
FOREIGN = (
    "the picture of the item {identity!r} lies outside the collection's own folders, and nobody has added it to this "
    "collection on this machine, so it is not read. Add its folder again, or allow it: --pictures-from DIR."
)
"""What is said of a picture whose path is withheld, which is not told."""
_KEPT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}-[0-9a-f]{32}\.[a-z]{3,4}")
"""The paths of pictures within their folder; nothing else is ever removed from it."""
_PART = re.compile(r"[0-9a-f]{2}/\.[0-9a-f]{32}-[0-9a-f]{32}\.[a-z]{3,4}\.[^/]*")
"""The paths of pictures that a killed process had begun to write."""


class Pictures:
    """A folder with one file per picture, named after its item and content, so that no two items share a file."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder and absolute(folder)

    @property
    def folder(self) -> Path | None:
        """The absolute path of the folder; None if there is none."""
        return self._folder

    def keep(self, identity: str, data: bytes, *, pixels: int = PIXELS) -> Path:
        """Write a picture and return its file; `BadImage` if it is not acceptable."""
        suffix = raster_suffix(data, pixels=pixels)
        if self._folder is None:
            raise BadSetting(
                "a collection in a database has no folder for uploaded pictures. Name one: diptych serve --uploads DIR."
            )
        item = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        path = self._folder / item[:2] / f"{item}-{hashlib.sha256(data).hexdigest()[:32]}{suffix}"
        if not path.is_file():
            with written_atomically(path) as temporary:
                temporary.write_bytes(data)
        return path

    def arriving(self) -> AbstractContextManager[None]:
        """Return a context that spans `keep` and the upsert of the items; no process forgets pictures meanwhile."""
        return self._locked(shared=True)

    def forget(self, paths: Iterable[str | None], *, named: Callable[[], Iterable[str | None]]) -> None:
        """Remove the files that no item names any more; pictures outside this folder stay.

        `named` is called once no process is between keeping a picture and upserting its item.
        """
        if own := {path for path in paths if path and self._keeps(path)}:
            with self._locked():
                for path in own.difference(named()):
                    Path(path).unlink(missing_ok=True)

    def sweep(self, *, named: Callable[[], Iterable[str | None]]) -> int:
        """Remove every file that no item names, as a killed process leaves behind, and return how many there were.

        `named` yields the pictures of all items. It is called again once no process is between keeping a picture and
        upserting its item, if there is a file to remove at all.
        """
        if self._folder is None or not self._unnamed(named):
            return 0
        with self._locked():
            gone = self._unnamed(named)
            for path in gone:
                path.unlink(missing_ok=True)
        return len(gone)

    def _unnamed(self, named: Callable[[], Iterable[str | None]]) -> list[Path]:
        """Return the files that no item names, by their names alone, which hold the item's and the content's digest."""
        there = [path for path in self._folder.glob("*/*") if self._keeps(str(path))] if self._folder else []
        parts = (
            [path for path in self._folder.glob("*/.*") if _PART.fullmatch(self._inside(str(path)))]
            if self._folder
            else []
        )
        names = {Path(path).name for path in named() if path} if there else set()
        return [*parts, *(path for path in there if path.name not in names)]

    def _keeps(self, path: str) -> bool:
        """Return whether a path is that of a picture kept here."""
        return _KEPT.fullmatch(self._inside(path)) is not None

    def _inside(self, path: str) -> str:
        """Return a path within the folder; empty if it is outside."""
        prefix = f"{self._folder}/"
        return path.removeprefix(prefix) if self._folder and path.startswith(prefix) else ""

    @contextmanager
    def _locked(self, *, shared: bool = False) -> Iterator[None]:
        if self._folder is None:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        # a link is not followed: it could lead to a file of somebody else's choice
        path = self._folder / "lock"
        if path.is_symlink():
            raise BadSetting(f"'{path}' is a link, which is not followed. Remove it.")
        with locked(path, shared=shared, create=True):
            yield

    def drop(self) -> None:
        """Remove all pictures."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def readable(path: str | None, *, identity: str) -> Picture:
    """Return the file or address of an item's picture.

    `MissingData` if it has none, if its path is withheld, or if this process cannot see the file. Pipes, devices and
    what the kernel makes up are no files.
    """
    if path is None:
        raise MissingData(f"the item {identity!r} has no picture. Use its text.")
    if is_withheld(path):
        raise MissingData(FOREIGN.format(identity=identity))
    picture = picture_at(path)
    place = picture if isinstance(picture, Path) else None if is_url(picture.place) else Path(picture.place)
    if place is not None and (not place.is_file() or is_made_up(place)):
        raise MissingData(
            f"the picture of the item {identity!r} is gone, or this process cannot see its folder. "
            "Restore it, say where it was moved to (diptych collection moved), or give every process the same shared "
            "folder: diptych serve --uploads DIR."
        )
    return picture
