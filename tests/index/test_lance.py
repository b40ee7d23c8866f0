"""What is particular to LanceDB; the contract is tested in test_contract*.py."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diptych.errors import BadFeature, BadSetting, MissingData, ShapeMismatch, StoreFailed
from diptych.index.address import open_store
from diptych.index.contract import Layout, Store, Table
from diptych.index.items import ItemVectors

from .lance_tables import bare, lance, place, table
from .samples import LAYOUT, check_items, items_of

__all__ = ["lance", "place", "table"]


def test_the_version_changes_with_every_write_and_only_then(table: Table) -> None:
    seen = [table.version()]
    for act in (
        lambda: table.write(bare(["a", "b"], 1)),
        lambda: table.write(bare(["a", "b"], 1)),
        lambda: table.widen({"year": "number"}),
        lambda: table.remove(["a"]),
    ):
        act()
        assert table.version() not in seen
        seen.append(table.version())
    table.read()
    table.remove(["nobody"])
    table.widen({"year": "number"})
    table.write(bare([], 1))
    assert table.version() == seen[-1]


def test_vectors_of_another_width_are_refused(table: Table) -> None:
    sentence = r"have 24 numbers \(image\), 16 numbers \(text\); got text vectors of 5\. That is another model's width"
    with pytest.raises(ShapeMismatch, match=sentence):
        table.nearest("text", np.ones(5, np.float32), k=3)
    with pytest.raises(ShapeMismatch, match=sentence):
        table.write(items_of(["a", "b", "c"], seed=1, layout=Layout({"text": 5}), columns={}))


def test_a_side_that_the_table_is_not_made_for_has_no_items(lance: Store) -> None:
    table = lance.create_table("pictures", Layout({"image": 24}))
    items = bare(["a", "b", "c"], 1)
    table.write(replace(items, vectors={"image": items.vectors["image"]}))
    assert table.count(side="text") == 0
    assert table.ids(side="text") == []
    assert list(table.blocks("text")) == []


@pytest.mark.parametrize(("half", "number"), [(False, np.nan), (False, np.inf), (True, 70_000.0)])
def test_vectors_that_are_not_finite_are_refused(lance: Store, *, half: bool, number: float) -> None:
    table = lance.create_table("items", Layout({"image": 24}, half=half))
    items = bare(["a"], 1)
    vectors = ItemVectors(np.full((1, 24), number, np.float32), np.ones(1, bool))
    with pytest.raises(BadFeature, match=rf"not finite in the float{16 if half else 32} of this table"):
        table.write(replace(items, vectors={"image": vectors}))
    assert table.count() == 0


def test_metadata_without_a_column_is_refused(table: Table) -> None:
    with pytest.raises(BadSetting, match=r"no metadata column 'year'\. Add it before"):
        table.write(replace(bare(["a"], 1), metadata=({"year": 3.0},)))


def test_a_column_of_another_kind_is_refused(table: Table) -> None:
    table.widen({"year": "number"})
    with pytest.raises(BadSetting, match=r"the column 'year' holds number; got text\. Give it another name"):
        table.widen({"year": "text"})


def test_columns_named_like_those_of_the_table_are_columns_like_any(table: Table) -> None:
    names = ("id", "content", "image", "texts", "image_vector", "metadata_id", "_distance", "_rowid")
    table.widen(dict.fromkeys(names, "text"))
    items = replace(bare(["a"], 1), metadata=(dict.fromkeys(names, "x"),))
    table.write(items)
    check_items(table.read(vectors=["image", "text"]), items)


def test_a_table_that_somebody_dropped_is_gone(lance: Store, table: Table) -> None:
    open_store(lance.uri).drop_table("items")
    for act in (table.count, table.compact, lambda: table.write(bare(["a"], 1))):
        with pytest.raises(MissingData, match=r"items\.lance' is gone: another process dropped it"):
            act()


def test_a_dropped_table_leaves_no_file(lance: Store, table: Table, place: Path) -> None:
    table.write(bare(["a"], 1))
    (place / ".dropped" / "cut off").mkdir(parents=True)
    lance.drop_table("items")
    assert list(place.iterdir()) == []


def test_dropping_a_collection_leaves_what_is_not_its_own(lance: Store, table: Table, place: Path) -> None:
    lance.remember({})
    (place / "notes.txt").write_text("mine")
    lance.drop()
    assert [path.name for path in place.iterdir()] == ["notes.txt"]


def test_a_damaged_record_is_named(lance: Store, place: Path) -> None:
    lance.remember({"model": "x"})
    (place / "record.json").write_text("{half")
    with pytest.raises(StoreFailed, match=r"record\.json' cannot be read: .* Restore it from a backup"):
        lance.record()


def test_a_file_is_no_collection(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert open_store(str(tmp_path / "notes.txt")).record() is None


def test_an_existing_table_is_not_made_again(lance: Store, table: Table) -> None:
    with pytest.raises(
        BadSetting, match=r"the table 'items' already exists in .* Drop it first, or choose another name"
    ):
        lance.create_table("items", LAYOUT)


def test_a_table_that_is_not_there_is_answered_with_those_that_are(lance: Store, table: Table) -> None:
    with pytest.raises(MissingData, match=r"has no table 'itmes'\. There are: items\."):
        lance.table("itmes")


def test_a_damaged_table_fails_with_a_sentence(table: Table, place: Path) -> None:
    table.write(bare([f"{n}" for n in range(100)], 1))
    for path in (place / "items.lance" / "data").iterdir():
        os.truncate(path, 100)
    with pytest.raises(StoreFailed, match=r"the store at '.*items\.lance' failed: "):
        open_store(str(place)).table("items").read()
