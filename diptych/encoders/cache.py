"""The feature cache of both modalities: each item is encoded once and then read from disk.

The key of an item's vectors is its content (the SHA-256 of the file or text) and the encoder's fingerprint, under
CACHE/features/<modality>-<encoder>-<fingerprint>/. Renaming a file changes nothing; changing a setting, a weight
file or one pixel leads to other vectors.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diptych.data.addresses import Picture, picture_digest
from diptych.data.features import Encoded, Parts
from diptych.encoders.contract import Encoder, ItemFeatures
from diptych.encoders.shards import ShardFolder
from diptych.errors import BadFeature, MissingData
from diptych.files import digest
from diptych.progress import Progress, silent
from diptych.rooms import split_name
from diptych.settings import cache_root, thread_count

SHARD_ITEMS = {"image": 256, "text": 4096}
"""Items per shard: the most that an interrupted process loses."""
SHARD_BYTES = 128 * 2**20
"""A shard is also closed at this size."""
BATCHES_AHEAD = 6
"""Batches prepared ahead of the network."""

ItemContent = Picture | str
"""A picture or a text."""


def encode_items(encoder: Encoder, items: Sequence[ItemContent], *, progress: Progress | None = None) -> Encoded:
    """Return the vectors of pictures or texts, in order, encoding only those that are not cached.

    Identical contents are encoded once. Pictures are decoded in threads while the network runs. If a picture
    cannot be decoded, the items before it stay cached.
    """
    tell = progress or silent
    if not items:
        return no_items(encoder)
    folder = ShardFolder(cache_folder(encoder))
    folder.clean()
    keys = keys_of(items)
    contents = dict(zip(keys, items, strict=True))
    places = folder.places()
    while missing := {key: item for key, item in contents.items() if key not in places}:
        fill_cache(folder, encoder, missing, total=len(contents), tell=tell)
        places = folder.places()
    parts, whole = folder.load([places[key] for key in keys])
    return Encoded(whole, parts, encoder=signature(encoder))


def no_items(encoder: Encoder) -> Encoded:
    """Return zero items with the widths of this encoder."""
    width = encoder.parts_width
    parts = None if width is None else replace(Parts.of([]), blocks=(np.zeros((0, width), dtype=np.float16),))
    return Encoded(np.zeros((0, encoder.whole_width), dtype=np.float32), parts, encoder=signature(encoder))


def cache_folder(encoder: Encoder) -> Path:
    """Return the cache folder of this encoder."""
    return cache_root() / "features" / f"{encoder.modality}-{split_name(encoder.name)[0]}-{encoder.fingerprint}"


def signature(encoder: Encoder) -> str:
    """Return an encoder's name and fingerprint."""
    return f"{encoder.name}@{encoder.fingerprint}"


def keys_of(items: Sequence[ItemContent]) -> list[str]:
    """Return a digest of each item's content; files are read in threads."""
    with ThreadPoolExecutor(thread_count()) as pool:
        files = pool.map(picture_key, [item for item in items if not isinstance(item, str)])
        return [digest(item) if isinstance(item, str) else next(files) for item in items]


def picture_key(path: Picture) -> str:
    """Return a digest of a picture's content; raise `MissingData` if it cannot be read."""
    try:
        return picture_digest(path)
    except OSError as error:
        raise MissingData(f"the picture {path} cannot be read: {error.strerror}. Is the data set complete?") from error


def fill_cache(
    folder: ShardFolder, encoder: Encoder, missing: Mapping[str, ItemContent], *, total: int, tell: Progress
) -> None:
    """Encode missing items, shard by shard; on an error, completed items are kept."""
    label = encoder.label
    done = total - len(missing)
    tell(done, total, label)
    with OpenShard(folder, SHARD_ITEMS[encoder.modality]) as shard:
        for batch, prepared in prepared_batches(encoder.prepare, list(missing.items()), size=encoder.batch):
            for (key, item), vectors in zip(batch, encoder.encode(prepared), strict=True):
                check_finite(vectors, item, encoder)
                shard.add(key, vectors)
            done += len(batch)
            tell(done, total, label)


def prepared_batches(
    prepare: Callable[[ItemContent], Any], items: Sequence[tuple[str, ItemContent]], *, size: int
) -> Iterator[tuple[Sequence[tuple[str, ItemContent]], list[Any]]]:
    """Yield batches with their inputs, prepared in threads a few batches ahead of the network."""

    def prepare_all(batch: Sequence[tuple[str, ItemContent]]) -> list[Any]:
        return [prepare(item) for _, item in batch]

    waiting: deque[tuple[Sequence[tuple[str, ItemContent]], Future[list[Any]]]] = deque()
    with ThreadPoolExecutor(max(1, thread_count() // 2)) as pool:
        for start in range(0, len(items), size):
            batch = items[start : start + size]
            waiting.append((batch, pool.submit(prepare_all, batch)))
            if len(waiting) > BATCHES_AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        for last, future in waiting:
            yield last, future.result()


def check_finite(vectors: ItemFeatures, item: ItemContent, encoder: Encoder) -> None:
    """Refuse vectors with NaN or infinity, naming the item."""
    for array in vectors:
        if array is not None and not np.isfinite(array).all():
            shown = repr(item[:60]) if isinstance(item, str) else item
            raise BadFeature(
                f"{encoder.name} must give finite numbers; for {shown} it gave NaN or infinity. "
                f"Leave this item out, or choose another encoder."
            )


class OpenShard:
    """Collects vectors until a shard is full; a thread writes it while the next one is collected.

    Leaving the block, with or without an error, writes the collected vectors and waits until they are on disk.
    """

    def __init__(self, folder: ShardFolder, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._vectors: dict[str, ItemFeatures] = {}
        self._bytes = 0
        self._pool = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def __enter__(self) -> "OpenShard":
        return self

    def __exit__(self, *reason: object) -> None:
        with self._pool:
            self._commit()
            self._wait()

    def add(self, key: str, vectors: ItemFeatures) -> None:
        """Add one item's vectors; a full shard is written."""
        self._vectors[key] = vectors
        self._bytes += sum(array.nbytes for array in vectors if array is not None)
        if len(self._vectors) >= self._limit or self._bytes >= SHARD_BYTES:
            self._commit()

    def _commit(self) -> None:
        self._wait()
        if self._vectors:
            self._writing = self._pool.submit(self._folder.write, self._vectors)
        self._vectors, self._bytes = {}, 0

    def _wait(self) -> None:
        """Wait for the previous shard, so that at most two are in memory; its errors are raised here."""
        if self._writing:
            self._writing.result()
        self._writing = None
