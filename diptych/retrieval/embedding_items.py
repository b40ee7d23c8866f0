"""Embeds pictures and texts for Python: what a run and a collection have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from diptych.data.addresses import Picture
from diptych.data.queries import checked_picture, checked_text
from diptych.entrance import PictureLike, checks_arguments
from diptych.evaluation import fused_rows
from diptych.methods.embeddings import PairEmbeddings
from diptych.progress import Progress
from diptych.retrieval.embedding_model import EmbeddingModel

VectorsBySpace = dict[str, Float32[np.ndarray, "n _"]]
"""The vectors of some items in each space, by the space's name, a row an item."""


class EmbedsItems(ABC):
    """Embeds any pictures and texts in the spaces of its model, and compares them."""

    @property
    @abstractmethod
    def embedding_model(self) -> EmbeddingModel:
        """The method with its encoders."""

    @checks_arguments
    def encode_image(
        self, images: PictureLike | Sequence[PictureLike], *, progress: Progress | None = None
    ) -> VectorsBySpace:
        """Return the vectors of pictures in each space: n x d for the n pictures, or 1 x d for a single one.

        A picture is a file, its bytes, a picture of Pillow or an array of height x width x 3 bytes. The features of its
        encoder are cached.
        """
        return self.embedding_model.vectors("image", _pictures(images), progress=progress)

    @checks_arguments
    def encode_text(self, texts: Sequence[str], *, progress: Progress | None = None) -> VectorsBySpace:
        """Return the vectors of texts in each space: n x d for the n texts, or 1 x d for a single one."""
        return self.embedding_model.vectors("text", [checked_text(text) for text in texts], progress=progress)

    @checks_arguments
    def similarity(
        self,
        images: PictureLike | Sequence[PictureLike],
        texts: Sequence[str],
        *,
        fusion: str | None = None,
        queries: Literal["image", "text"] = "image",
        progress: Progress | None = None,
    ) -> Float32[np.ndarray, "n m"]:
        """Return the similarity of n pictures to m texts, from -1 to 1 with spaces of unit vectors.

        By default it is the mean over the spaces, which depends on a picture and a text alone. A `fusion` rule fuses
        them as in a search: it normalises each space over the items given here, for each query; `queries` says which
        side asks.
        """
        pictures, words = self.encode_image(images, progress=progress), self.encode_text(texts, progress=progress)
        spaces = {name: PairEmbeddings(pictures[name], words[name]) for name in pictures}
        if fusion is None or (rule := self.embedding_model.rule(fusion)) is None:
            mean: Float32[np.ndarray, "n m"] = np.mean([each.similarity() for each in spaces.values()], axis=0)
            return mean
        asked = next(iter((pictures if queries == "image" else words).values()))
        fused = np.asarray(fused_rows(spaces, rule, queries=queries)(0, len(asked)), dtype=np.float32)
        return fused if queries == "image" else fused.T


def _pictures(images: Any) -> list[Picture]:
    """Return one picture, or several, as they were passed."""
    single = isinstance(images, str | bytes | bytearray | memoryview | PathLike) or not isinstance(images, Iterable)
    if single or getattr(images, "ndim", None) == 3:
        return [checked_picture(images)]
    return [checked_picture(image) for image in images]
