"""The tables of a collection: the items that one model embedded, and the bases needed to read their vectors.

The bases (`diptych.retrieval.reduction`) of the items in `items_2`, if any, are in `bases_2`.
"""

from collections.abc import Iterator
from dataclasses import replace

from diptych.index.contract import Layout, Store, Table
from diptych.modality import MODALITIES
from diptych.retrieval.embedding_model import EmbeddingModel
from diptych.retrieval.reduction import SpanReduction

FIRST = "items_1"
"""The table of a new collection."""
PICTURES_AT_ONCE = 5_000
"""How many items are read together for their pictures."""


def after(table: str) -> str:
    """Return the name of the table that comes after another.

    >>> after("items_9")
    'items_10'
    """
    return f"items_{int(table.rpartition('_')[2]) + 1}"


def make_table(store: Store, name: str, model: EmbeddingModel, *, half: bool) -> EmbeddingModel:
    """Make a table for a model's vectors, no wider than necessary, and return the model that fills it.

    The bases are written first: if a table of items exists, its bases are complete.
    """
    drop_table(store, name)
    reduction = SpanReduction.of(model.method, model.widths)
    if reduction.bases:
        reduction.write(store.create_table(_beside(name), reduction.layout()))
    store.create_table(name, Layout({side: sum(reduction.kept(side)) for side in MODALITIES}, half=half))
    return replace(model, reduction=reduction)


def drop_table(store: Store, name: str) -> None:
    """Remove a table and its bases; do nothing if there is none."""
    store.drop_table(name)
    store.drop_table(_beside(name))


def model_of_table(store: Store, name: str, model: EmbeddingModel) -> EmbeddingModel:
    """Return a model as it fills an existing table."""
    return replace(model, reduction=reduction_of_table(store, name, model.widths))


def reduction_of_table(store: Store, name: str, widths: tuple[int, ...]) -> SpanReduction:
    """Return how the vectors of a table are reduced, whose spaces have these widths; no model is loaded."""
    if _beside(name) not in store.tables():
        return SpanReduction(widths)
    return SpanReduction.read(store.table(_beside(name)), widths)


def stored_pictures(table: Table) -> Iterator[str | None]:
    """Yield the picture of every item as the table keeps it."""
    ids = table.ids(side="image")
    for start in range(0, len(ids), PICTURES_AT_ONCE):
        yield from table.read(ids[start : start + PICTURES_AT_ONCE]).images


def _beside(name: str) -> str:
    return name.replace("items", "bases")
