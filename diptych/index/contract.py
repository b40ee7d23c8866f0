"""The interface of every store, so that a collection need not know which one holds it.

A store is one location under one URI. It keeps a *record*, a JSON object in which the collection writes which model
fills it and which table is current, and *tables* of items. A new model fills a new table while the old one serves;
writing the record switches to it.

Each file of this room offers, beside its CARD (under the URI's scheme as its name),

    open_store(uri)     the store at that place; nothing is created and nothing need exist yet

Similarities are inner products. All that `write`, `remove`, `widen` and `remember` did is durable when they return, and
seen by every read that begins afterwards, from any process.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Float64

from diptych.errors import BadSetting
from diptych.index.conditions import Columns, Condition
from diptych.index.items import Items
from diptych.modality import Modality


@dataclass(frozen=True)
class Layout:
    """The vectors that a table is made for."""

    widths: Mapping[Modality, int]
    """How many numbers a vector has, for each side that items may have."""
    half: bool = False
    """Keep vectors in half precision."""


@dataclass(frozen=True)
class NearestItems:
    """The items nearest to a vector, the most similar first; ties are broken by the smaller id."""

    ids: tuple[str, ...]
    similarities: Float64[np.ndarray, " k"]
    """Inner products, computed from `vectors`."""
    vectors: Float32[np.ndarray, "k d"]
    """The stored vectors of the items."""


class Table(ABC):
    """Items with their vectors, upserted by id."""

    name: str
    layout: Layout
    lineage: str = ""
    """What tells its items from those of another table that was at the same place under the same name, if known."""

    @abstractmethod
    def columns(self) -> Columns:
        """Return the existing columns of metadata."""

    @abstractmethod
    def widen(self, columns: Columns) -> None:
        """Add columns of metadata; those that exist with the same kind stay, another kind is a `BadSetting`."""

    @abstractmethod
    def narrow(self) -> None:
        """Forget the columns of metadata in which no item has a value."""

    @abstractmethod
    def write(self, items: Items) -> None:
        """Upsert items by id: all of them or, on an error, none.

        Ids within one call are all different; `MissingColumn` if a column of their metadata does not exist. A full disk
        is a `StoreFailed` and leaves the table unchanged.
        """

    @abstractmethod
    def remove(self, ids: Sequence[str]) -> int:
        """Remove items, and return how many existed."""

    @abstractmethod
    def count(self, *, where: Condition | None = None, side: Modality | None = None) -> int:
        """Return how many items there are, or how many meet a condition or have a side."""

    @abstractmethod
    def ids(self, *, where: Condition | None = None, side: Modality | None = None) -> list[str]:
        """Return the sorted ids of the same items."""

    @abstractmethod
    def contents(self, ids: Sequence[str] | None = None) -> dict[str, str]:
        """Return the digest of each named item that exists, or of all items."""

    @abstractmethod
    def read(
        self,
        ids: Sequence[str] | None = None,
        *,
        where: Condition | None = None,
        after: str | None = None,
        limit: int | None = None,
        vectors: Sequence[Modality] = (),
    ) -> Items:
        """Return items in the order of their ids (by code points), those after an id, at most `limit`.

        With `ids`, those of them that exist, in the order named. Vectors come for the sides asked for.
        """

    @abstractmethod
    def nearest(
        self,
        side: Modality,
        vector: Float32[np.ndarray, " d"],
        *,
        k: int,
        where: Condition | None = None,
        effort: int | None = None,
    ) -> NearestItems:
        """Return the k items with the largest inner product; fewer only where fewer meet the condition.

        Exact by default. With an `effort`, one of `efforts`, it goes by the approximate index, which must have been
        built, and still returns k.
        """

    def nearest_each(
        self, side: Modality, vectors: Float32[np.ndarray, "m d"], *, k: int, effort: int | None = None
    ) -> list[NearestItems]:
        """Return the result of `nearest` for each of several vectors, in one request if the store can."""
        return [self.nearest(side, vector, k=k, effort=effort) for vector in vectors]

    def matching(self, words: str, side: Modality, *, k: int, where: Condition | None = None) -> list[str]:
        """Return the ids of at most k items whose texts have some of the words, the best match first.

        Only items that have the side and meet the condition count. How matches are scored is the store's: words are
        compared by their English stems and common ones ignored. `BadSetting` if the store cannot rank by words.
        """
        raise BadSetting(
            "this store cannot rank texts by their words; a folder and PostgreSQL can. Search without words, or move "
            "the items to one of these."
        )

    @abstractmethod
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], Float32[np.ndarray, "b d"]]]:
        """Yield all items that have a side, a few thousand at a time, in any order."""

    @abstractmethod
    def version(self) -> str | None:
        """Return a word that changes with every write, or None if the store has no version to offer."""

    efforts: ClassVar[tuple[int, ...]]
    """How hard an approximate search may try, ascending."""

    @abstractmethod
    def build_index(self, side: Modality) -> None:
        """Rebuild the approximate index of a side; searches go on meanwhile."""

    @abstractmethod
    def indexed(self, side: Modality) -> bool:
        """Return whether a side has an approximate index."""

    @abstractmethod
    def compact(self) -> None:
        """Reclaim the space of replaced and removed items, and add new items to the index."""

    @abstractmethod
    def bytes(self) -> int:
        """Return the size of the table on disk, its indices included."""


class Store(ABC):
    """A location that holds one collection."""

    uri: str
    folder: Path | None = None
    """Its folder on this machine; None if it has none."""
    lasting: ClassVar[bool] = True
    """Whether its items outlive the process; nothing of others is written to the cache."""

    @abstractmethod
    def record(self) -> dict[str, Any] | None:
        """Return the record, or None if there is no collection."""

    @abstractmethod
    def remember(self, record: Mapping[str, Any]) -> None:
        """Replace the record atomically; the first call creates the collection."""

    @abstractmethod
    def tables(self) -> list[str]:
        """Return the sorted names of the tables."""

    @abstractmethod
    def create_table(self, name: str, layout: Layout) -> Table:
        """Return a new table; its name is an identifier. `BadSetting` if it exists."""

    @abstractmethod
    def table(self, name: str) -> Table:
        """Return a table; `MissingData` if there is none of that name."""

    @abstractmethod
    def drop_table(self, name: str) -> None:
        """Remove a table and everything in it; do nothing if there is none."""

    @abstractmethod
    def drop(self) -> None:
        """Remove the collection: its tables, then the record."""

    def moment(self) -> AbstractContextManager[None]:
        """Return a block in which a thread only reads: what was acknowledged before it began, and later writes or not.

        A store that lets every read wait for its clock waits once in it.
        """
        return nullcontext()

    @abstractmethod
    def close(self) -> None:
        """Close the connections; the store is not used afterwards."""
