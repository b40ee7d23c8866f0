"""The recall that a collection promises, and the measured efforts that reach it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from diptych.index.contract import Table
from diptych.modality import Modality


@dataclass(frozen=True)
class Tuning:
    """The effort of the approximate index of one side, and its measured recall."""

    queries: int
    """How many queries it was measured with."""
    items: int
    """How many items had the side at that time."""
    effort: int | None
    """None if no effort reaches the promised recall, so that all items are scanned."""
    recall: float | None
    """The measured share of the exact first ten; None if no search was measured."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Tuning":
        """Return the tuning from the output of `to_json`."""
        return cls(value["queries"], value["items"], value["effort"], value["recall"])

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object of its fields."""
        return asdict(self)


@dataclass(frozen=True)
class SearchPlan:
    """How one side of a table is searched."""

    count: int
    """How many items have the side."""
    scanned: bool
    """Whether a scan on this machine searches it, rather than the store."""
    effort: int | None
    """The effort of the store's approximate index; None if the search is exact."""
    recall: float | None = None
    """The index's measured share of the exact first ten."""

    def __str__(self) -> str:
        if self.effort is not None:
            return f"approximate, recall {self.recall:.3f} with effort {self.effort}"
        return "exact, all items scanned" if self.scanned else "exact, by the store"


@dataclass(frozen=True)
class SearchPromise:
    """When a search may be approximate, and how much of the exact answer it must then find."""

    exact_limit: int
    """Up to this many items, every search is exact."""
    recall: float
    """The share of the exact first ten that an approximate search must find."""
    tunings: Mapping[Modality, Tuning] = field(default_factory=dict)
    """By side, for each index that was built."""

    def plan(self, table: Table, side: Modality) -> SearchPlan:
        """Return how one side of a table is searched, from its size and the measured recall of its index."""
        count, tuning = table.count(side=side), self.tunings.get(side)
        if count <= self.exact_limit or (tuning is not None and tuning.effort is None):
            return SearchPlan(count, scanned=table.version() is not None, effort=None)
        if tuning is None:
            return SearchPlan(count, scanned=False, effort=None)
        return SearchPlan(count, scanned=False, effort=tuning.effort, recall=tuning.recall)
