"""What is exported is what the collection holds, and fills another one."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from diptych.collection import Collection, StoredCollection, exporting
from diptych.errors import BadSetting, DiptychError
from diptych.retriever import Retriever
from tests.index.servers_postgresql import postgresql_server

from .conftest import MakeCollection, items_file

__all__ = ["postgresql_server"]

ODD = {"id": "words", "text": 'a "dog",\nasleep', "price": 3.5, "new": True, "tags": ["x, y", "z"]}


@pytest.fixture(autouse=True, params=[5, 2048])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(exporting, "AT_ONCE", request.param)
    return int(request.param)


def test_a_parquet_file_has_every_item_with_its_vectors(shop: Collection, tiny_set: Path, tmp_path: Path) -> None:
    shop.add(items_file(tmp_path, ODD))
    told: list[tuple[int, int, str]] = []
    assert shop.export(tmp_path / "out.parquet", progress=lambda *each: told.append(each)) == 25
    assert told[-1] == (25, 25, "items exported")
    table = parquet.read_table(tmp_path / "out.parquet")
    items = shop.items()
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == list(items.ids)
    assert [row["image"] for row in rows] == list(items.images)
    assert [tuple(row["texts"]) for row in rows] == list(items.texts)
    (odd,) = [row for row in rows if row["id"] == "words"]
    assert (odd["price"], odd["new"], odd["tags"], odd["category"]) == (3.5, True, ["x, y", "z"], None)
    pictures = shop.encode_image([path for path in items.images if path])
    texts = shop.encode_text(['a "dog",\nasleep'])
    for space, width in zip(shop.record.model.spaces, shop.record.model.widths, strict=True):
        kind = table.schema.field(f"image_{space}_vector").type
        assert (str(kind.value_type), kind.list_size) == ("float", width)
        column = [row[f"image_{space}_vector"] for row in rows]
        assert odd[f"image_{space}_vector"] is None
        np.testing.assert_allclose([each for each in column if each], pictures[space], atol=1e-5)
        np.testing.assert_allclose(odd[f"text_{space}_vector"], texts[space][0], atol=1e-5)
    assert json.loads(table.schema.metadata[b"diptych.model"]) == shop.record.model.to_json()


def test_vectors_that_are_stored_in_fewer_numbers_come_whole(tiny_set: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "conse", "conse", image_encoder="efficientnet-lite0") as collection:
        collection.add(tiny_set)
        collection.export(tmp_path / "out.parquet", where="category = 'disc'")
        rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
        (space,) = collection.record.model.spaces
        whole = collection.encode_image([row["image"] for row in rows])[space]
        assert len(rows) == 12
        np.testing.assert_allclose([row[f"image_{space}_vector"] for row in rows], whole, atol=1e-4)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_another_collection_is_filled_from_it(
    make: MakeCollection, tiny_set: Path, tmp_path: Path, suffix: str
) -> None:
    album = shutil.copytree(tiny_set, tmp_path / "album")
    with make(album, items_file(tmp_path, {**ODD, "tags": "x"})) as shop:
        assert shop.export(album / f"out.{suffix}") == 25
        one = shop.items()
    with make(album / f"out.{suffix}", name="other") as other:
        two = other.items()
        assert (one.ids, one.images, one.texts) == (two.ids, two.images, two.texts)
        assert [dict(each) for each in one.metadata] == [dict(each) for each in two.metadata]


def test_a_table_has_a_row_for_each_text(shop: Collection, tmp_path: Path) -> None:
    shop.add(items_file(tmp_path, ODD))
    shop.export(tmp_path / "out.csv", where="id in ('p3', 'words')")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["text"]) for row in rows] == [
        *(("p3", text) for text in shop.items(where="id = 'p3'").texts[0]), ("words", ODD["text"]),
    ]  # fmt: skip
    assert [rows[-1][name] for name in ("image", "price", "new", "tags")] == ["", "3.5", "true", '["x, y", "z"]']


def test_a_column_of_metadata_keeps_its_name(shop: Collection, tmp_path: Path) -> None:
    name = f"image_{shop.record.model.spaces[0]}_vector"
    shop.add(items_file(tmp_path, {"id": "words", "text": "a dog", name: "mine"}))
    shop.export(tmp_path / "out.parquet")
    names = parquet.read_schema(tmp_path / "out.parquet").names
    assert {name, f"{name}_"} <= set(names)
    assert parquet.read_table(tmp_path / "out.parquet").column(name).to_pylist()[-1] == "mine"


def test_no_model_is_loaded_and_an_empty_collection_is_an_empty_file(
    make: MakeCollection, tmp_path: Path, run: Retriever
) -> None:
    make().close()
    moved = run.folder.path.rename(run.folder.path.with_name("moved"))
    try:
        with StoredCollection.at(tmp_path / "shop") as stored:
            assert [stored.export(tmp_path / f"out.{form}") for form in ("parquet", "csv", "jsonl")] == [0, 0, 0]
    finally:
        moved.rename(run.folder.path)
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0


class HaltError(Exception):
    """Ends an export in the middle."""


def test_a_file_stays_as_it_was_until_the_new_one_is_complete(shop: Collection, tmp_path: Path) -> None:
    def halt(done: int, total: int, label: str) -> None:
        raise HaltError

    for form in ("parquet", "csv", "jsonl"):
        file = tmp_path / f"out.{form}"
        file.write_text("before")
        with pytest.raises(HaltError):
            shop.export(file, progress=halt)
        assert file.read_text() == "before"
        assert [path.name for path in tmp_path.glob("*out*") if path.suffix == f".{form}"] == [file.name]


def test_what_cannot_be_written_is_refused(shop: Collection, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"to \.parquet \(with vectors\), \.csv or \.jsonl; got '\.txt' in 'a\.txt'\."):
        shop.export(Path("a.txt"))
    with pytest.raises(BadSetting, match="got no suffix in 'a'"):
        shop.export(Path("a"))
    with pytest.raises(DiptychError, match="columns has no entry 'colour'"):
        shop.export(tmp_path / "a.csv", where="colour = 'red'")


def test_postgresql_exports_the_same_as_a_folder(
    shop: Collection, postgresql_place: str, run: Retriever, tiny_set: Path, tmp_path: Path
) -> None:
    with Collection.create(postgresql_place, str(run.folder.path)) as there:
        there.add(tiny_set)
        there.export(tmp_path / "there.parquet")
    shop.export(tmp_path / "here.parquet")
    one, two = (parquet.read_table(tmp_path / f"{name}.parquet").to_pylist() for name in ("here", "there"))
    for left, right in zip(one, two, strict=True):
        for name, value in left.items():
            if name.endswith("_vector"):
                np.testing.assert_allclose(right[name], value, atol=1e-6)
            else:
                assert right[name] == value
