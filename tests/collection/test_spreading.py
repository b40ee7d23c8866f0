"""Collections filled on Ray, against those filled on one machine."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diptych.cluster import Cluster
from diptych.collection import Added, Collection
from diptych.index.items import Items
from diptych.modality import MODALITIES
from diptych.retriever import Retriever
from tests.conftest import KillAWorker

from .conftest import MakeCollection, found


def stored(collection: Collection) -> Items:
    return collection.table.read(vectors=MODALITIES)


def same(one: Items, other: Items) -> bool:
    columns = ("ids", "contents", "images", "texts", "metadata")
    return all(getattr(one, name) == getattr(other, name) for name in columns) and same_vectors(one, other)


def same_vectors(one: Items, other: Items) -> bool:
    return one.ids == other.ids and all(
        np.array_equal(one.vectors[side].rows, other.vectors[side].rows) for side in MODALITIES
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return a manifest of 1,100 items, five blocks: one cannot be decoded, one's column does not fit the others'."""
    folder, generator = tmp_path / "shelf", np.random.default_rng(0)
    folder.mkdir()
    rows = []
    for k in range(1100):
        rows.append({"id": f"i{k:04}", "text": f"number {k}", "year": "old" if k == 700 else k})
        if k % 10 == 0:
            name = f"{k}.png"
            Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / name)
            rows[-1]["image"] = name
    (folder / "500.png").write_bytes(b"nothing")
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_a_killed_worker_leaves_the_collection_as_one_machine_fills_it(
    ray_cluster: Cluster,
    killer: KillAWorker,
    make: MakeCollection,
    shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DIPTYCH_THREADS", "1")  # as a worker has: sums of several threads are rounded otherwise
    alone, spread = make(name="alone"), make(name="spread")
    rejects = tmp_path / "alone.jsonl", tmp_path / "spread.jsonl"
    expected = alone.add(str(shelf), rejects=rejects[0])
    notes = ("the column year holds numbers in this collection: its other values are left out.",)
    assert expected == Added(added=1099, rejected=1, notes=notes)
    assert spread.add(str(shelf), rejects=rejects[1], cluster=ray_cluster, progress=killer) == expected
    assert killer.killed
    assert killer.done < 1100, "there was work left when the worker died"
    assert rejects[0].read_text() == rejects[1].read_text()
    assert same(stored(alone), stored(spread))
    assert spread.add(str(shelf), rejects=rejects[1], cluster=ray_cluster) == Added(unchanged=1099, rejected=1)


@pytest.mark.parametrize("form", ["tiny_tar", "tiny_parquet", "bucket"])
def test_pictures_in_tars_parquet_and_s3_go_in(
    form: str, make: MakeCollection, tiny_set: Path, request: pytest.FixtureRequest
) -> None:
    packed, loose = make(str(request.getfixturevalue(form)), name="packed"), make(str(tiny_set), name="loose")
    assert same_vectors(stored(packed), stored(loose))
    assert found(packed, "a red square", k=24) == found(loose, "a red square", k=24)


def test_pictures_in_a_tar_go_in_on_ray(
    ray_cluster: Cluster, make: MakeCollection, tiny_tar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_THREADS", "1")
    source = str(tiny_tar)
    alone, spread = make(source, name="alone"), make(name="spread")
    assert spread.add(source, cluster=ray_cluster) == Added(added=24)
    assert alone.add(source) == Added(unchanged=24)
    assert same(stored(alone), stored(spread))
    assert found(spread, "a red square", k=24) == found(alone, "a red square", k=24)
    assert spread.explain("p1", text="a red square").width == 48


def test_a_collection_moves_to_another_model_with_pictures_in_a_tar(
    make: MakeCollection, runs: tuple[Retriever, Retriever], tiny_tar: Path
) -> None:
    collection = make(str(tiny_tar))
    assert collection.reencode(str(runs[1].folder.path)) == Added(added=24)
