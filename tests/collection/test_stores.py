"""A collection does on every store what it does in a folder."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from diptych.collection import Collection
from diptych.index.address import open_store
from diptych.retriever import Retriever
from tests.index.servers_milvus import milvus_lite_server, milvus_process, milvus_server
from tests.index.servers_postgresql import postgresql_server

from .conftest import QUERY, found, items_file

__all__ = ["milvus_lite_server", "milvus_process", "milvus_server", "postgresql_server"]


@pytest.fixture(params=["postgresql", pytest.param("milvus", marks=pytest.mark.thorough), "milvus_lite"])
def uri(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the URI of a collection that does not exist yet, in each store that is no folder."""
    pytest.importorskip("psycopg" if request.param == "postgresql" else "pymilvus")
    place = f"{request.getfixturevalue(f'{request.param}_server')}#c{uuid.uuid4().hex[:12]}"
    yield place
    with closing(open_store(place)) as store:
        store.drop()


@pytest.fixture
def opened(uri: str, run: Retriever, tiny_set: Path) -> Iterator[Collection]:
    """Yield a collection of all squares and discs at that place."""
    with Collection.create(uri, str(run.folder.path)) as collection:
        collection.add(str(tiny_set))
        yield collection


def test_what_was_put_in_is_found_as_in_a_folder(
    opened: Collection, shop: Collection, uri: str, tiny_set: Path, tmp_path: Path
) -> None:
    searches: list[Callable[[Collection], object]] = [
        lambda c: c.search(QUERY, k=24),
        lambda c: c.search(QUERY, k=5, where="category = 'disc'"),
        lambda c: c.search(image=tiny_set / "3.png", k=5),
        lambda c: c.search(like="p3", k=5, without=["a blue disc"]),
        lambda c: c.search(QUERY, k=5, fusion="zscore"),
    ]
    for search in searches:
        here, there = search(opened).hits, search(shop).hits  # type: ignore[attr-defined]
        assert [hit.id for hit in here] == [hit.id for hit in there]
        np.testing.assert_allclose([h.similarity for h in here], [h.similarity for h in there], atol=1e-5)

    assert opened.add(str(tiny_set)).unchanged == 24
    assert opened.remove(where="category = 'disc'") == 12
    assert set(found(opened, QUERY, k=24)) == {f"p{n}" for n in range(1, 24, 2)}
    opened.add(str(items_file(tmp_path, {"id": "p1", "texts": ["a blue disc"]})))
    opened.compact()
    with Collection.open(uri) as again:
        assert again.stats()["items"] == 12
        assert found(again, QUERY, k=24) == found(opened, QUERY, k=24)
        assert len(found(again, QUERY, k=24, against="image")) == 11


def test_it_moves_to_another_model(
    opened: Collection, uri: str, runs: tuple[Retriever, Retriever], tiny_set: Path
) -> None:
    before = found(opened, QUERY, k=24)
    assert opened.reencode(str(runs[1].folder.path)).added == 24
    with Collection.open(uri) as again:
        assert again.stats()["model"]["source"] == str(runs[1].folder.path)
        found_now = found(again, QUERY, k=24)
    assert sorted(found_now) == sorted(before)
    assert found_now == found(opened, QUERY, k=24)
