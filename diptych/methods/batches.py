"""What a method reads: features of one modality, or of pairs, as tensors."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diptych.data.features import Encoded, Features, Rows
from diptych.maths.sharing import WHOLE, Share


@dataclass(frozen=True)
class FeatureBatch:
    """The features of one modality of a batch, as tensors."""

    whole: Float[Tensor, "b d"]
    parts: Float[Tensor, "b p e"] | None = None
    mask: Bool[Tensor, "b p"] | None = None

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
        """Return the named items of an encoded modality on a device, with padded `parts` where wanted.

        Of a batch that is shared these are a process's own, as wide as the longest of all.
        """
        own = np.asarray(rows, dtype=np.int64)[share.own(len(rows))]
        whole = torch.from_numpy(encoded.whole[own]).to(device)
        if encoded.parts is None or not parts:
            return cls(whole, None, None)
        values, mask = encoded.parts.padded(own, width=encoded.parts.longest(rows))
        return cls(whole, torch.from_numpy(values).to(device), torch.from_numpy(mask).to(device))


@dataclass(frozen=True)
class Targets:
    """What a loss knows of a batch's pairs beside what they became."""

    labels: Bool[Tensor, "n c"] | None
    pairs: Int[Tensor, " n"]
    """The picture's position in the training set: rows with the same number are the same picture."""


@dataclass(frozen=True)
class Batch:
    """Some pairs: picture k belongs to text k.

    Where processes share a batch, `images` and `texts` are a process's own rows; all know all `targets`.
    """

    images: FeatureBatch
    texts: FeatureBatch
    targets: Targets

    @classmethod
    def of(
        cls,
        features: Features,
        texts: Rows,
        *,
        device: torch.device | str = "cpu",
        parts: bool = True,
        share: Share = WHOLE,
    ) -> "Batch":
        """Return the named texts with the pictures they belong to, and their padded `parts` where wanted."""
        images = features.owner[np.asarray(texts, dtype=np.int64)]
        labels = None if features.labels is None else torch.from_numpy(features.labels[images]).to(device)
        return cls(
            FeatureBatch.of(features.images, images, device=device, parts=parts, share=share),
            FeatureBatch.of(features.texts, texts, device=device, parts=parts, share=share),
            Targets(labels, torch.from_numpy(images).to(device)),
        )
