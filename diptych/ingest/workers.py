"""Fills a collection with the workers of a Ray cluster: they embed items, and this process alone writes them.

A worker needs the model, its encoders and the pictures, but not the store: each block comes with the digests of the
entries that the collection already has.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat

from diptych.cluster import Cluster
from diptych.data.addresses import Address
from diptych.data.entries import Entry
from diptych.ingest.distinct_ids import DistinctIds
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
    """Entries that are embedded together, and the digests of those that the collection already has."""

    entries: tuple[Entry, ...]
    stored: Mapping[str, str]


@dataclass(frozen=True)
class EmbedderSource:
    """How a worker opens its embedder."""

    opens: Callable[[], ItemModel]

    def __call__(self) -> "BlockEmbedder":
        """Return the embedder of blocks."""
        return BlockEmbedder(self.opens())


class BlockEmbedder:
    """Embeds entries, block by block."""

    def __init__(self, model: ItemModel) -> None:
        self._embedder = EntryEmbedder(model)

    def __call__(self, block: Block) -> EmbeddedBlock:
        """Return a block embedded and ready to write."""
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
    """Ingest entries, embedded here or by a cluster, and return their counts; `opens` opens the model in a worker."""
    if cluster is None:
        return upsert_entries(to, entries, reject=reject, progress=progress)
    site = to.site
    distinct = DistinctIds()
    named = (distinct(batch, site.table) for batch in batches(entries))
    blocks = (Block(tuple(map(_alone, batch)), stored_digests(site.table, batch)) for batch in named)
    with cluster.connected() as connected:
        made = connected.map(EmbedderSource(opens), blocks)
        return upsert_blocks(to, zip(repeat(site), made), reject=reject, progress=progress)


def _alone(entry: Entry) -> Entry:
    """Return an entry without the bytes of its picture: the worker reads them from the source."""
    return replace(entry, image=entry.image.alone()) if isinstance(entry.image, Address) else entry
