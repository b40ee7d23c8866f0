"""What a collection remembers of itself: its model, its tables, what it promises."""

from typing import Any

from diptych.collection.model import Model
from diptych.collection.tables import FIRST
from diptych.errors import BadSetting, MissingData
from diptych.index.contract import Store
from diptych.index.passwords import masked

FORMAT = 1
"""The version of the record; another one is refused."""
EXACT_LIMIT = 200_000
"""Up to so many items all are looked at; above, the store's approximate index proposes which."""
RECALL = 0.99
"""The share of the exact first ten that an approximate search must find."""


def new_record(model: Model, *, half: bool, exact_limit: int, recall: float) -> dict[str, Any]:
    """Return the record of a new collection."""
    record = {"format": FORMAT, "model": model.record(), "table": FIRST, "previous": None, "next": None}
    return {**record, "half": half, "exact_limit": exact_limit, "recall": recall, "tuned": {}}


def checked_record(store: Store, uri: str) -> dict[str, Any]:
    """Return the record of a collection that is opened; an error where there is none, or one of another version."""
    record = store.record()
    if record is None:
        shown = masked(uri)
        raise MissingData(f"there is no collection at {shown}. Make it: diptych collection create {shown} --model M.")
    if record.get("format") != FORMAT:
        raise BadSetting(
            f"the collection at {masked(uri)} has the format {record.get('format')!r} and this version reads "
            f"{FORMAT}. Install the version that made it."
        )
    return record
