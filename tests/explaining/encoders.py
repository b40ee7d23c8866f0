"""Encoders of which the answer is known: colours of a picture's quarters, letters of words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diptych.data.features import Encoded, Features, Parts
from diptych.data.pictures import decode
from diptych.encoders.contract import Encoder, ItemFeatures, Span
from diptych.encoders.word_vectors import word_spans
from diptych.modality import Modality

WIDTH = 4


class Quarters(Encoder):
    """The mean colour of each quarter of a picture, and a one; the whole is their mean."""

    modality: Modality = "image"
    name, fingerprint, batch = "quarters", "0", 8
    parts_width = whole_width = WIDTH

    def __init__(self, *, sums_parts: bool = True, regions: int = 4) -> None:
        self.sums_parts = sums_parts
        self.regions = regions

    def prepare(self, item: Path) -> Any:
        """Return the picture's pixels."""
        return np.asarray(decode(item).resize((2, 2))).reshape(4, 3) / 255

    def encode(self, prepared: Sequence[Any]) -> list[ItemFeatures]:
        """Return the quarters of each picture and their mean."""
        rows = [np.column_stack([pixels, np.ones(4)]).astype(np.float16) for pixels in prepared]
        return [ItemFeatures(each[: self.regions] if self.regions else None, each.mean(0)) for each in rows]


class Letters(Encoder):
    """Four numbers drawn for each word between a special token at either end; the whole is the mean of all."""

    modality: Modality = "text"
    name, fingerprint, batch = "letters", "0", 8
    parts_width = whole_width = WIDTH
    sums_parts = True

    def __init__(self, *, telling: bool = True) -> None:
        self.telling = telling

    def prepare(self, item: str) -> str:
        """Return the text as it is."""
        return item

    def encode(self, prepared: Sequence[str]) -> list[ItemFeatures]:
        """Return the numbers of each text's words and their mean."""
        return [ItemFeatures(rows, rows.mean(0)) for rows in map(self._rows, prepared)]

    def spans(self, text: str) -> tuple[Span | None, ...] | None:
        """Return where the words stand."""
        return (None, *word_spans(text), None) if self.telling else None

    def _rows(self, text: str) -> np.ndarray:
        words = ["<", *(text[slice(*span)] for span in word_spans(text)), ">"]
        seeds = [sum(map(ord, word)) for word in words]
        return np.stack([np.random.default_rng(seed).standard_normal(WIDTH) for seed in seeds]).astype(np.float16)


def encoded_by(encoder: Encoder, items: Sequence[Any]) -> Encoded:
    """Return items encoded in memory."""
    vectors = encoder.encode([encoder.prepare(item) for item in items])
    parts = [each.parts for each in vectors if each.parts is not None]
    whole = np.stack([each.whole for each in vectors]).astype(np.float32)
    return Encoded(whole, Parts.of(parts) if parts else None)


def features_of(pictures: Sequence[Path], texts: Sequence[str], see: Encoder, read: Encoder) -> Features:
    """Return pairs of a picture and a text, encoded, of two categories by turns."""
    labels = (np.arange(len(pictures)) % 2)[:, None] == np.arange(2)
    ids = tuple(map(str, range(len(pictures))))
    return Features(encoded_by(see, pictures), encoded_by(read, texts), np.arange(len(texts)), labels, ids)
