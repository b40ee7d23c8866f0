"""What a collection remembers of itself: its model, its tables, what it promises.

The store keeps it as a JSON object, which is read and written here alone. Whoever changes it replaces the whole record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diptych.errors import BadSetting, MissingData
from diptych.index.contract import Store
from diptych.index.passwords import masked
from diptych.modality import Modality
from diptych.search.promise import SearchPromise, Tuning

FORMAT = 1
"""The version of the record; another one is refused."""
EXACT_LIMIT = 200_000
"""Up to so many items every search scores all; above, the store's approximate index proposes which."""
RECALL = 0.99
"""The share of the exact first ten that an approximate search must find."""


@dataclass(frozen=True)
class ModelFingerprint:
    """What a collection remembers of the model that fills it."""

    source: str
    """A run's folder, or the name of a method without training."""
    method: str
    digest: str
    """Changes with the weights, the settings and the encoders."""
    encoders: Mapping[Modality, str]
    """The name of each side's encoder."""
    settings: tuple[str, ...]
    """Settings of the encoders, where the source does not hold them."""
    spaces: tuple[str, ...]
    widths: tuple[int, ...]
    """How many numbers a vector has in each space."""
    fusion: str | None
    """The rule that the run chose; None where it chose none."""
    fingerprints: Mapping[Modality, str] = field(default_factory=dict)
    """Of the encoders; empty in records of collections that were made before these were kept."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ModelFingerprint":
        """Return the fingerprint that `to_json` made this of."""
        names = value["source"], value["method"], value["digest"], dict(value["encoders"])
        settings, spaces, widths = (tuple(value[name]) for name in ("settings", "spaces", "widths"))
        return cls(*names, settings, spaces, widths, value["fusion"], dict(value.get("fingerprints", {})))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object of its fields."""
        lists = {name: list(getattr(self, name)) for name in ("settings", "spaces", "widths")}
        prints = {"fingerprints": dict(self.fingerprints)} if self.fingerprints else {}
        own = {name: value for name, value in vars(self).items() if name != "fingerprints"}
        return {**own, "encoders": dict(self.encoders), **lists, **prints}


@dataclass(frozen=True)
class UpcomingTable:
    """The table that a move to another model fills."""

    digest: str
    """Of the model that fills it."""
    table: str
    model: ModelFingerprint
    fence_until: float | None = None
    """Until when writers wait, in seconds since 1970; None before the move has asked them to."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "UpcomingTable":
        """Return the table that `to_json` made this of."""
        return cls(value["digest"], value["table"], ModelFingerprint.from_json(value["model"]), value.get("peace"))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; the fence's deadline is its `peace`, and missing where there is none."""
        fence = {} if self.fence_until is None else {"peace": self.fence_until}
        return {"digest": self.digest, "table": self.table, "model": self.model.to_json(), **fence}


@dataclass(frozen=True)
class CollectionRecord:
    """One state of a collection: what fills it, where its items are, how it is searched."""

    model: ModelFingerprint
    table: str
    """The table that is searched and written to."""
    half: bool
    """Whether vectors are stored in half precision."""
    exact_limit: int = EXACT_LIMIT
    recall: float = RECALL
    previous: str | None = None
    """The table from before the last move, for searches that are still under way in it."""
    next: UpcomingTable | None = None
    """What a move fills that has begun and not ended."""
    tuned: Mapping[Modality, Tuning] = field(default_factory=dict)
    """How the approximate index of a side is searched, where one was built."""
    format: int = FORMAT

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "CollectionRecord":
        """Return the record that `to_json` made this of."""
        return cls(
            ModelFingerprint.from_json(value["model"]),
            value["table"],
            value["half"],
            value["exact_limit"],
            value["recall"],
            value["previous"],
            UpcomingTable.from_json(value["next"]) if value["next"] else None,
            {side: Tuning.from_json(tuning) for side, tuning in value["tuned"].items()},
            value["format"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that a store keeps."""
        return {
            "format": self.format,
            "model": self.model.to_json(),
            "table": self.table,
            "previous": self.previous,
            "next": self.next and self.next.to_json(),
            "half": self.half,
            "exact_limit": self.exact_limit,
            "recall": self.recall,
            "tuned": {side: tuning.to_json() for side, tuning in self.tuned.items()},
        }

    @property
    def version(self) -> tuple[str, str]:
        """Return what tells one state of the tables and models from another: the table, the model's digest."""
        return self.table, self.model.digest

    @property
    def fence_until(self) -> float:
        """Return until when writers wait, in seconds since 1970; 0 where no move asks them to."""
        return (self.next and self.next.fence_until) or 0.0

    @property
    def promise(self) -> SearchPromise:
        """Return what searches keep to."""
        return SearchPromise(self.exact_limit, self.recall, self.tuned)


def current_record(store: Store, name: str) -> CollectionRecord:
    """Return the record of a collection that was there when it was opened; `MissingData` where it was removed since."""
    record = store.record()
    if record is None:
        raise MissingData(f"the collection at {name} was removed. Create it again: diptych collection create.")
    return CollectionRecord.from_json(record)


def checked_record(store: Store, uri: str) -> CollectionRecord:
    """Return the record of a collection that is opened; an error where there is none, or one of another version."""
    record = store.record()
    if record is None:
        shown = masked(uri)
        raise MissingData(f"there is no collection at {shown}. Make it: diptych collection create {shown} --model M.")
    if record.get("format") != FORMAT:
        raise BadSetting(
            f"the collection at {masked(uri)} has the format {record.get('format')!r}; this version reads "
            f"{FORMAT}. Install the version that created it."
        )
    return CollectionRecord.from_json(record)
