"""The counts of an ingest, and a file of the rejected items."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.data.findings import Finding
from diptych.files import written_atomically


@dataclass(frozen=True)
class Reject:
    """An item that was rejected."""

    where: str
    """The file and line, or the path, that it came from."""
    reason: str


@dataclass(frozen=True)
class Added:
    """How many items of a source were added, updated, unchanged or rejected."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

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

    def add(self, reject: Reject) -> None:
        """Add a rejected item."""
        self.all.append(reject)

    def report(self, finding: Finding) -> None:
        """Add the finding of a file reader."""
        self.add(Reject(finding.where, f"{finding.what}. {finding.do}"))

    def written(self, added: Added) -> Added:
        """Write the file, and return the counts with all rejected items included."""
        if self._file and self.all:
            with written_atomically(self._file) as temporary:
                lines = (json.dumps(vars(each), ensure_ascii=False) + "\n" for each in self.all)
                temporary.write_text("".join(lines), encoding="utf-8")
        return replace(added, rejected=len(self.all))
