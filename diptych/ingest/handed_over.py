"""Items given in memory, one by one or many at a time, with their pictures as bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diptych.data.column_names import IMAGE, ColumnNames
from diptych.data.entries import Entry, entry_of
from diptych.data.findings import FaultError
from diptych.data.in_memory import picture_of, rows_of
from diptych.entrance import fit_fields
from diptych.errors import BadImage, DiptychError
from diptych.index.contract import Table
from diptych.ingest.item_embedding import EntryEmbedder
from diptych.ingest.kept_pictures import PIXELS, Pictures
from diptych.ingest.rejects import Added, Reject, Rejects
from diptych.ingest.upserting import Destination, Site, upsert_entries
from diptych.progress import silent

AT_ONCE = 64
"""How many items in memory are embedded at a time."""


@dataclass(frozen=True)
class NewItem:
    """An item given in memory."""

    row: Mapping[str, Any]
    """As in a manifest: `id`, `text` or `texts`, and any other columns, but no path to a picture."""
    picture: bytes | None = None
    where: str = "item"
    """Its name in a rejection."""
    pixels: int = field(default=PIXELS, repr=False)
    """The most pixels that its picture may have."""

    def __post_init__(self) -> None:
        fit_fields(self)


def new_items(data: Any, names: ColumnNames, *, reject: Callable[[Reject], None]) -> Iterator[list[NewItem]]:
    """Yield the items that rows in memory describe, some at a time: those that have a picture carry its bytes.

    A row whose picture cannot be read is rejected.
    """
    several: list[NewItem] = []
    for number, row in enumerate(rows_of(data, names)):
        try:
            picture = picture_of(row, number)
            content = picture.read_bytes() if isinstance(picture, Path) else picture
        except (DiptychError, OSError) as error:
            reject(Reject(f"row {number}", f"its picture cannot be read: {error}"))
            continue
        rest = {name: value for name, value in row.items() if name not in ("image", IMAGE[0])}
        if isinstance(picture, Path):
            rest.setdefault("id", str(picture))
        several.append(NewItem(rest, content, f"row {number}"))
        if len(several) == AT_ONCE:
            yield several
            several = []
    if several:
        yield several


def upsert_items(
    items: Sequence[NewItem], table: Table, embedder: EntryEmbedder, pictures: Pictures
) -> tuple[Added, list[Reject]]:
    """Upsert items and return the counts and rejects; pictures of replaced or rejected items are removed again."""
    rejects = Rejects(None)
    with pictures.arriving() if any(item.picture is not None for item in items) else nullcontext():
        entries = [entry for item in items if (entry := _entry(item, pictures, rejects))]
        ids = list(dict.fromkeys(entry.id for entry in entries))
        before = table.read(ids).images
        added = upsert_entries(Destination(Site(table, embedder)), entries, reject=rejects.add, progress=silent)
    paths = [str(entry.image) for entry in entries if entry.image]
    pictures.forget([*before, *paths], named=lambda: table.read(ids).images)
    return rejects.written(added), rejects.all


def remove_items(ids: Sequence[str], table: Table, pictures: Pictures) -> int:
    """Remove items with the pictures kept for them, and return how many of the items existed."""
    paths = table.read(ids).images
    removed = table.remove(ids)
    pictures.forget(paths, named=lambda: table.read(ids).images)
    return removed


def _entry(item: NewItem, pictures: Pictures, rejects: Rejects) -> Entry | None:
    try:
        entry = entry_of(item.row, pictured=item.picture is not None, where=item.where, remark=rejects.remark)
        if item.picture is None:
            return entry
        return replace(entry, image=pictures.keep(entry.id, item.picture, pixels=item.pixels))
    except FaultError as fault:
        rejects.report(fault.finding)
    except BadImage as error:
        rejects.add(Reject(item.where, str(error)))
    return None
