"""The tables of a collection: the items that one model placed, and what is kept beside them to read their vectors.

The items of `items_2` have their bases (`diptych.retrieval.reduction`) in `bases_2`, where there are any.
"""

from dataclasses import replace

from diptych.index.contract import Layout, Store
from diptych.modality import MODALITIES
from diptych.retrieval.embedding_model import EmbeddingModel
from diptych.retrieval.reduction import SpanReduction

FIRST = "items_1"
"""The table of a new collection."""


def after(table: str) -> str:
    """Return the name of the table that comes after another.

    >>> after("items_9")
    'items_10'
    """
    return f"items_{int(table.rpartition('_')[2]) + 1}"


def make_table(store: Store, name: str, model: EmbeddingModel, *, half: bool) -> EmbeddingModel:
    """Make a table for what a model places, no wider than need be, and return the model that fills it.

    The bases come first: where there is a table of items, what is beside it is whole.
    """
    drop_table(store, name)
    reduction = SpanReduction.of(model.method, model.widths)
    if reduction.bases:
        reduction.write(store.create_table(_beside(name), reduction.layout()))
    store.create_table(name, Layout({side: sum(reduction.kept(side)) for side in MODALITIES}, half=half))
    return replace(model, reduction=reduction)


def drop_table(store: Store, name: str) -> None:
    """Remove a table and what is kept beside it; nothing happens where there is none."""
    store.drop_table(name)
    store.drop_table(_beside(name))


def model_of_table(store: Store, name: str, model: EmbeddingModel) -> EmbeddingModel:
    """Return a model as it fills a table that exists."""
    if _beside(name) not in store.tables():
        return replace(model, reduction=SpanReduction(model.widths))
    return replace(model, reduction=SpanReduction.read(store.table(_beside(name)), model.widths))


def _beside(name: str) -> str:
    return name.replace("items", "bases")
