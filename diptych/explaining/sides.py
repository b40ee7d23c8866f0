"""A picture or a text as a sequence of parts for attribution, with their locations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from diptych.data.features import Encoded
from diptych.encoders.contract import Encoder
from diptych.errors import ShapeMismatch
from diptych.explaining.attribution import TOGETHER
from diptych.explaining.places import Box, grid_boxes, words_of_pieces
from diptych.methods.batches import FeatureBatch
from diptych.methods.contract import TraceableMethod
from diptych.methods.embeddings import device_of
from diptych.modality import Modality

NAMES: Mapping[Modality, str] = {"image": "regions", "text": "words"}
NOWHERE = -1


@dataclass(frozen=True)
class Word:
    """A word of a text with its span of characters."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Places:
    """The locations of the parts of one item."""

    boxes: tuple[Box, ...] = ()
    words: tuple[Word, ...] = ()
    owner: Int[np.ndarray, " p"] | None = None
    """The index of each part's box or word, `NOWHERE` for special tokens; None if the parts have no locations."""
    reason: str | None = None
    """Why they have no locations."""

    def gathered(self, values: Float[np.ndarray, " p"]) -> Float32[np.ndarray, " _"]:
        """Return the sum over the parts at each location."""
        if self.owner is None:
            return np.zeros(0, dtype=np.float32)
        there = self.owner != NOWHERE
        count = len(self.boxes) + len(self.words)
        return np.bincount(self.owner[there], weights=values[there], minlength=count).astype(np.float32)


def places_of_regions(encoded: Encoded, encoder: Encoder, *, width: int, height: int) -> Places:
    """Return the locations of the regions of a picture of that size."""
    if encoded.parts is None:
        return Places(reason=f"{encoder.name} gives no regions.")
    count = int(encoded.parts.lengths[0])
    try:
        boxes = grid_boxes(width, height, count=count, visible=encoder.visible(width, height))
    except ShapeMismatch as error:
        return Places(reason=str(error))
    return Places(boxes=boxes, owner=np.arange(count))


def places_of_words(encoded: Encoded, encoder: Encoder, texts: Sequence[str]) -> Places:
    """Return the locations of the parts of one item's texts, joined by line breaks."""
    if encoded.parts is None:
        return Places(reason=f"{encoder.name} gives no words.")
    joined, pieces, start = "\n".join(texts), [], 0
    for text in texts:
        spans = encoder.spans(text)
        if spans is None:
            return Places(reason=f"{encoder.name} cannot say where its parts stand in this text.")
        pieces += [None if span is None else (start + span[0], start + span[1]) for span in spans]
        start += len(text) + 1
    if len(pieces) != encoded.parts.lengths[0]:
        return Places(reason=f"{encoder.name} read other parts than it names in this text.")
    spans, words = words_of_pieces(joined, [piece for piece in pieces if piece is not None])
    owner = np.full(len(pieces), NOWHERE)
    owner[[k for k, piece in enumerate(pieces) if piece is not None]] = words
    return Places(words=tuple(Word(joined[slice(*span)], *span) for span in spans), owner=owner)


@dataclass(frozen=True)
class Traced:
    """One item as a sequence X of parts: the input of a space for each, next to its contribution to the whole.

    For x_j the scaled part and c_j its share of the scaled whole w, X_j = [x_j ; c_j] and w = sum_j c_j. Zero is the
    training mean of both.
    """

    modality: Modality
    scaled: FeatureBatch
    """The item as input to the spaces."""
    values: Float[Tensor, "p _"]
    read: int
    """How many leading components of a part a space reads."""
    follows: bool
    """Whether the whole is computed from the parts; otherwise it is kept fixed."""
    together: int = TOGETHER
    """Sequences scored in one batch."""

    @classmethod
    def of(cls, method: TraceableMethod, modality: Modality, encoded: Encoded, *, sums_parts: bool) -> "Traced":
        """Return one encoded item as input to a method; `sums_parts` is the property of its encoder."""
        side = FeatureBatch.of(encoded, [0], device=device_of(method))
        with torch.no_grad():
            scaled = method.scaled(modality, side)
            parts = side.whole.new_zeros(0, 0) if side.parts is None else side.parts[0]
            follows = bool(sums_parts and len(parts) and parts.any() and parts.shape[1] == side.whole.shape[1])
            read = parts[:, :0] if scaled.parts is None else scaled.parts[0]
            shares = (
                method.shares(modality, side.whole[0], _summing_to(side.whole[0], parts)) if follows else read[:, :0]
            )
        return cls(modality, scaled, torch.cat([read, shares], dim=1), read.shape[1], follows)

    def side(self, values: Float[Tensor, "b p _"]) -> FeatureBatch:
        """Return items with these parts, as input to the spaces."""
        whole = values[..., self.read :].sum(1) if self.follows else self.scaled.whole.expand(len(values), -1)
        if self.scaled.mask is None:
            return FeatureBatch(whole)
        return FeatureBatch(whole, values[..., : self.read], self.scaled.mask.expand(len(values), -1))


def _summing_to(whole: Float[Tensor, " d"], parts: Float[Tensor, "p d"]) -> Float[Tensor, "p d"]:
    """Return the parts, scaled so that their sum best approximates the whole."""
    total = parts.sum(0)
    return parts * (whole @ total / total.square().sum())
