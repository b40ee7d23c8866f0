"""Distribute encoding over the workers of a Ray cluster, into the cache that they share with this process.

Every worker opens the encoder once. A block has as many items as a shard and the same batches as on a single machine,
so that the vectors are identical; the worker commits its own shard for it. When a block is retried because its worker
died, committed items are read from the cache.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

from diptych.cluster import Cluster, Connected
from diptych.data.addresses import Address
from diptych.data.pairs import DataSet
from diptych.encoders.cache import SHARD_ITEMS, ItemContent, cache_folder, fill_cache, keys_of
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import FeatureSource, pictures_of, texts_of
from diptych.encoders.registry import open_encoder
from diptych.encoders.shards import ShardFolder
from diptych.errors import BadSetting
from diptych.modality import MODALITIES, Modality
from diptych.progress import Progress
from diptych.settings import thread_count

BLOCKS_A_WORKER = 8
"""Minimum number of blocks per worker, if there are enough batches, so that no worker waits long for the last."""


@dataclass(frozen=True)
class EncoderOf:
    """Opens an encoder on a worker."""

    name: str
    settings: tuple[str, ...]
    modality: Modality
    fingerprint: str

    def __call__(self) -> "BlockEncoder":
        """Return the encoder of blocks; raise `BadSetting` if its weights differ on the worker."""
        encoder = open_encoder(self.name, self.settings, modality=self.modality)
        if not isinstance(encoder, Encoder) or encoder.fingerprint != self.fingerprint:
            raise BadSetting(
                f"{self.name} differs between the workers and this process in its weights or version. Install "
                "the same version of diptych, and put the same weights there."
            )
        return BlockEncoder(encoder)


class BlockEncoder:
    """Fills the cache, block by block."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._folder = ShardFolder(cache_folder(encoder))
        self._keys = set(self._folder.places())

    def __call__(self, items: Sequence[ItemContent]) -> int:
        """Commit the vectors of a block and return its number of items."""
        with ThreadPoolExecutor(thread_count()) as pool:
            items = list(pool.map(_at_hand, items))
        contents: Mapping[str, ItemContent] = dict(zip(keys_of(items), items, strict=True))
        missing = {key: item for key, item in contents.items() if key not in self._keys}
        if missing:
            fill_cache(self._folder, self._encoder, missing, total=len(missing), tell=_silent)
        self._keys |= missing.keys()
        return len(items)


def spread_dataset(
    cluster: Cluster,
    dataset: DataSet,
    encoders: tuple[FeatureSource, FeatureSource],
    *,
    settings: Sequence[str] = (),
    progress: Progress | None = None,
) -> None:
    """Fill the cache with all pairs of a data set; `settings` such as `image_encoder.side=380` opened the encoders."""
    rows = range(len(dataset.pairs))
    work: list[tuple[Encoder, Sequence[ItemContent]]] = []
    for modality, encoder in zip(MODALITIES, encoders, strict=True):
        if not isinstance(encoder, Encoder):
            encoder.encode(dataset, rows, modality)  # raises the error for missing data
        elif modality == "image":
            work.append((encoder, pictures_of(dataset, rows, encoder)))
        else:
            work.append((encoder, [text for texts in texts_of(dataset, rows, encoder) for text in texts]))
    with cluster.connected() as connected:
        for encoder, items in work:
            own = [s.partition(".")[2] for s in settings if s.startswith(f"{encoder.modality}_encoder.")]
            spread(connected, encoder, items, settings=own, progress=progress)


def spread(
    connected: Connected,
    encoder: Encoder,
    items: Sequence[ItemContent],
    *,
    settings: Sequence[str] = (),
    progress: Progress | None = None,
) -> None:
    """Fill the cache with the vectors of pictures or texts; `settings` are those that the encoder was opened with."""
    label = encoder.label
    maker = EncoderOf(encoder.name, tuple(settings), encoder.modality, encoder.fingerprint)
    tell, done = progress or _silent, 0
    tell(done, len(items), label)
    for size in connected.map(maker, blocks_of(items, encoder, workers=connected.workers[1])):
        done += size
        tell(done, len(items), label)


def blocks_of(items: Sequence[ItemContent], encoder: Encoder, *, workers: int) -> list[Sequence[ItemContent]]:
    """Return blocks of whole batches: at most a shard each, and fewer items if workers would otherwise be idle."""
    batches = ceil(len(items) / encoder.batch)
    most = max(1, SHARD_ITEMS[encoder.modality] // encoder.batch)
    size = encoder.batch * min(most, max(1, batches // (workers * BLOCKS_A_WORKER)))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _at_hand(item: ItemContent) -> ItemContent:
    """Return a remote picture with its content, which is needed twice."""
    return item.at_hand() if isinstance(item, Address) else item


def _silent(done: int, total: int, label: str) -> None:
    """Ignore progress."""
