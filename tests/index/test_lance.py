"""What is particular to LanceDB; the contract is tested in test_contract*.py."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from diptych.errors import BadFeature, BadSetting, MissingData, ShapeMismatch, StoreFailed
from diptych.index import lance_access
from diptych.index.contract import Layout, Store, Table
from diptych.index.items import Items, Vectors
from diptych.index.opening import open_store

from .samples import LAYOUT, check_items, items_of, queries_of

SMALL_DISK = 12
"""Mebibytes."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "collection"


@pytest.fixture
def lance(place: Path) -> Store:
    return open_store(str(place))


@pytest.fixture
def table(lance: Store) -> Table:
    return lance.create_table("items", LAYOUT)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of 12 MiB, or skip where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def bare(ids: list[str], seed: int) -> Items:
    return items_of(ids, seed=seed, columns={})


def many(number: int) -> Items:
    """Return a batch of 2,000 items."""
    return bare([f"{number} {row}" for row in range(2000)], number)


def write_until_full(table: Table) -> int:
    """Return how many batches went in before one was refused."""
    for number in count():
        try:
            table.write(many(number))
        except StoreFailed:
            break
    return number


def test_a_full_disk_is_said_and_leaves_the_collection_as_it_was(small_disk: Path) -> None:
    store = open_store(str(small_disk / "collection"))
    table = store.create_table("items", LAYOUT)
    store.remember({"model": "x"})
    (ballast := small_disk / "ballast").write_bytes(b"x" * 8 * 2**20)
    number = write_until_full(table)
    with pytest.raises(StoreFailed, match=r"disk of '.*' is full: .* Make room, then do it again"):
        table.write(many(number))
    with pytest.raises(StoreFailed, match="is full"):
        store.remember({"long": "x" * 5 * 2**20})
    assert 0 < table.count() == 2000 * number
    assert table.contents([f"{number} 0"]) == {}
    assert store.record() == {"model": "x"}
    again = open_store(store.uri).table("items")
    assert len(again.read(vectors=["image", "text"])) == 2000 * number
    ballast.unlink()
    table.write(many(number))
    assert table.count() == 2000 * (number + 1)


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


def test_compaction_gives_back_the_space_of_what_was_removed(table: Table) -> None:
    names = [f"{n}" for n in range(4000)]
    for seed in range(3):
        table.write(bare(names, seed))
    full = table.bytes()
    table.remove(names[400:])
    table.compact()
    assert table.bytes() < full / 10
    assert table.count() == 400


def test_compaction_takes_away_what_a_killed_writer_left(table: Table, place: Path) -> None:
    table.write(bare(["a"], 1))
    (stray := place / "items.lance" / "data" / "0123456789abcdef.lance").write_bytes(b"half a file")
    table.compact()
    assert not stray.exists()


def test_compaction_spares_what_is_being_read(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lance_access, "PATIENCE", 0.05)
    for start in range(0, 12_000, 3000):
        table.write(bare([f"{n}" for n in range(start, start + 3000)], start))
    blocks = table.blocks("text")
    first, _ = next(blocks)
    table.remove(first)
    table.compact()
    assert len(first) + sum(len(ids) for ids, _ in blocks) > table.count(side="text")
    full = table.bytes()
    table.compact()
    assert table.bytes() < full


def test_many_ids_are_indexed_and_stay_unique(table: Table) -> None:
    names = [f"{n}" for n in range(10_000)]
    table.write(bare(names, 1))
    table.compact()
    table.write(bare([*names[5000:6000], *(f"new {n}" for n in range(1000))], 2))
    table.write(bare([f"new {n}" for n in range(500, 1500)], 3))
    table.compact()
    table.write(bare(["0", "new 1", "newer"], 4))
    assert table.count() == 11_501 == len(set(table.ids()))
    assert table.contents(["0", "new 1", "newer"]) == dict(
        zip(("0", "new 1", "newer"), bare(["0", "new 1", "newer"], 4).contents, strict=True)
    )


def test_an_approximate_search_needs_its_index(table: Table) -> None:
    with pytest.raises(MissingData, match=r"'items' has no approximate index of text vectors\. Build it first"):
        table.nearest("text", np.ones(16, np.float32), k=3, effort=1)


def test_more_effort_finds_more(table: Table) -> None:
    table.write(bare([f"{n}" for n in range(4000)], 1))
    table.build_index("text")
    queries = queries_of(20, 16, seed=2)
    exact = [set(table.nearest("text", query, k=10).ids) for query in queries]

    def found(effort: int) -> int:
        """Return how many of the 200 nearest are found."""
        searches = zip(queries, exact, strict=True)
        return sum(len(best & set(table.nearest("text", query, k=10, effort=effort).ids)) for query, best in searches)

    assert found(1) < found(8) < found(1024)
    assert found(1024) > 198


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
    vectors = Vectors(np.full((1, 24), number, np.float32), np.ones(1, bool))
    with pytest.raises(BadFeature, match=rf"not finite in the float{16 if half else 32} of this table"):
        table.write(replace(items, vectors={"image": vectors}))
    assert table.count() == 0


def test_metadata_without_a_column_is_refused(table: Table) -> None:
    with pytest.raises(BadSetting, match=r"no column 'year' of metadata\. Widen it before"):
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
        with pytest.raises(MissingData, match=r"items\.lance' is gone: somebody has dropped it"):
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
    with pytest.raises(StoreFailed, match=r"record\.json' cannot be read: .* Restore it from a copy"):
        lance.record()


def test_an_existing_table_is_not_made_again(lance: Store, table: Table) -> None:
    with pytest.raises(BadSetting, match=r"the table 'items' exists in .* Drop it first, or take another name"):
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
