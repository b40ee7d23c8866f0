"""Faults of a manifest's rows; a column that all rows lack is one fault of the file."""

from collections.abc import Mapping
from reprlib import repr as short
from typing import Any

from diptych.data.findings import FaultError, Finding, Report

SHOWN = 20
"""How many columns a message names."""


class NoColumnError(FaultError):
    """A row has no column for what every row needs."""

    def __init__(self, finding: Finding, row: Mapping[str, Any]) -> None:
        super().__init__(finding)
        self.row = row


class RowFaults:
    """Reports the faults of rows; those that lack a column wait until it is known whether all do."""

    def __init__(self, where: str, report: Report) -> None:
        self._where, self._report = where, report
        self._lacking: list[Finding] = []
        self._columns: dict[str, None] = {}
        self._some_usable = False

    def add(self, fault: FaultError) -> None:
        """Report a fault now, or as one with those of all other rows."""
        if isinstance(fault, NoColumnError) and not self._some_usable:
            self._lacking.append(fault.finding)
            self._columns |= dict.fromkeys(fault.row)
        else:
            self._report(fault.finding)

    def usable(self) -> None:
        """Report what waits: a row has what others lack."""
        self._some_usable = True
        while self._lacking:
            self._report(self._lacking.pop(0))

    def end(self) -> None:
        """Report what all rows lack."""
        if not self._lacking:
            return
        first, rows, names = self._lacking[0], len(self._lacking), list(self._columns)
        shown = ", ".join(short(name) for name in names[:SHOWN]) or "none"
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        alike = f"all {rows:,} rows have the same fault: " if rows > 1 else ""
        what = f"{alike}{first.what}. The columns are {shown}{more}"
        do = "Say which means what, as in --columns image=photo --columns text=title."
        self._report(Finding(first.kind, self._where, what, do, rows))
