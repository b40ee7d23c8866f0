"""The counts of an ingest, and a file of the rejected items."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diptych.data.findings import Finding
from diptych.files import written_atomically


@dataclass(frozen=True)
class Reject:
    """An item that was rejected."""

    where: str
    """The file and line, or the path, that it came from."""
    reason: str
    items: int = 1
    """How many items it is about."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as one JSON-able object; the number of items only if there are several."""
        return {name: value for name, value in vars(self).items() if name != "items" or self.items > 1}


@dataclass(frozen=True)
class Added:
    """How many items of a source were added, updated, unchanged or rejected, and what there is to say about them."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    removed: int = 0
    """How many items were removed because their pictures are gone; only where that was asked for."""
    notes: tuple[str, ...] = ()
    """What should be known about the source or its columns, a sentence each."""

    def plus(self, other: "Added") -> "Added":
        """Return both counts together, and the notes of both without repetition."""
        notes = tuple(dict.fromkeys(self.notes + other.notes))
        counts = {name: value + vars(other)[name] for name, value in vars(self).items() if name != "notes"}
        return Added(**counts, notes=notes)

    @property
    def seen(self) -> int:
        """How many items the source had."""
        return self.added + self.updated + self.unchanged + self.rejected


class Rejects:
    """Collects rejected items, and writes them to a file if one is named."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.all: list[Reject] = []
        """The items rejected so far."""
        self.notes: dict[str, None] = {}
        """What the readers of files remarked, each once."""

    def add(self, reject: Reject) -> None:
        """Add a rejected item."""
        self.all.append(reject)

    def report(self, finding: Finding) -> None:
        """Add the finding of a file reader."""
        self.add(Reject(finding.where, f"{finding.what}. {finding.do}", finding.rows))

    def remark(self, note: str) -> None:
        """Add what a file reader remarked, unless it did before."""
        self.notes.setdefault(note)

    def written(self, added: Added) -> Added:
        """Write the file, and return the counts with all rejected items and remarks included."""
        if self._file and self.all:
            with written_atomically(self._file) as temporary:
                lines = (json.dumps(each.as_dict(), ensure_ascii=False) + "\n" for each in self.all)
                temporary.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
        rejected = sum(reject.items for reject in self.all)
        return replace(added, rejected=rejected, notes=tuple(dict.fromkeys((*self.notes, *added.notes))))
