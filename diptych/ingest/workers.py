"""Filling a collection with the workers of a Ray cluster: they place items, and this process alone writes them.

A worker needs the model, its encoders and the pictures, but not the store: a block comes with what the collection has
of it already.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import repeat

from diptych.cluster import Cluster
from diptych.data.addresses import Address
from diptych.data.entries import Entry
from diptych.ingest.embedding import Filler, ItemModel
from diptych.ingest.rejects import Added, Reject
from diptych.ingest.upserting import Destination, Placed, add_entries, add_placed, batches, known_of, placed
from diptych.progress import Progress


@dataclass(frozen=True)
class Block:
    """Entries that are placed together, and the digests of what the collection has of them."""

    entries: tuple[Entry, ...]
    known: Mapping[str, str]


@dataclass(frozen=True)
class PlacerSource:
    """How a worker opens what places blocks."""

    opens: Callable[[], ItemModel]

    def __call__(self) -> "BlockPlacer":
        """Return what places blocks."""
        return BlockPlacer(self.opens())


class BlockPlacer:
    """Places entries, block by block."""

    def __init__(self, model: ItemModel) -> None:
        self._filler = Filler(model)

    def __call__(self, block: Block) -> Placed:
        """Return what became of a block."""
        return placed(block.known, self._filler, block.entries)


def taken_in(
    to: Destination,
    opens: Callable[[], ItemModel],
    entries: Iterable[Entry],
    *,
    cluster: Cluster | None,
    reject: Callable[[Reject], None],
    progress: Progress,
) -> Added:
    """Return what became of entries, placed here or by a cluster; `opens` opens the model in a worker."""
    if cluster is None:
        return add_entries(to, entries, reject=reject, progress=progress)
    site = to.site
    blocks = (Block(tuple(map(_alone, batch)), known_of(site.table, batch)) for batch in batches(entries))
    with cluster.connected() as connected:
        made = connected.map(PlacerSource(opens), blocks)
        return add_placed(to, zip(repeat(site), made), reject=reject, progress=progress)


def _alone(entry: Entry) -> Entry:
    """Return an entry without the bytes of its picture: the worker reads them where they are."""
    return replace(entry, image=entry.image.alone()) if isinstance(entry.image, Address) else entry
