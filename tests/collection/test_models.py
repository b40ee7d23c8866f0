"""The model of a collection: remembered, refused, replaced."""

import shutil
from pathlib import Path

import pytest

from diptych.collection import Added, Collection
from diptych.errors import BadCheckpoint, BadSetting
from diptych.retriever import Retriever

from .conftest import QUERY, MakeCollection, found, items_file


def test_a_run_that_moved_is_named_anew(make: MakeCollection, tiny_set: Path, tmp_path: Path, run: Retriever) -> None:
    place = shutil.copytree(run.folder.path, tmp_path / "run")
    collection = Collection.create(str(tmp_path / "c"), str(place))
    collection.add(str(tiny_set))
    place.rename(tmp_path / "moved")
    with pytest.raises(BadCheckpoint, match=r"is no longer at .*run. Name its new folder with --model"):
        Collection.open(str(tmp_path / "c")).search(QUERY)
    assert found(Collection.open(str(tmp_path / "c"), model=str(tmp_path / "moved")), QUERY)


def test_another_model_is_refused(shop: Collection, runs: tuple[Retriever, Retriever]) -> None:
    with pytest.raises(BadCheckpoint, match="is not the model that filled this collection"):
        Collection.open(shop.name, model=str(runs[1].folder.path))


def test_a_collection_moves_to_another_model_while_it_is_searched(
    shop: Collection, runs: tuple[Retriever, Retriever]
) -> None:
    reader = Collection.open(shop.name)
    before = reader.search(QUERY, k=24)
    seen = []
    moved = shop.reencode(
        str(runs[1].folder.path),
        progress=lambda done, total, label: seen.append(reader.search(QUERY, k=24).as_dict()["hits"]),
    )
    assert moved == Added(added=24)
    assert seen[0] == before.as_dict()["hits"]
    expected = {hit.id: hit.similarity for hit in runs[1].search(text=QUERY, k=24).hits}
    for hit in reader.search(QUERY, k=24).hits:
        assert hit.similarity == pytest.approx(expected[hit.id], abs=1e-5)
    shop.compact()
    assert shop.store.tables() == ["items_2"]


def test_a_move_that_was_killed_goes_on(
    make: MakeCollection, tmp_path: Path, runs: tuple[Retriever, Retriever], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.collection.reencoding.AT_ONCE", 5)
    collection = make(items_file(tmp_path, *({"id": f"{k:02}", "text": f"number {k}"} for k in range(20))))

    def killed(done: int, total: int, label: str) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collection.reencode(str(runs[1].folder.path), progress=killed)
    collection.remove(["00"])
    collection.add(str(items_file(tmp_path, {"id": "new", "text": "late"})))
    again = Collection.open(collection.name)
    assert again.reencode(str(runs[1].folder.path)) == Added(added=11)
    assert again.ids() == [*(f"{k:02}" for k in range(1, 20)), "new"]


def test_items_whose_pictures_are_gone_stay_behind_with_a_reason(
    make: MakeCollection, tiny_set: Path, tmp_path: Path, runs: tuple[Retriever, Retriever]
) -> None:
    folder = shutil.copytree(tiny_set, tmp_path / "copy")
    collection = make(folder)
    (folder / "3.png").unlink()
    rejects = tmp_path / "rejects.jsonl"
    assert collection.reencode(str(runs[1].folder.path), rejects=rejects) == Added(added=23, rejected=1)
    assert "No such file" in rejects.read_text()
    assert "p3" not in collection.ids()


def test_the_same_model_again_is_no_move(shop: Collection, run: Retriever) -> None:
    with pytest.raises(BadSetting, match=r"is already the model of this collection"):
        shop.reencode(str(run.folder.path))
