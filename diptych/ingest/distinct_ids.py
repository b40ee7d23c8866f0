"""Ids made from file names: files of one name in several folders or tars become different items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from filecmp import cmp
from pathlib import Path

from diptych.data.addresses import Address, is_present, picture_at, withheld_path
from diptych.data.entries import Entry
from diptych.data.manifest_rows import TAR
from diptych.index.contract import Table
from diptych.index.items import Items

REMEMBERED = 200_000
"""How many of the last ids are kept in memory: more than are ever on their way into a table."""


class DistinctIds:
    """Tells whether an id that a source did not give is free, and if not, puts folders before it until one is.

    The file that is added first keeps the short id as long as it exists: where it was moved or removed, the file of the
    same id takes its place, and so does a copy of the same bytes if neither has texts.
    """

    def __init__(self) -> None:
        self._origins: dict[str, str] = {}

    def __call__(self, entries: Sequence[Entry], table: Table) -> list[Entry]:
        """Return the entries of one batch with ids of their own."""
        chosen = list(entries)
        open_ones = {k: _names(entry) for k, entry in enumerate(entries) if entry.origin}
        while open_ones:
            for k, names in open_ones.items():
                chosen[k] = replace(chosen[k], id=next(names))
            asked = list(dict.fromkeys(chosen[k].id for k in open_ones))
            found = table.read(asked)
            stored = {name: found.take([k]) for k, name in enumerate(found.ids)}
            open_ones = {k: names for k, names in open_ones.items() if not self._given(chosen[k], stored)}
        while len(self._origins) > REMEMBERED:
            del self._origins[next(iter(self._origins))]
        return chosen

    def _given(self, entry: Entry, stored: Mapping[str, Items]) -> bool:
        """Return whether an entry may have its id, and remember that it has."""
        owner = self._origins.get(entry.id)
        other = stored.get(entry.id)
        free = owner == entry.origin if owner is not None else other is None or _gives_way(other, entry)
        if free:
            self._origins[entry.id] = entry.origin
        return free


def _names(entry: Entry) -> Iterator[str]:
    """Yield the names that an item may have, from the shortest to its whole origin."""
    name = entry.id
    yield name
    if entry.origin.endswith(f"/{name}"):
        before = entry.origin.removesuffix(f"/{name}")
        while before.strip("/"):
            before, _, folder = before.rpartition("/")
            name = f"{folder}/{name}"
            yield name
    while True:
        yield entry.origin


def _gives_way(other: Items, entry: Entry) -> bool:
    """Return whether a stored item is the entry's own, is gone, or is a copy that has nothing else."""
    (stored,), (texts,) = other.images, other.texts
    # whether a picture that may not be read is there may be asked
    image = withheld_path(stored) if stored else None
    if image is None or _is_of(image, entry) or not is_present(picture_at(image)):
        return True
    files = image == stored and Path(image).is_file() and Path(entry.origin).is_file()
    return not texts and not entry.texts and files and cmp(image, entry.origin, shallow=False)


def _is_of(image: str, entry: Entry) -> bool:
    """Return whether a stored picture is the entry's own, or of the same sample of a tar."""
    picture = picture_at(image)
    place = picture.place if isinstance(picture, Address) else ""
    if place.lower().endswith(TAR):
        return entry.origin.startswith(f"{place[: -len(TAR)]}/")
    return image == entry.origin
