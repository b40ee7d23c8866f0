"""Writes columns of metadata that were computed from a collection's own items."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from typing import NamedTuple

from diptych.collection.picture_places import PicturePlaces
from diptych.collection.placed_table import PlacedTable
from diptych.collection.records import CollectionRecord, current_record
from diptych.collection.surveyed_items import AT_ONCE
from diptych.data.metadata import RESERVED, column_name
from diptych.errors import BadSetting
from diptych.index.conditions import Columns, Kind, Value
from diptych.index.contract import Store, Table
from diptych.index.items import Items
from diptych.index.passwords import masked
from diptych.index.refusals import new_columns
from diptych.ingest.columns import MOST_COLUMNS_IN_ALL
from diptych.ingest.fence import records_to_write_by
from diptych.ingest.upserting import write_fitted
from diptych.modality import MODALITIES
from diptych.progress import Progress, silent

LABEL = "items written"
TRUTHS = {"true": True, "false": False}


class ComputedColumns(NamedTuple):
    """Columns with a value for some items."""

    kinds: Columns
    values: Mapping[str, Mapping[str, Value]]
    """By the ids of the items."""


def check_names(table: Table, kinds: Columns) -> None:
    """Raise `BadSetting` unless the table can hold such columns."""
    for name in kinds:
        if column_name(name) != name or name in RESERVED:
            taken = ", ".join(sorted(RESERVED))
            raise BadSetting(
                f"{name!r} cannot be the name of a column. It consists of letters, digits and _, does not begin with "
                f"a digit, and is none of {taken}."
            )
    columns = table.columns()
    if len(columns) + len(new_columns(columns, kinds)) > MOST_COLUMNS_IN_ALL:
        raise BadSetting(
            f"the collection has {len(columns)} columns, and at most {MOST_COLUMNS_IN_ALL} fit. Name an existing one."
        )


def write_columns(store: Store, computed: ComputedColumns, *, over: bool, progress: Progress | None = None) -> int:
    """Write columns, some items at a time, and return how many items changed; nothing is encoded anew.

    Items that have the very values already are skipped, so that a killed call continues where it was. Where an item
    has another value, nothing is written: `BadSetting`, unless it may be written `over`; then items without a new value
    lose theirs. An item that another process changes at the same moment may be written again as it was before.
    """
    table = _table(store, _settled(store))
    check_names(table, computed.kinds)
    return _write(store, _changed(table, computed, over=over), computed, progress)


def write_value(store: Store, ids: Sequence[str], column: str, value: str | None) -> int:
    """Write a value into a column of some items, leave all other items alone, and return how many changed.

    A number or a truth is read from the text; to a column of several texts the value is added. None takes the values
    of the column out. Raises `BadSetting` for a value that the column cannot hold.
    """
    table = _table(store, _settled(store))
    kind = table.columns().get(column, "text")
    check_names(table, {column: kind})
    said = None if value is None else _read(value, kind, column)
    wanted: dict[str, Mapping[str, Value]] = {}
    for start in range(0, len(ids), AT_ONCE):
        items = table.read(ids[start : start + AT_ONCE])
        for identity, metadata in zip(items.ids, items.metadata, strict=True):
            before = metadata.get(column)
            after = (*before, *said) if isinstance(said, tuple) and isinstance(before, tuple) else said
            after = tuple(dict.fromkeys(after)) if isinstance(after, tuple) else after
            if after != before:
                wanted[identity] = {} if after is None else {column: after}
    return _write(store, list(wanted), ComputedColumns({column: kind}, wanted), None)


def _read(value: str, kind: Kind, column: str) -> Value:
    """Return a text as a value of a column."""
    if kind == "texts":
        return (value,)
    if kind == "text":
        return value
    if kind == "truth" and value in TRUTHS:
        return TRUTHS[value]
    with suppress(ValueError):
        if kind == "number" and isfinite(number := float(value)):
            return number
    wanted = "true or false" if kind == "truth" else "numbers"
    raise BadSetting(
        f"the column {column!r} holds {wanted}; got {value[:60]!r}. Give it such a value, or another name."
    )


def _write(store: Store, changed: Sequence[str], computed: ComputedColumns, progress: Progress | None) -> int:
    """Write the columns of items that change, and return how many those are."""
    told = progress or silent
    for start in range(0, len(changed), AT_ONCE):
        _settled(store)
        for each in records_to_write_by(lambda: current_record(store, masked(store.uri))):
            there = _table(store, each)
            items = there.read(changed[start : start + AT_ONCE], vectors=MODALITIES)
            if len(items):
                write_fitted(there, _rewritten(items, computed))
        told(min(start + AT_ONCE, len(changed)), len(changed), LABEL)
    _settled(store)
    return len(changed)


def _table(store: Store, record: CollectionRecord) -> PlacedTable:
    """Return the table with the whole paths of its pictures, none of which is read."""
    return PlacedTable(store.table(record.table), PicturePlaces(store.folder))


def _settled(store: Store) -> CollectionRecord:
    """Return the record; `BadSetting` while the collection moves, since the move would not see the columns."""
    record = current_record(store, masked(store.uri))
    if record.next is not None:
        raise BadSetting(
            "the collection is moving to another model, which would leave the new columns behind. Wait until the move "
            "is complete (after a kill: diptych collection reencode), then run this again."
        )
    return record


def _changed(table: Table, computed: ComputedColumns, *, over: bool) -> list[str]:
    """Return the items that do not have their values yet, all of which may be changed."""
    ids, changed = table.ids(), []
    for start in range(0, len(ids), AT_ONCE):
        items = table.read(ids[start : start + AT_ONCE])
        for identity, metadata in zip(items.ids, items.metadata, strict=True):
            values = computed.values.get(identity, {})
            before = {name: metadata[name] for name in computed.kinds if name in metadata}
            differing = [name for name, value in before.items() if values.get(name) != value]
            if differing and not over:
                raise BadSetting(
                    f"the column {differing[0]!r} has other values already: {before[differing[0]]!r} for the item "
                    f"{identity!r}. Write over them (--replace), or name another column (--column NAME)."
                )
            if before != values:
                changed.append(identity)
    return changed


def _rewritten(items: Items, computed: ComputedColumns) -> Items:
    """Return items with the computed columns; their contents stay, so that adding them again leaves them alone."""

    def fresh(metadata: Mapping[str, Value], identity: str) -> Mapping[str, Value]:
        others = {name: value for name, value in metadata.items() if name not in computed.kinds}
        return {**others, **computed.values.get(identity, {})}

    pairs: Sequence[tuple[Mapping[str, Value], str]] = list(zip(items.metadata, items.ids, strict=True))
    return replace(items, metadata=tuple(fresh(*pair) for pair in pairs))
