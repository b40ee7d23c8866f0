"""What a collection promises of its searches, and the efforts that were measured to keep it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from diptych.index.contract import Table
from diptych.modality import Modality


@dataclass(frozen=True)
class Tuning:
    """How hard the approximate index of one side tries, and what that was measured to find."""

    queries: int
    """Queries that it was measured with."""
    items: int
    """Items of the side at that time."""
    effort: int | None
    """None where no effort keeps the promised recall, so that all items are scanned."""
    recall: float | None
    """The share of the exact first ten that was found; None where no search was measured."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Tuning":
        """Return the tuning that `to_json` made this of."""
        return cls(value["queries"], value["items"], value["effort"], value["recall"])

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object of its fields."""
        return asdict(self)


@dataclass(frozen=True)
class SearchPlan:
    """How one side of a table is searched."""

    count: int
    """How many items have this side."""
    scanned: bool
    """By a scan on this machine, else by the store."""
    effort: int | None
    """How hard the store's approximate index tries; None where the search is exact."""
    recall: float | None = None
    """What the index was measured to find of the exact first ten."""

    def __str__(self) -> str:
        if self.effort is not None:
            return f"approximate, recall {self.recall:.3f} with effort {self.effort}"
        return "exact, all items scanned" if self.scanned else "exact, by the store"


@dataclass(frozen=True)
class SearchPromise:
    """When a search may be approximate, and how much of the exact answer it then has to find."""

    exact_limit: int
    """Up to so many items a search is exact."""
    recall: float
    """The share of the exact first ten that an approximate search must find."""
    tunings: Mapping[Modality, Tuning] = field(default_factory=dict)
    """By side, where an index was built."""

    def plan(self, table: Table, side: Modality) -> SearchPlan:
        """Return how a side of a table is searched, by its size and by what the index was measured to find."""
        count, tuning = table.count(side=side), self.tunings.get(side)
        if count <= self.exact_limit or (tuning is not None and tuning.effort is None):
            return SearchPlan(count, scanned=table.version() is not None, effort=None)
        if tuning is None:
            return SearchPlan(count, scanned=False, effort=None)
        return SearchPlan(count, scanned=False, effort=tuning.effort, recall=tuning.recall)
