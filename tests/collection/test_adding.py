"""Filling a collection, and taking items out."""

import json
import shutil
from pathlib import Path

from PIL import Image

from diptych.collection import Added, Collection

from .conftest import QUERY, MakeCollection, found, items_file


def test_what_is_unchanged_is_skipped_and_what_changed_replaced(make: MakeCollection, tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]
    collection = make()
    assert collection.add(str(items_file(tmp_path, *rows))) == Added(added=2)
    rows[1]["text"] = "changed"
    assert collection.add(str(items_file(tmp_path, *rows, {"id": "c", "text": "three"}))) == Added(1, 1, 1)
    assert collection.items().texts == (("one",), ("changed",), ("three",))


def test_the_last_of_equal_ids_counts(make: MakeCollection, tmp_path: Path) -> None:
    collection = make(items_file(tmp_path, {"id": "a", "text": "first"}, {"id": "a", "text": "last"}))
    assert collection.items().texts == (("last",),)


def test_faulty_items_are_listed_with_reasons_and_the_rest_goes_in(make: MakeCollection, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "good.png")
    (folder / "broken.png").write_bytes(b"nothing")
    rejects = tmp_path / "rejects.jsonl"
    assert make().add(str(folder), rejects=rejects) == Added(added=1, rejected=1)
    (line,) = map(json.loads, rejects.read_text().splitlines())
    assert line["where"].endswith("broken.png")
    assert "cannot be decoded" in line["reason"]


def test_a_column_keeps_its_kind(make: MakeCollection, tmp_path: Path) -> None:
    collection = make(items_file(tmp_path, {"id": "a", "text": "x", "year": 2010}))
    rejects = tmp_path / "rejects.jsonl"
    added = collection.add(
        str(items_file(tmp_path, {"id": "b", "text": "x", "year": "old"}, {"id": "c", "text": "x", "new": True})),
        rejects=rejects,
    )
    assert added == Added(added=1, rejected=1)
    assert "year holds a number in this collection; got 'old'" in rejects.read_text()
    assert collection.table.columns() == {"year": "number", "new": "truth"}


def test_an_item_may_lack_either_side(make: MakeCollection, tiny_set: Path, tmp_path: Path) -> None:
    picture = shutil.copy(tiny_set / "3.png", tmp_path)
    collection = make(items_file(tmp_path, {"id": "p", "image": picture}, {"id": "t", "text": "a red square"}))
    assert {key: collection.stats()[key] for key in ("items", "images", "texts")} == {
        "items": 2, "images": 1, "texts": 1,
    }  # fmt: skip
    assert found(collection, QUERY) == ["p"]
    assert found(collection, QUERY, against="text") == ["t"]


def test_items_are_removed_by_id_and_by_filter(shop: Collection) -> None:
    assert shop.remove(["p1", "nobody"]) == 1
    assert shop.remove(where="category = 'disc'") == 12
    assert len(shop.ids()) == 11
    assert "p1" not in found(shop, QUERY, k=24)


def test_without_training_a_folder_of_pictures_holds_its_own_collection(tiny_set: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("1.png", "2.png"):
        shutil.copy(tiny_set / name, folder)
    collection = Collection.create(
        str(folder), "conse", image_encoder="efficientnet-lite0", settings=["image_encoder.side=64"]
    )
    assert collection.has_source
    assert collection.add(str(folder)) == Added(added=2)
    again = Collection.open(str(folder))
    assert sorted(found(again, "a traffic light")) == ["1.png", "2.png"]
    assert again.model.encoder("image").name == "efficientnet-lite0"
    assert set(again.search("a dog").hits[0].spaces) == {"common"}
