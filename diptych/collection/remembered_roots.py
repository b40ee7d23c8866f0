"""The folders that this machine's user took pictures of a collection from.

They are remembered outside the collection, in the user's configuration folder, under the collection's id: a collection
that somebody else made, or changed, cannot say which files of this machine its pictures are read from.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from diptych.collection.picture_places import below, root_of
from diptych.data.addresses import Address, is_url
from diptych.data.entries import Entry
from diptych.files import digest
from diptych.settings import configuration_root

LISTS = (".jsonl", ".csv")
"""Files that name pictures in their own folder."""


class RememberedRoots:
    """The folders and URLs that pictures of one collection were taken from; other processes may add some."""

    def __init__(self, identity: str) -> None:
        root = configuration_root()
        self._file = root and root / "collections" / f"{digest(identity)}.jsonl"
        self._seen: tuple[int, int] | None = None
        self._stored: frozenset[str] = frozenset()
        self._own: set[str] = set()
        self._adding = Lock()

    def __call__(self) -> frozenset[str]:
        """Return them as they are now."""
        if self._file is None:
            return frozenset(self._own)
        try:
            status = self._file.stat()
        except OSError:
            return frozenset(self._own)
        if self._seen != (status.st_mtime_ns, status.st_size):
            self._stored = frozenset(_lines(self._file))
            self._seen = (status.st_mtime_ns, status.st_size)
        return self._stored | self._own if self._own else self._stored

    def add(self, roots: Iterable[str]) -> None:
        """Remember more of them; where nothing can be written, only as long as this process runs."""
        with self._adding:
            fresh = [root for root in dict.fromkeys(roots) if root not in self()]
            if not fresh:
                return
            if self._file is None:
                self._own.update(fresh)
                return
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with self._file.open("a", encoding="utf-8") as file:
                    file.write("".join(json.dumps(root) + "\n" for root in fresh))
            except OSError:
                self._own.update(fresh)

    def add_sources(self, sources: Iterable[str]) -> None:
        """Remember the folders among sources, and those of manifests, whose pictures lie below."""
        local = [Path(source) for source in sources if not is_url(source)]
        manifests = [path.parent for path in local if path.suffix.lower() in LISTS and path.is_file()]
        self.add(root_of(path) for path in (*(path for path in local if path.is_dir()), *manifests))

    def following(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield entries, and remember where the pictures lie that none of the roots so far holds."""
        for entry in entries:
            if entry.image is not None:
                piece = isinstance(entry.image, Address) and entry.image.first is not None
                place = entry.image.place if isinstance(entry.image, Address) else str(entry.image)
                if not below(place, self()):
                    self.add([place if piece else place.rpartition("/")[0] or "/"])
            yield entry


def _lines(file: Path) -> list[str]:
    """Return the texts in a file, one a line; what a killed writer left behind is passed over."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            found.append(str(json.loads(line)))
    return found
