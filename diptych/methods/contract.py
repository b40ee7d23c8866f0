"""What every method offers, so that the loop, the measures, the index and the explanations need no more.

A method is built for the widths of some features, learns (by gradient: `objective`; in closed form: `solve`),
and then *places* features: each of its spaces gives one vector a picture and one a text, compared by inner
product, and its attention weights where it has any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from diptych.data.features import Encoded, Features, Rows


@dataclass(frozen=True)
class Side:
    """One modality of a batch, as tensors."""

    whole: Float[Tensor, "b d"]
    parts: Float[Tensor, "b p e"] | None
    mask: Bool[Tensor, "b p"] | None

    @classmethod
    def of(cls, encoded: Encoded, rows: Rows, *, device: torch.device | str = "cpu", parts: bool = True) -> "Side":
        """Return the named items of an encoded modality on a device, with padded `parts` where wanted."""
        whole = torch.from_numpy(encoded.whole[np.asarray(rows, dtype=np.int64)]).to(device)
        if encoded.parts is None or not parts:
            return cls(whole, None, None)
        values, mask = encoded.parts.padded(rows)
        return cls(whole, torch.from_numpy(values).to(device), torch.from_numpy(mask).to(device))


@dataclass(frozen=True)
class Batch:
    """Some pairs: picture k belongs to text k."""

    images: Side
    texts: Side
    labels: Bool[Tensor, "b c"] | None
    pairs: Int[Tensor, " b"]
    """The picture's position in the training set: rows with the same number are the same picture."""

    @classmethod
    def of(cls, features: Features, texts: Rows, *, device: torch.device | str = "cpu") -> "Batch":
        """Return the named texts with the pictures they belong to."""
        images = features.owner[np.asarray(texts, dtype=np.int64)]
        labels = None if features.labels is None else torch.from_numpy(features.labels[images]).to(device)
        return cls(
            Side.of(features.images, images, device=device),
            Side.of(features.texts, texts, device=device),
            labels,
            torch.from_numpy(images).to(device),
        )


@dataclass(frozen=True)
class Placed:
    """Where one space puts pictures and texts; similarity is the inner product."""

    images: Float32[np.ndarray, "n d_s"]
    texts: Float32[np.ndarray, "m d_s"]
    weights: tuple[Float32[np.ndarray, " _"], ...] = ()
    """Attention over the parts of each picture (visual space) or text (textual space); empty without attention."""

    def similarity(self) -> Float32[np.ndarray, "n m"]:
        """Return every picture's similarity to every text."""
        similarity: Float32[np.ndarray, "n m"] = self.images @ self.texts.T
        return similarity

    def take(self, *, images: Rows, texts: Rows) -> "Placed":
        """Return some of the pictures and texts; weights are left behind."""
        return replace(self, images=self.images[np.asarray(images)], texts=self.texts[np.asarray(texts)], weights=())


@runtime_checkable
class Method(Protocol):
    """A trained or trainable way to compare."""

    spaces: tuple[str, ...]

    def place(self, features: Features) -> Mapping[str, Placed]:
        """Return where each space puts these pictures and texts."""
        ...


@runtime_checkable
class GradientMethod(Method, Protocol):
    """A method that learns by gradient; also a `torch.nn.Module`."""

    def objective(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Return named scalars to be summed and minimised; every draw comes from `generator`."""
        ...
