"""Vectors to try an approximate index with, none of which it was built from."""

import numpy as np

from diptych.index.contract import Table
from diptych.modality import Modality
from diptych.modality import other as other_modality
from diptych.retrieval.embedding_model import EmbeddingModel
from diptych.search.searcher import SpaceVectors

QUERIES = 64
SEED = 0


def trial_queries(table: Table, side: Modality, model: EmbeddingModel) -> SpaceVectors:
    """Return vectors of the items' other side, or points between two items of this side, in each space."""
    draw = np.random.default_rng(SEED)
    other = other_modality(side)
    if ids := table.ids(side=other):
        chosen = draw.choice(len(ids), min(QUERIES, len(ids)), replace=False)
        stored = table.read([ids[k] for k in chosen], vectors=(other,)).vectors[other].rows
        return model.split(side, model.kept.restored(other, stored))
    ids = table.ids(side=side)
    pairs = draw.choice(len(ids), (2, QUERIES))
    first, second = (table.read([ids[k] for k in row], vectors=(side,)).vectors[side].rows for row in pairs)
    return model.split(side, model.kept.restored(side, ((first + second) / 2).astype(np.float32)))
