"""Encodes items of any quality: unreadable items are set aside with a reason, and the rest are encoded.

Vectors already in the cache are read from it; new ones are not cached, because they go into a collection.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from diptych.data.features import Encoded, Parts
from diptych.encoders.cache import ItemContent, cache_folder, check_finite, prepared_batches, signature
from diptych.encoders.contract import Encoder, ItemFeatures
from diptych.encoders.shards import ShardFolder
from diptych.errors import BadData, BadFeature


class Sifted(NamedTuple):
    """The encoded items, and the faults of the others."""

    encoded: Encoded | None
    """The items that could be encoded, in their order; None if none could."""
    kept: list[int]
    """Their positions among the given items."""
    faults: dict[int, str]
    """Why each of the others could not be encoded, by position."""


class Sifter:
    """Encodes with one encoder and a snapshot of its cache."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._folder = ShardFolder(cache_folder(encoder))
        self._places = self._folder.places()

    def encode(self, items: Sequence[tuple[str, ItemContent]]) -> Sifted:
        """Return the vectors of pictures (paths) or texts, each given with the digest of its content."""
        features: dict[str, ItemFeatures] = self._cached([key for key, _ in items if key in self._places])
        faults: dict[str, str] = {}
        missing = list({key: item for key, item in items if key not in features}.items())
        for batch, prepared in prepared_batches(self._attempt, missing, size=self.encoder.batch):
            faults |= {key: str(got) for (key, _), got in zip(batch, prepared, strict=True) if isinstance(got, BadData)}
            good = [(pair, got) for pair, got in zip(batch, prepared, strict=True) if not isinstance(got, BadData)]
            vectors = self.encoder.encode([got for _, got in good]) if good else []
            for ((key, item), _), each in zip(good, vectors, strict=True):
                try:
                    check_finite(each, item, self.encoder)
                    features[key] = each
                except BadFeature as error:
                    faults[key] = str(error)
        rows = [k for k, (key, _) in enumerate(items) if key in features]
        reasons = {k: faults[key] for k, (key, _) in enumerate(items) if key in faults}
        return Sifted(self._stacked([features[items[k][0]] for k in rows]), rows, reasons)

    def _attempt(self, item: ItemContent) -> Any:
        """Return the item as the encoder prepares it, or the error that names its fault."""
        try:
            return self.encoder.prepare(item)
        except BadData as error:
            return error

    def _cached(self, keys: Sequence[str]) -> dict[str, ItemFeatures]:
        if not keys:
            return {}
        parts, whole = self._folder.load([self._places[key] for key in keys])
        halves = np.asarray(whole).astype(np.float16)
        sequences = [None] * len(keys) if parts is None else [parts.sequence(k) for k in range(len(keys))]
        return {key: ItemFeatures(sequence, half) for key, sequence, half in zip(keys, sequences, halves, strict=True)}

    def _stacked(self, vectors: Sequence[ItemFeatures]) -> Encoded | None:
        if not vectors:
            return None
        sequences = [each.parts for each in vectors if each.parts is not None]
        whole = np.stack([each.whole for each in vectors]).astype(np.float32)
        return Encoded(whole, Parts.of(sequences) if sequences else None, encoder=signature(self.encoder))
