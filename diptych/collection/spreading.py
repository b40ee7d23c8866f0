"""Filling a collection with the workers of a Ray cluster: they place items, and this process alone writes them.

A worker needs the model, its encoders and the pictures, but not the store: a block comes with what the collection has
of it already.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

from diptych.cluster import Cluster
from diptych.collection.adding import Destination, Placed, add_entries, add_placed, batches, known_of, placed
from diptych.collection.filling import Filler
from diptych.collection.model import Model, reopen_model
from diptych.collection.reduction import Reduction
from diptych.collection.rejects import Added, Reject
from diptych.data.addresses import Address
from diptych.data.entries import Entry
from diptych.progress import Progress


@dataclass(frozen=True)
class Block:
    """Entries that are placed together, and the digests of what the collection has of them."""

    entries: tuple[Entry, ...]
    known: Mapping[str, str]


@dataclass(frozen=True)
class ModelOf:
    """How a worker opens the model of a collection."""

    record: Mapping[str, Any]
    source: str | None
    """The folder where its run lies now, if it moved."""
    reduction: Reduction | None

    def __call__(self) -> "BlockPlacer":
        """Return what places blocks."""
        return BlockPlacer(replace(reopen_model(self.record, self.source), reduction=self.reduction))


class BlockPlacer:
    """Places entries, block by block."""

    def __init__(self, model: Model) -> None:
        self._filler = Filler(model)

    def __call__(self, block: Block) -> Placed:
        """Return what became of a block."""
        return placed(block.known, self._filler, block.entries)


def taken_in(
    to: Destination,
    record: Mapping[str, Any],
    entries: Iterable[Entry],
    *,
    cluster: Cluster | None,
    reject: Callable[[Reject], None],
    progress: Progress,
) -> Added:
    """Return what became of entries, placed here or by a cluster; `record` is what is remembered of the model."""
    if cluster is None:
        return add_entries(to, entries, reject=reject, progress=progress)
    site = to.site
    model = site.filler.model
    moved = model.source if model.source != record["source"] else None
    blocks = (Block(tuple(map(_alone, batch)), known_of(site.table, batch)) for batch in batches(entries))
    with cluster.connected() as connected:
        made = connected.map(ModelOf(record, moved, model.reduction), blocks)
        return add_placed(to, zip(repeat(site), made), reject=reject, progress=progress)


def _alone(entry: Entry) -> Entry:
    """Return an entry without the bytes of its picture: the worker reads them where they are."""
    return replace(entry, image=entry.image.alone()) if isinstance(entry.image, Address) else entry
