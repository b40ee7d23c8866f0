"""Loads the pairs of a data set as items in memory, so that they are searched just as a collection is."""

from collections.abc import Sequence
from sys import maxsize

import numpy as np

from diptych.data.entries import ATTRIBUTION
from diptych.data.features import Encoded
from diptych.data.pairs import DataSet, Pair
from diptych.encoders.encoding import encode_images, encode_texts
from diptych.errors import DiptychError
from diptych.index.conditions import Kind, Value
from diptych.index.contract import Layout, Table
from diptych.index.items import Items, ItemVectors
from diptych.index.memory import MemoryTable
from diptych.modality import Modality
from diptych.progress import Progress
from diptych.results import Results
from diptych.retrieval.answers import Snapshot, compared_side, search
from diptych.retrieval.embedding_model import EmbeddingModel
from diptych.retrieval.requests import embed
from diptych.search.promise import SearchPromise
from diptych.search.searcher import Searcher
from diptych.search_request import SearchRequest

ALWAYS_EXACT = SearchPromise(exact_limit=maxsize, recall=1.0)


def search_pairs(
    request: SearchRequest,
    model: EmbeddingModel,
    dataset: DataSet,
    rows: Sequence[int],
    *,
    progress: Progress | None = None,
) -> Results:
    """Return the pairs, among these rows, that answer a request best, from the engine that searches collections."""
    pairs = [dataset.pairs[row] for row in rows]

    def has(side: Modality) -> bool:
        return side in dataset.vectors or any(pair.image if side == "image" else pair.texts for pair in pairs)

    side = compared_side(request, has)
    sides: tuple[Modality, ...] = (side,)
    if request.like is not None and side == "text":
        sides = ("image", "text")
    table = _table_of(model, dataset, rows, sides, progress)
    state = Snapshot(table, model, Searcher("memory://", lasting=False), ALWAYS_EXACT)
    (answer,) = search([request], embed([request], model, table), state)
    if isinstance(answer, DiptychError):
        raise answer
    return answer


def _table_of(
    model: EmbeddingModel, dataset: DataSet, rows: Sequence[int], sides: Sequence[Modality], progress: Progress | None
) -> Table:
    """Return a table of pairs with the vectors of some sides."""
    pairs = [dataset.pairs[row] for row in rows]
    several = any(len(pair.categories) > 1 for pair in pairs)
    table = MemoryTable("pairs", Layout({"image": sum(model.widths), "text": sum(model.widths)}))
    columns: dict[str, Kind] = {"category": "texts" if several else "text", ATTRIBUTION: "text"}
    table.widen({name: kind for name, kind in columns.items() if name != ATTRIBUTION or dataset.attribution})
    there = np.ones(len(pairs), dtype=bool)
    vectors = {
        side: ItemVectors(model.embed(side, _encoded(model, side, dataset, rows, progress)), there) for side in sides
    }
    metadata = tuple(_metadata(pair, dataset.attribution, several=several) for pair in pairs)
    ids, texts = tuple(pair.id for pair in pairs), tuple(pair.texts for pair in pairs)
    images = tuple(None if pair.image is None else str(pair.image) for pair in pairs)
    table.write(Items(ids, ids, images, texts, metadata, vectors))
    return table


def _encoded(
    model: EmbeddingModel, side: Modality, dataset: DataSet, rows: Sequence[int], progress: Progress | None
) -> Encoded:
    encoder = model.encoders[side]
    if side == "image":
        return encode_images(dataset, rows, encoder, progress=progress)
    return encode_texts(dataset, rows, encoder, progress=progress)[0]


def _metadata(pair: Pair, attribution: str, *, several: bool) -> dict[str, Value]:
    category: dict[str, Value] = {}
    if pair.categories:
        category = {"category": pair.categories if several else pair.categories[0]}
    return category | ({ATTRIBUTION: attribution} if attribution else {})
