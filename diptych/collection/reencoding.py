"""Moves a collection to another model: fills a second table while the first one serves, then switches to it.

The record names the next model from the beginning, so that services can load it in good time. During the last
comparison of the two tables, a write fence keeps writers waiting (`diptych.ingest.fence`).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from diptych.collection.model import fingerprint_of
from diptych.collection.picture_places import PicturePlaces
from diptych.collection.placed_table import PlacedTable
from diptych.collection.records import CollectionRecord, UpcomingTable, current_record
from diptych.collection.tables import after, drop_table, make_table, model_of_table
from diptych.data.addresses import Picture, is_withheld, picture_at, picture_digest
from diptych.data.entries import Entry
from diptych.errors import BadData, BadSetting
from diptych.index.contract import Store, Table
from diptych.index.items import Items
from diptych.index.passwords import masked
from diptych.ingest.item_embedding import EntryEmbedder, ReadEntry
from diptych.ingest.kept_pictures import FOREIGN, readable
from diptych.ingest.rejects import Added, Reject
from diptych.ingest.upserting import AT_ONCE
from diptych.progress import Progress
from diptych.retrieval.embedding_model import EmbeddingModel

LABEL = "items moved"
FENCE_SECONDS = 10.0
"""The shortest duration of a fence, unless the move ends earlier."""
ROUNDS = 3
"""How many comparisons of the two tables a fence must leave time for."""
SKEW = 3.0
"""How many seconds the clocks of two machines may differ by."""


def move(
    store: Store,
    model: EmbeddingModel,
    places: PicturePlaces,
    *,
    reject: Callable[[Reject], None],
    progress: Progress,
) -> Added:
    """Fill a table with every item embedded by `model`, then switch the collection to it; resume after a kill.

    The move follows additions and removals meanwhile: it compares the tables until they agree, and once more while
    writers wait. Items that can no longer be read are passed to `reject` and left behind. `BadSetting` if the path
    of a picture is withheld.
    """
    record = current_record(store, masked(store.uri))
    if record.model.digest == model.digest:
        raise BadSetting(f"{model.source} is already the model of this collection. Name another one.")
    old = PlacedTable(store.table(record.table), places)
    begun, model = _begun(store, record, model)
    new = PlacedTable(begun, places)
    embedder, moved = EntryEmbedder(model), 0
    lost: dict[str, tuple[str, str]] = {}
    began = time.monotonic()
    while pending := _differing(old, new, lost):
        moved += _copy(old, new, embedder, pending, lost, progress)
        began = time.monotonic()
    took = time.monotonic() - began
    while True:
        fence_until = raise_fence(store, max(FENCE_SECONDS, ROUNDS * took))
        began = time.monotonic()
        moved += _copy(old, new, embedder, _differing(old, new, lost), lost, progress)
        if time.time() < fence_until - SKEW:
            break
        took = time.monotonic() - began
    store.remember(_switched(current_record(store, masked(store.uri)), model, new.name).to_json())
    for where, reason in lost.values():
        reject(Reject(where, reason))
    return Added(added=moved, rejected=len(lost))


def _begun(store: Store, record: CollectionRecord, model: EmbeddingModel) -> tuple[Table, EmbeddingModel]:
    """Return the table to fill, resumed if one was begun for the same model, and the model that fills it."""
    begun = record.next
    if begun and begun.digest == model.digest and begun.table in store.tables():
        return store.table(begun.table), model_of_table(store, begun.table, model)
    if begun:
        drop_table(store, begun.table)
    name = after(record.table)
    store.remember(replace(record, next=UpcomingTable(model.digest, name, fingerprint_of(model))).to_json())
    model = make_table(store, name, model, half=record.half)
    return store.table(name), model


def raise_fence(store: Store, seconds: float) -> float:
    """Raise the write fence for this many seconds, and return its deadline; `BadSetting` if the move has ended."""
    record, fence_until = current_record(store, masked(store.uri)), time.time() + seconds
    if record.next is None:
        raise BadSetting("another process ended this move to another model. Start it again.")
    store.remember(replace(record, next=replace(record.next, fence_until=fence_until)).to_json())
    return fence_until


def _switched(record: CollectionRecord, model: EmbeddingModel, table: str) -> CollectionRecord:
    """Return the record after the switch; the old table stays for searches still running."""
    return replace(record, model=fingerprint_of(model), table=table, previous=record.table, next=None, tuned={})


def _differing(old: Table, new: Table, lost: Mapping[str, tuple[str, str]]) -> list[str]:
    """Remove from the new table the items gone from the old one, and return the ids that are missing or differ."""
    there, here = old.contents(), new.contents()
    if gone := [identity for identity in here if identity not in there]:
        new.remove(gone)
    return sorted(
        identity for identity, content in there.items() if here.get(identity) != content and identity not in lost
    )


def _copy(
    old: Table,
    new: Table,
    embedder: EntryEmbedder,
    ids: list[str],
    lost: dict[str, tuple[str, str]],
    progress: Progress,
) -> int:
    """Embed the named items again, and return how many were written; unreadable ones are added to `lost`."""
    new.widen(old.columns())
    written = 0
    for start in range(0, len(ids), AT_ONCE):
        reads = _reads(old.read(ids[start : start + AT_ONCE]), lost)
        items, faults = embedder.embed(reads)
        lost.update({reads[k].entry.id: (reads[k].entry.where, reason) for k, reason in faults.items()})
        if len(items):
            new.write(items)
        written += len(items)
        progress(min(start + AT_ONCE, len(ids)), len(ids), LABEL)
    return written


def _picture(path: str, identity: str) -> Picture:
    """Return the picture at a path; the system says why a file cannot be opened that is not there."""
    picture = picture_at(path)
    return picture if isinstance(picture, Path) and not picture.exists() else readable(path, identity=identity)


def _reads(items: Items, lost: dict[str, tuple[str, str]]) -> list[ReadEntry]:
    """Return stored items as read entries, with their digests; unreadable ones are added to `lost`."""
    reads = []
    for identity, content, image, texts, metadata in zip(
        items.ids, items.contents, items.images, items.texts, items.metadata, strict=True
    ):
        if image and is_withheld(image):
            raise BadSetting(FOREIGN.format(identity=identity))
        try:
            picture = _picture(image, identity) if image else None
            entry = Entry(identity, picture, texts, image or identity, metadata)
            reads.append(ReadEntry(entry, picture_digest(entry.image) if entry.image else "", content))
        except (OSError, BadData) as error:
            lost[identity] = (image or identity, str(error))
    return reads
