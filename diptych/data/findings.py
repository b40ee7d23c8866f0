"""The faults of a data set, one finding each.

Readers hand each finding to a `Report`: `refuse` raises it as an error (training stops at the first), the
`append` of a list collects them all (`diptych data check`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from diptych.errors import BadData, BadManifest, BadText


@dataclass(frozen=True)
class Finding:
    """One fault: its kind, its location, its description and its remedy."""

    kind: str
    """A short name to group by: `missing image`, `empty text`, `duplicate id`, ..."""
    where: str
    """The file and line, or the pair."""
    what: str
    """What is wrong, as part of a sentence."""
    do: str
    """What to do, as a sentence."""
    rows: int = 1
    """How many rows it is about."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as one JSON-able object; the number of rows only if there are several."""
        return {name: value for name, value in vars(self).items() if name != "rows" or self.rows > 1}

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.do}"


class FaultError(Exception):
    """Carries a finding from the code that noticed it to the loop that reports it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


Report = Callable[[Finding], None]

_ERRORS: dict[str, type[BadData]] = {"empty text": BadText, "long text": BadText}


def refuse(finding: Finding) -> NoReturn:
    """Raise the finding: `BadText` for a text, `BadManifest` for anything else."""
    raise _ERRORS.get(finding.kind, BadManifest)(str(finding))
