"""What became of items on their way into a collection, and a file of those that did not get there."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.data.findings import Finding
from diptych.files import written_atomically


@dataclass(frozen=True)
class Reject:
    """An item that was set aside."""

    where: str
    """The file and line, or the path, that it came from."""
    reason: str


@dataclass(frozen=True)
class Added:
    """What became of the items of a source."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def seen(self) -> int:
        """How many items there were."""
        return self.added + self.updated + self.unchanged + self.rejected


class Rejects:
    """Gathers what is set aside, and writes it into a file where one is named."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.all: list[Reject] = []
        """What was set aside so far."""

    def add(self, reject: Reject) -> None:
        """Take one in."""
        self.all.append(reject)

    def report(self, finding: Finding) -> None:
        """Take in what a reader of files has found."""
        self.add(Reject(finding.where, f"{finding.what}. {finding.do}"))

    def written(self, added: Added) -> Added:
        """Write the file, and return the counts with all that was set aside."""
        if self._file and self.all:
            with written_atomically(self._file) as temporary:
                lines = (json.dumps(vars(each), ensure_ascii=False) + "\n" for each in self.all)
                temporary.write_text("".join(lines), encoding="utf-8")
        return replace(added, rejected=len(self.all))
