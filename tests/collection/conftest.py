"""Two small trained models and collections filled by them."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from diptych.collection import Collection
from diptych.collection.model import EmbeddingModel
from diptych.index.address import open_store
from diptych.retriever import Retriever

SETTINGS = (
    "image_encoder.side=64",
    *("training.epochs=2", "training.batch=5"),
    *(f"{space}.{name}=16" for space in ("visual", "textual") for name in ("width", "hidden")),
    "visual.reduce=0",
)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Share one cache of features among all tests of collections."""
    monkeypatch.setenv("DIPTYCH_CACHE", str(shared_cache))
    return shared_cache


@pytest.fixture(scope="session")
def runs(
    tiny_set: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Retriever, Retriever]]:
    """Return two methods trained on 16 red squares and blue discs, from different first weights."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        first, second = (
            Retriever.train(
                "mcsm", str(tiny_set), out=folder / str(seed), seed=seed, settings=SETTINGS,
                image_encoder="efficientnet-lite0", text_encoder="glove",
            )
            for seed in (0, 1)
        )  # fmt: skip
        yield first, second


@pytest.fixture
def run(runs: tuple[Retriever, Retriever]) -> Retriever:
    return runs[0]


QUERY = "a red square"

MakeCollection = Callable[..., Collection]


@pytest.fixture
def make(tmp_path: Path, run: Retriever) -> MakeCollection:
    """Return a function that makes a collection of the first run, with what some sources hold."""

    def make(*sources: str | Path, name: str = "shop", **options: Any) -> Collection:
        collection = Collection.create(str(tmp_path / name), str(run.folder.path), **options)
        if sources:
            collection.add(*map(str, sources))
        return collection

    return make


@pytest.fixture(scope="session")
def filled(
    runs: tuple[Retriever, Retriever], tiny_set: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, EmbeddingModel]:
    """Return the folder of a collection of all squares and discs, and the model that filled it."""
    place = tmp_path_factory.mktemp("filled") / "shop"
    with Collection.create(str(place), str(runs[0].folder.path)) as collection:
        collection.add(str(tiny_set))
        return place, collection.model


@pytest.fixture
def shop(filled: tuple[Path, EmbeddingModel], tmp_path: Path) -> Collection:
    """Return a collection of all squares and discs, to be changed at will."""
    place = shutil.copytree(filled[0], tmp_path / "filled")
    return Collection(open_store(str(place)), str(place), filled[1])


@pytest.fixture
def postgresql_place(postgresql_server: str) -> Iterator[str]:
    """Yield the URI of a collection in PostgreSQL that does not exist yet; drop what the test made of it."""
    uri = f"{postgresql_server}#c{uuid4().hex[:12]}"
    yield uri
    with closing(open_store(uri)) as store:
        store.drop()


def items_file(folder: Path, *rows: dict[str, Any], name: str = "items.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def found(collection: Collection, *arguments: Any, **options: Any) -> list[str]:
    return [hit.id for hit in collection.search(*arguments, **options).hits]
