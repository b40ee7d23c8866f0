"""Filling a collection, and taking items out."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from diptych.collection import Added, Collection
from diptych.index.address import open_store
from diptych.index.conditions import Columns
from diptych.index.lance.table import LanceTable
from diptych.ingest.upserting import REPEATED

from .conftest import QUERY, MakeCollection, found, items_file


def test_what_is_unchanged_is_skipped_and_what_changed_replaced(make: MakeCollection, tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]
    collection = make()
    assert collection.add(str(items_file(tmp_path, *rows))) == Added(added=2)
    rows[1]["text"] = "changed"
    assert collection.add(str(items_file(tmp_path, *rows, {"id": "c", "text": "three"}))) == Added(1, 1, 1)
    assert collection.items().texts == (("one",), ("changed",), ("three",))


def test_the_last_of_equal_ids_counts_and_is_told_as_an_update(make: MakeCollection, tmp_path: Path) -> None:
    collection = make()
    file = str(items_file(tmp_path, {"id": "a", "text": "first"}, {"id": "a", "text": "last"}))
    assert collection.add(file) == Added(added=1, updated=1, notes=(REPEATED,))
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


def test_a_column_keeps_its_kind_and_no_item_is_left_out_for_it(make: MakeCollection, tmp_path: Path) -> None:
    collection = make(items_file(tmp_path, {"id": "a", "text": "x", "year": 2010, "shelf": "A1", "tags": ["old"]}))
    rows = [{"id": "b", "text": "x", "year": "old", "shelf": 7}, {"id": "c", "text": "x", "new": True, "tags": "new"}]
    file = str(items_file(tmp_path, *rows))
    assert collection.add(file) == Added(
        added=2,
        notes=(
            "the column year holds numbers in this collection: its other values are left out.",
            "the column shelf holds texts in this collection: its other values are kept as text.",
        ),
    )
    assert collection.table.columns() == {"year": "number", "shelf": "text", "tags": "texts", "new": "truth"}
    assert [dict(each) for each in collection.items().metadata][1:] == [{"shelf": "7"}, {"new": True, "tags": ("new",)}]
    assert collection.add(file) == Added(unchanged=2)


def test_a_csv_whose_texts_happen_to_be_numbers_keeps_them_as_they_were_written(
    make: MakeCollection, tmp_path: Path
) -> None:
    (tmp_path / "first.csv").write_text("id,text,shelf\n1,x,A1\n")
    (tmp_path / "second.csv").write_text("id,text,shelf\n2,x,7.50\n")
    collection = make(tmp_path / "first.csv")
    assert collection.add(str(tmp_path / "second.csv")).added == 1
    assert [each["shelf"] for each in collection.items().metadata] == ["A1", "7.50"]
    assert collection.ids(where="shelf = '7.50'") == ["2"]


def test_the_captions_of_a_picture_in_a_row_each_are_one_item(
    make: MakeCollection, tiny_set: Path, tmp_path: Path
) -> None:
    for name in ("1.png", "2.png"):
        shutil.copy(tiny_set / name, tmp_path)
    rows = [f"{k % 2 + 1}.png,caption {k}" for k in range(6)]
    (tmp_path / "captions.csv").write_text("\n".join(["image,text", *rows]))
    collection = make()
    assert collection.add(str(tmp_path / "captions.csv")) == Added(added=2)
    assert collection.items().texts[0] == ("caption 0", "caption 2", "caption 4")
    assert collection.add(str(tmp_path / "captions.csv")) == Added(unchanged=2)


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


def test_a_collection_has_so_many_columns_and_no_more(make: MakeCollection, tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": "x", **{f"c{n}_{k}": k for k in range(90)}} for n in range(7)]
    collection = make()
    added = collection.add(str(items_file(tmp_path, *rows)))
    assert added == Added(added=7, notes=("the collection has 500 columns: further ones are left out.",))
    assert len(collection.table.columns()) == 500
    assert collection.add(str(items_file(tmp_path, {"id": "b", "text": "x", "c0_0": 1}))) == Added(added=1)


def test_columns_of_removed_items_go_when_a_collection_is_compacted(make: MakeCollection, tmp_path: Path) -> None:
    collection = make(items_file(tmp_path, {"id": "a", "text": "x", "kept": 1}, {"id": "b", "text": "x", "gone": 1}))
    collection.remove(["b"])
    collection.compact()
    assert collection.table.columns() == {"kept": "number"}


def test_columns_that_another_process_forgets_in_between_are_made_again(
    make: MakeCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = make()
    kind, others = LanceTable, [open_store(collection.store.uri)]
    widen = kind.widen

    def widen_and_lose_it(self: LanceTable, columns: Columns) -> None:
        widen(self, columns)
        if others:
            others.pop().table(self.name).narrow()

    monkeypatch.setattr(kind, "widen", widen_and_lose_it)
    assert collection.add(str(items_file(tmp_path, {"id": "a", "text": "x", "year": 1}))) == Added(added=1)
    assert not others
    assert collection.ids(where="year = 1") == ["a"]


def test_a_picture_at_a_url_that_cannot_be_read_costs_its_item_alone(make: MakeCollection, tmp_path: Path) -> None:
    rows = {"id": "a", "image": "nowhere://x/a.png", "text": "x"}, {"id": "b", "text": "y"}
    assert make().add(str(items_file(tmp_path, *rows))) == Added(added=1, rejected=1)


def test_a_column_that_all_rows_lack_is_one_rejection_of_all_items(make: MakeCollection, tmp_path: Path) -> None:
    rows = [{"id": str(k), "title": f"text {k}"} for k in range(40)]
    file = items_file(tmp_path, *rows)
    shop = make()
    added = shop.add(file, rejects=tmp_path / "rejects.jsonl")
    assert (added.added, added.rejected) == (0, 40)
    (line,) = map(json.loads, (tmp_path / "rejects.jsonl").read_text().splitlines())
    assert line["items"] == 40
    assert "The columns are 'id', 'title'." in line["reason"]
    assert shop.add(file, columns=["text=title"]).added == 40
