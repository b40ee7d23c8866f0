"""Embedding items with a method: one modality at a time, or both of some pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32, Int

from diptych.data.features import Encoded, Features
from diptych.methods.batches import FeatureBatch
from diptych.methods.contract import Embedding, Method

Attention = tuple[Float32[np.ndarray, " _"], ...]
"""Weights over the parts of each item; empty for a space without attention."""


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of one modality in one space."""

    vectors: Float32[np.ndarray, "n d_s"]
    attention: Attention = ()


@dataclass(frozen=True)
class PairEmbeddings:
    """Embeddings of pictures and texts in one space; similarity is the inner product."""

    images: Float32[np.ndarray, "n d_s"]
    texts: Float32[np.ndarray, "m d_s"]
    attention: Attention = ()
    """Over the parts of each picture (visual space) or text (textual space)."""

    def similarity(self) -> Float32[np.ndarray, "n m"]:
        """Return the similarity of every picture to every text."""
        similarity: Float32[np.ndarray, "n m"] = self.images @ self.texts.T
        return similarity

    def take(
        self, *, images: Int[np.ndarray, " n_some"] | Sequence[int], texts: Int[np.ndarray, " m_some"] | Sequence[int]
    ) -> "PairEmbeddings":
        """Return a subset of the pictures and texts, without attention."""
        return replace(self, images=self.images[np.asarray(images)], texts=self.texts[np.asarray(texts)], attention=())


def embed_items(method: Method, modality: str, encoded: Encoded) -> dict[str, Embeddings]:
    """Embed encoded items of one modality in each space, with attention if there is any."""
    method.check(modality, encoded)
    parts = any(method.takes_parts(space, modality) for space in method.spaces)
    device = device_of(method)
    if isinstance(method, torch.nn.Module):
        method.eval()
    batches = []
    with torch.inference_mode():
        for start in range(0, len(encoded), method.rows_at_once):
            rows = range(start, min(start + method.rows_at_once, len(encoded)))
            batches.append(method.embed(modality, FeatureBatch.of(encoded, rows, device=device, parts=parts)))
        return {
            space: _joined([batch[space] for batch in batches], width) for space, width in method.space_widths.items()
        }


def embed_pairs(method: Method, features: Features) -> dict[str, PairEmbeddings]:
    """Embed pictures and texts in each space, with attention over the modality that the space reads."""
    images, texts = (embed_items(method, m, each) for m, each in (("image", features.images), ("text", features.texts)))
    return {
        space: PairEmbeddings(
            images[space].vectors, texts[space].vectors, images[space].attention or texts[space].attention
        )
        for space in method.spaces
    }


def device_of(method: Method) -> torch.device:
    """Return the device of a method's tensors."""
    tensors = [*method.parameters(), *method.buffers()] if isinstance(method, torch.nn.Module) else []
    return tensors[0].device if tensors else torch.device("cpu")


def _joined(batches: list[Embedding], width: int) -> Embeddings:
    none = np.zeros((0, width), dtype=np.float32)
    vectors = np.concatenate([none, *(each.vectors.cpu().numpy() for each in batches)])
    return Embeddings(vectors, tuple(row for each in batches for row in each.unpadded()))


def vectors_by_space(embeddings: Mapping[str, Embeddings]) -> Float32[np.ndarray, "n d"]:
    """Concatenate the vectors of all spaces."""
    return np.concatenate([each.vectors for each in embeddings.values()], axis=1)
