"""Filling a collection with the workers of a Ray cluster: they embed items, and this process alone writes them.

A worker needs the model, its encoders and the pictures, but not the store: a block comes with what the collection has
of it already.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat

from diptych.cluster import Cluster
from diptych.data.addresses import Address
from diptych.data.entries import Entry
from diptych.ingest.item_embedding import EntryEmbedder, ItemModel
from diptych.ingest.rejects import Added, Reject
from diptych.ingest.upserting import (
    Destination,
    EmbeddedBlock,
    batches,
    embed_block,
    stored_digests,
    upsert_blocks,
    upsert_entries,
)
from diptych.progress import Progress


@dataclass(frozen=True)
class Block:
    """Entries that are embedded together, and the digests of those that the collection has."""

    entries: tuple[Entry, ...]
    stored: Mapping[str, str]


@dataclass(frozen=True)
class EmbedderSource:
    """How a worker opens what embeds blocks."""

    opens: Callable[[], ItemModel]

    def __call__(self) -> "BlockEmbedder":
        """Return what embeds blocks."""
        return BlockEmbedder(self.opens())


class BlockEmbedder:
    """Embeds entries, block by block."""

    def __init__(self, model: ItemModel) -> None:
        self._embedder = EntryEmbedder(model)

    def __call__(self, block: Block) -> EmbeddedBlock:
        """Return what a block is to be written as."""
        return embed_block(block.entries, self._embedder, stored=block.stored)


def ingest(
    to: Destination,
    opens: Callable[[], ItemModel],
    entries: Iterable[Entry],
    *,
    cluster: Cluster | None,
    reject: Callable[[Reject], None],
    progress: Progress,
) -> Added:
    """Return what became of entries, embedded here or by a cluster; `opens` opens the model in a worker."""
    if cluster is None:
        return upsert_entries(to, entries, reject=reject, progress=progress)
    site = to.site
    blocks = (Block(tuple(map(_alone, batch)), stored_digests(site.table, batch)) for batch in batches(entries))
    with cluster.connected() as connected:
        made = connected.map(EmbedderSource(opens), blocks)
        return upsert_blocks(to, zip(repeat(site), made), reject=reject, progress=progress)


def _alone(entry: Entry) -> Entry:
    """Return an entry without the bytes of its picture: the worker reads them where they are."""
    return replace(entry, image=entry.image.alone()) if isinstance(entry.image, Address) else entry
