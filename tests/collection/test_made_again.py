"""A collection that is removed and made again at the same place, of the same items, is searched by its new model."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from diptych.collection import Collection
from diptych.retriever import Retriever
from tests.index.servers_postgresql import postgresql_server

from .conftest import QUERY

__all__ = ["postgresql_server"]


def filled_at(place: str, run: Retriever, source: Path) -> list[tuple[str, float]]:
    """Make a collection, and return what a search finds in it."""
    with Collection.create(place, str(run.folder.path)) as collection:
        collection.add(source)
        return searched(collection)


def searched(collection: Collection) -> list[tuple[str, float]]:
    return [(hit.id, hit.similarity) for hit in collection.search(QUERY, k=24).hits]


def check_same(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    similar = dict(expected)
    assert {identity for identity, _ in found} == similar.keys()
    for identity, similarity in found:
        assert similarity == pytest.approx(similar[identity], abs=1e-5)


def test_nothing_of_the_removed_one_is_found(runs: tuple[Retriever, Retriever], tiny_set: Path, tmp_path: Path) -> None:
    first, second = runs
    place = tmp_path / "shop"
    before = filled_at(str(place), first, tiny_set)
    shutil.rmtree(place)
    after = filled_at(str(place), second, tiny_set)
    elsewhere = filled_at(str(tmp_path / "other"), second, tiny_set)
    check_same(after, elsewhere)
    assert not np.allclose([each for _, each in before], [each for _, each in after], atol=1e-4)
    with Collection.open(str(place)) as again:
        check_same(searched(again), elsewhere)
        assert len(again.duplicates(by="vector").groups) == len(
            Collection.open(tmp_path / "other").duplicates(by="vector").groups
        )


def test_postgresql_forgets_the_removed_one_too(
    runs: tuple[Retriever, Retriever], tiny_set: Path, tmp_path: Path, postgresql_place: str
) -> None:
    first, second = runs
    filled_at(postgresql_place, first, tiny_set)
    with Collection.open(postgresql_place) as there:
        there.store.drop()
    check_same(filled_at(postgresql_place, second, tiny_set), filled_at(str(tmp_path / "other"), second, tiny_set))
