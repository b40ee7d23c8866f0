"""The input of methods: features of one modality, or of pairs, as tensors."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from diptych.data.features import Encoded, Features, Rows
from diptych.maths.sharing import WHOLE, Share
from diptych.relevance import Relevant


@dataclass(frozen=True)
class FeatureBatch:
    """The features of one modality of a batch, as tensors."""

    whole: Float[Tensor, "b d"]
    parts: Float[Tensor, "b p e"] | None = None
    mask: Bool[Tensor, "b p"] | None = None
    condensed: bool = False
    """Whether the parts are scaled already (`PreparingMethod.condensed`)."""

    @classmethod
    def of(
        cls,
        encoded: Encoded,
        rows: Rows,
        *,
        device: torch.device | str = "cpu",
        parts: bool = True,
        share: Share = WHOLE,
    ) -> "FeatureBatch":
        """Return the given items of an encoded modality on a device, with padded `parts` if requested.

        In a shared batch these are the process's own rows, padded to the longest item of the whole batch.
        """
        own = np.asarray(rows, dtype=np.int64)[share.own(len(rows))]
        whole = torch.from_numpy(encoded.whole[own]).to(device)
        if encoded.parts is None or not parts:
            return cls(whole, None, None)
        values, mask = encoded.parts.padded(own, width=encoded.parts.longest(rows))
        return cls(whole, torch.from_numpy(values).to(device), torch.from_numpy(mask).to(device), encoded.condensed)

    def take(self, rows: slice) -> "FeatureBatch":
        """Return some of the items, padded as all of them."""
        parts, mask = (None if values is None else values[rows] for values in (self.parts, self.mask))
        return FeatureBatch(self.whole[rows], parts, mask, self.condensed)


@dataclass(frozen=True)
class Targets:
    """The targets of a loss: categories and pair ids of a batch."""

    labels: Bool[Tensor, "n c"] | None
    pairs: Int[Tensor, " n"]
    """The picture's position in the training set: rows with the same number are the same picture."""
    relevant: Relevant = "category"
    """What counts as right; by category and without labels, partners do."""


@dataclass(frozen=True)
class Batch:
    """A batch of pairs: picture k belongs to text k.

    In a batch shared by processes, `images` and `texts` are the process's own rows; `targets` cover the whole batch.
    """

    images: FeatureBatch
    texts: FeatureBatch
    targets: Targets
    mates: FeatureBatch | None = None
    """For each text, a picture of one of its categories."""

    @property
    def pairs(self) -> int:
        """How many pairs this process has."""
        return len(self.texts.whole)

    def take(self, rows: slice) -> "Batch":
        """Return some of this process's own pairs, with the targets of the whole batch."""
        mates = None if self.mates is None else self.mates.take(rows)
        return Batch(self.images.take(rows), self.texts.take(rows), self.targets, mates)

    @classmethod
    def of(
        cls,
        features: Features,
        texts: Rows,
        *,
        device: torch.device | str = "cpu",
        parts: bool = True,
        share: Share = WHOLE,
        mates: torch.Generator | None = None,
    ) -> "Batch":
        """Return the given texts with their pictures, and their padded `parts` if requested.

        With a generator, `mates` are drawn uniformly among all pictures that share a category with a text's own
        picture, that one included; a text without a category, or any by partner, has its own picture.
        """
        images = features.owner[np.asarray(texts, dtype=np.int64)]
        labels = None if features.labels is None else torch.from_numpy(features.labels[images]).to(device)
        return cls(
            FeatureBatch.of(features.images, images, device=device, parts=parts, share=share),
            FeatureBatch.of(features.texts, texts, device=device, parts=parts, share=share),
            Targets(labels, torch.from_numpy(images).to(device), features.relevant),
            None
            if mates is None
            else FeatureBatch.of(
                features.images, class_mates(features, images, mates), device=device, parts=parts, share=share
            ),
        )


def class_mates(features: Features, images: Rows, generator: torch.Generator) -> Int64[np.ndarray, " b"]:
    """Return for each picture a uniformly drawn one that shares a category with it, which may be itself.

    A picture without a category, or any by partner, stays itself.
    """
    own, labels = np.asarray(images, dtype=np.int64), features.labels
    drawn = torch.rand(len(own), generator=generator, dtype=torch.float64).numpy()
    if labels is None or features.relevant == "partner":
        return own
    mates = own.copy()
    for row, (image, at) in enumerate(zip(own, drawn, strict=True)):
        if labels[image].any():
            alike = np.flatnonzero(labels[:, labels[image]].any(1))
            mates[row] = alike[int(at * len(alike))]
    return mates
