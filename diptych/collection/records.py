"""The record of a collection: its model, its tables and the recall it promises.

The store keeps it as a JSON object, which only this module reads and writes. Every change replaces the whole record.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diptych.errors import BadSetting, MissingData
from diptych.files import digest
from diptych.index.contract import Store
from diptych.index.passwords import masked
from diptych.modality import Modality
from diptych.search.promise import SearchPromise, Tuning

FORMAT = 1
"""The version of the record; another one is refused."""
EXACT_LIMIT = 200_000
"""Up to this many items, every search scores all; above, the store's approximate index proposes candidates."""
RECALL = 0.99
"""The share of the exact first ten that an approximate search must find."""
_TABLE = re.compile(r"items_[0-9]{1,18}")


def checked_table(name: Any) -> str:
    """Return a table's name if it is one that `diptych.collection.tables` gives; `BadSetting` otherwise.

    A store opens and drops what it is told to, and a record may come from anybody.

    >>> checked_table("items_2")
    'items_2'
    """
    if not isinstance(name, str) or not _TABLE.fullmatch(name):
        raise BadSetting(
            f"the record of this collection names the table {str(name)[:80]!r}; its tables are called items_1, items_2 "
            "and so on. The record was damaged or tampered with: restore it from a backup, or do not use it."
        )
    return name


@dataclass(frozen=True)
class ModelFingerprint:
    """The fingerprint by which a collection recognises the model that fills it."""

    source: str
    """A run's folder, or the name of a method without training."""
    method: str
    digest: str
    """Changes with the weights, the settings and the encoders."""
    encoders: Mapping[Modality, str]
    """The name of each side's encoder."""
    settings: tuple[str, ...]
    """Settings of the encoders, if the source does not hold them."""
    spaces: tuple[str, ...]
    widths: tuple[int, ...]
    """How many numbers a vector has in each space."""
    fusion: str | None
    """The rule that the run chose; None if it chose none."""
    fingerprints: Mapping[Modality, str] = field(default_factory=dict)
    """The encoders' fingerprints; empty in the records of older collections."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ModelFingerprint":
        """Return the fingerprint from the output of `to_json`."""
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
    """The digest of the model that fills it."""
    table: str
    model: ModelFingerprint
    fence_until: float | None = None
    """When the write fence ends, in seconds since 1970; None before the move raises it."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "UpcomingTable":
        """Return the table from the output of `to_json`."""
        table = checked_table(value["table"])
        return cls(value["digest"], table, ModelFingerprint.from_json(value["model"]), value.get("peace"))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; its `peace` is the fence's deadline, left out if there is no fence."""
        fence = {} if self.fence_until is None else {"peace": self.fence_until}
        return {"digest": self.digest, "table": self.table, "model": self.model.to_json(), **fence}


@dataclass(frozen=True)
class CollectionRecord:
    """One state of a collection: its model, its tables and how they are searched."""

    model: ModelFingerprint
    table: str
    """The table that is searched and written to."""
    half: bool
    """Whether vectors are stored in half precision."""
    exact_limit: int = EXACT_LIMIT
    recall: float = RECALL
    previous: str | None = None
    """The table before the last move, for searches still running in it."""
    next: UpcomingTable | None = None
    """The table that an unfinished move fills."""
    tuned: Mapping[Modality, Tuning] = field(default_factory=dict)
    """How the approximate index of each side is searched, if one was built."""
    format: int = FORMAT
    id: str | None = None
    """What tells the collection from every other, wherever it is moved; None in the records of older collections."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "CollectionRecord":
        """Return the record from the output of `to_json`; `BadSetting` if it names tables of others."""
        return cls(
            ModelFingerprint.from_json(value["model"]),
            checked_table(value["table"]),
            value["half"],
            value["exact_limit"],
            value["recall"],
            None if value["previous"] is None else checked_table(value["previous"]),
            UpcomingTable.from_json(value["next"]) if value["next"] else None,
            {side: Tuning.from_json(tuning) for side, tuning in value["tuned"].items()},
            value["format"],
            value.get("id"),
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
            **({} if self.id is None else {"id": self.id}),
        }

    @property
    def version(self) -> tuple[str, str]:
        """Return the version of the tables and models: the table and the model's digest."""
        return self.table, self.model.digest

    @property
    def lineage(self) -> str:
        """What tells the current table from one of another collection, or model, that was at the same place."""
        return digest(self.id or "", self.model.digest)

    @property
    def fence_until(self) -> float:
        """Return when the write fence ends, in seconds since 1970; 0 without a fence."""
        return (self.next and self.next.fence_until) or 0.0

    @property
    def promise(self) -> SearchPromise:
        """Return the promise that searches keep."""
        return SearchPromise(self.exact_limit, self.recall, self.tuned)


def current_record(store: Store, name: str) -> CollectionRecord:
    """Return the record of an opened collection; `MissingData` if the collection has been removed since."""
    record = store.record()
    if record is None:
        raise MissingData(f"the collection at {name} was removed. Create it again: diptych collection create.")
    return _read(record, name)


def checked_record(store: Store, uri: str) -> CollectionRecord:
    """Return the record of a collection to open; an error if it is missing or has another version."""
    record = store.record()
    if record is None:
        shown = masked(uri)
        raise MissingData(f"there is no collection at {shown}. Make it: diptych collection create {shown} --model M.")
    if isinstance(record, dict) and record.get("format") != FORMAT:
        raise BadSetting(
            f"the collection at {masked(uri)} has the format {record.get('format')!r}; this version reads "
            f"{FORMAT}. Install the version that created it."
        )
    if store.folder is not None:
        refuse_links(store.folder)
    return _read(record, masked(uri))


def refuse_links(folder: Path) -> None:
    """Raise `BadSetting` if a table in a collection's folder, or a part of one, is a link to somewhere else.

    What is written to a table, and removed from it, would be written and removed there.
    """
    tables = [path for prefix in ("items_", "bases_") for path in folder.glob(f"{prefix}*")]
    for path in (each for table in tables for each in (table, *(table.iterdir() if table.is_dir() else ()))):
        if path.is_symlink():
            raise BadSetting(
                f"'{path}' is a link, and a collection's tables lie in its own folder. Put the table itself there, or "
                "make the whole collection's folder a link."
            )


def is_record(value: Any) -> bool:
    """Return whether a JSON value is the record of a collection, of whatever version."""
    return isinstance(value, dict) and "format" in value and "table" in value


def _read(record: Any, name: str) -> CollectionRecord:
    """Return a record as it is read; a damaged one is a `BadSetting`."""
    try:
        return CollectionRecord.from_json(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadSetting(
            f"the record of the collection at {name} is damaged ({type(error).__name__}: {error}). Restore it from a "
            "backup."
        ) from error
