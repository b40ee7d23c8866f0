"""Where the pictures of a collection lie: as it stores them, and as they are read.

The path of a picture inside the collection's folder, or inside the album whose `.diptych` that folder is, is stored
relative to the folder, so that both may be moved. Other paths are stored absolute, as all were in older collections.

Pictures are read only from below these folders, from roots that the user took pictures of this collection from on this
machine (`diptych.collection.remembered_roots`), and from roots that its owner allows. The paths of all others are
withheld (`diptych.data.addresses.withheld`): a collection that somebody else made cannot have files read or shown that
are none of its own.
"""

import os
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from diptych.collection.location import INSIDE
from diptych.data.addresses import MADE_UP, Address, is_url, picture_at, withheld
from diptych.data.paths import absolute

Roots = Callable[[], Set[str]]
"""Returns the folders and URLs that pictures may be read from, as they are now."""


@dataclass(frozen=True)
class PicturePlaces:
    """The places of one collection's pictures."""

    folder: Path | None
    """The collection's folder; None if it has none on this machine."""
    roots: Roots | None = field(default=None, compare=False)
    """What pictures may be read from beside its own folders; None withholds no path, for those who read no picture."""

    def stored(self, path: str) -> str:
        """Return the path of a picture as the collection stores it."""
        for prefix, relative in self._prefixes:
            if path.startswith(prefix):
                return relative + path[len(prefix) :]
        return path

    def resolved(self, path: str) -> str:
        """Return the absolute path of a picture from the one that is stored."""
        if self.folder is None or path.startswith("/") or is_url(path):
            return path
        own = absolute(self.folder)
        return f"{own.parent}/{path[3:]}" if path.startswith("../") else f"{own}/{path}"

    def readable(self, path: str) -> str:
        """Return the absolute path of a picture from the stored one, withheld if it may not be read."""
        whole = self.resolved(path)
        return whole if self.roots is None or self._admits(whole, self.roots()) else withheld(whole)

    @cached_property
    def _own(self) -> tuple[tuple[Path, str], ...]:
        """The collection's folder and its album, with what precedes a stored path in each."""
        if self.folder is None:
            return ()
        own = absolute(self.folder)
        return ((own, ""), (own.parent, "../")) if own.name == INSIDE else ((own, ""),)

    @cached_property
    def _prefixes(self) -> list[tuple[str, str]]:
        """What absolute paths in these folders begin with, by whichever links, and what stored ones begin with."""
        return [
            (f"{path}/", told) for own, told in self._own for path in dict.fromkeys((str(own), os.path.realpath(own)))
        ]

    @cached_property
    def _real_own(self) -> tuple[str, ...]:
        """What paths in these folders begin with, without links."""
        return tuple(f"{os.path.realpath(own)}/" for own, _ in self._own)

    def _admits(self, path: str, roots: Set[str]) -> bool:
        picture = picture_at(path)
        place = picture.place if isinstance(picture, Address) else path
        if is_url(place):
            return ".." not in place.split("/") and below(place, roots)
        if not place.startswith("/"):
            return False
        named = os.path.normpath(place)
        if f"{named}/".startswith(MADE_UP):
            return False
        if below(named, roots):
            return True  # whoever added or allowed a folder means the links in it too
        real = os.path.realpath(place)
        return real.startswith(self._real_own) or (below(real, roots) and not real.startswith(MADE_UP))


def root_of(place: str | Path) -> str:
    """Return a folder or URL as a root is written: absolute and without a slash at its end.

    >>> root_of("/photos/../album/"), root_of("s3://shop/cats/")
    ('/album', 's3://shop/cats')
    """
    return str(place).rstrip("/") if is_url(str(place)) else str(absolute(Path(place)))


def below(place: str, roots: Set[str]) -> bool:
    """Return whether a path or URL is a root, or lies below one."""
    while place:
        if place in roots:
            return True
        place = place.rpartition("/")[0]
    return "/" in roots
