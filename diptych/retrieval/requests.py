"""Embeds search requests: a text, a picture and an existing item, minus unwanted content."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from diptych.data.addresses import Picture
from diptych.data.queries import checked_picture, checked_text
from diptych.errors import DiptychError, MissingData
from diptych.index.contract import Table
from diptych.modality import MODALITIES, Modality
from diptych.retrieval.embedding_model import EmbeddingModel
from diptych.search_request import SearchRequest

UNWANTED = 0.5
"""The weight of unwanted content, against 1 for wanted content."""

Content = tuple[Modality, str | Picture]
"""A text or a picture."""
Vector = Float32[np.ndarray, " d"]
"""The vector of one text, picture or request, those of all spaces concatenated."""


@dataclass(frozen=True)
class EmbeddedRequest:
    """A request whose picture and texts one model has embedded."""

    request: SearchRequest
    digest: str
    """The model's digest."""
    vectors: Sequence[Vector]
    """The vectors of `contents_of(request)`, in that order."""


def contents_of(request: SearchRequest) -> list[Content]:
    """Return the contents that a request needs encoded: its picture, its text, then the unwanted contents.

    `BadText` or `MissingData` if nothing can encode them.
    """
    contents: list[Content] = []
    if request.image is not None:
        contents.append(("image", checked_picture(request.image)))
    texts = (request.text, *request.without)
    return contents + [("text", checked_text(text)) for text in texts if text is not None]


def embed(
    requests: Sequence[SearchRequest | EmbeddedRequest], model: EmbeddingModel, table: Table
) -> list[Vector | DiptychError]:
    """Return each request's vector, or the error that says why it has none."""
    vectors: list[Vector | DiptychError] = []
    for request in requests:
        try:
            vectors.append(query_vector(request, model, table))
        except DiptychError as error:
            vectors.append(error)
    return vectors


def query_vector(request: SearchRequest | EmbeddedRequest, model: EmbeddingModel, table: Table) -> Vector:
    """Return the weighted sum of the wanted vectors minus the unwanted ones, those of all spaces concatenated.

    A request that another model embedded is embedded again.
    """
    vectors: Iterator[Vector] | None = None
    if isinstance(request, EmbeddedRequest):
        vectors = iter(request.vectors) if request.digest == model.digest else None
        request = request.request
    vectors = vectors or iter([model.encode(side, [item])[0] for side, item in contents_of(request)])
    shown = [next(vectors)] if request.image is not None else []
    shown += [_vector_of_item(request.like, model, table)] if request.like is not None else []
    said = [next(vectors)] if request.text is not None else []
    share = request.balance if said and shown else float(bool(said))
    wanted = _mean(said, share) + _mean(shown, 1 - share)
    vector: Vector = np.asarray(wanted - _mean(list(vectors), UNWANTED), dtype=np.float32)
    return vector


def _mean(vectors: Sequence[Vector], weight: float) -> Vector | float:
    return np.float32(weight) * np.mean(vectors, axis=0) if vectors else 0.0


def _vector_of_item(identity: str, model: EmbeddingModel, table: Table) -> Vector:
    """Return the vector of an item's picture, or of its text if it has no picture."""
    item = table.read([identity], vectors=MODALITIES)
    if not len(item):
        raise MissingData(f"the collection has no item {identity!r}. See what it has: diptych collection list.")
    side = next(side for side in MODALITIES if item.vectors[side].present[0])
    vector: Vector = model.kept.restored(side, item.vectors[side].rows)[0]
    return vector
