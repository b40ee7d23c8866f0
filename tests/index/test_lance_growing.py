"""How LanceDB grows: a disk that fills, files that are put together, indices of ids and of vectors."""

import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from lancedb.index import IvfSq

from diptych.errors import MissingData, StoreFailed
from diptych.files import digest
from diptych.index.address import open_store
from diptych.index.contract import Table
from diptych.index.lance import access as lance_access
from diptych.index.lance import table as lance_table
from diptych.index.lance import upkeep as lance_upkeep
from diptych.index.lance.table import LanceTable
from diptych.index.lance.upkeep import covers_ids

from .lance_tables import bare, lance, many, place, small_disk, table, write_until_full
from .samples import LAYOUT, queries_of

__all__ = ["lance", "place", "small_disk", "table"]


@pytest.mark.parametrize("scattered", [lance_upkeep.SCATTERED, 3], ids=["files stay", "files are put together"])
def test_a_full_disk_is_said_and_leaves_the_collection_as_it_was(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, scattered: int
) -> None:
    monkeypatch.setattr(lance_upkeep, "SCATTERED", scattered)
    store = open_store(str(small_disk / "collection"))
    table = store.create_table("items", LAYOUT)
    store.remember({"model": "x"})
    (ballast := small_disk / "ballast").write_bytes(b"x" * 8 * 2**20)
    number = write_until_full(table)
    with pytest.raises(StoreFailed, match=r"disk of '.*' is full: .* Free some space, then try again"):
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


def test_many_small_writes_leave_few_files(table: Table, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lance_upkeep, "SCATTERED", 8)
    monkeypatch.setattr(lance_upkeep, "MANY", 100)
    written: dict[str, int] = {}
    for seed in range(60):
        names = [f"{n}" for n in range(5 * seed, 5 * seed + 10)]
        table.write(bare(names, seed))
        written |= dict.fromkeys(names, seed)
        assert len(list((place / "items.lance" / "_versions").iterdir())) < 40
        assert len(list((place / "items.lance" / "data").iterdir())) < 40
    assert table.contents() == {name: digest(name, str(seed)) for name, seed in written.items()}
    assert table.count() == len(written) == 305


def test_what_is_being_read_stays_where_writes_put_files_together(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance_access, "PATIENCE", 0.05)
    monkeypatch.setattr(lance_upkeep, "SCATTERED", 3)
    for start in range(0, 12_000, 3000):
        table.write(bare([f"{n}" for n in range(start, start + 3000)], start))
    there = table.count(side="text")
    blocks = table.blocks("text")
    read = len(next(blocks)[0])
    for start in range(0, 12_000, 3000):
        table.write(bare([f"{n} too" for n in range(start, start + 3000)], start))
    assert read + sum(len(ids) for ids, _ in blocks) == there
    assert table.count(side="text") == 2 * there


def test_files_stay_as_they_are_while_an_index_is_built(
    table: Table, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance_upkeep, "SCATTERED", 2)
    for number in range(4):
        table.write(many(number))
    built, begun = Event(), Event()
    create = table._table.create_index

    def slowly(*arguments: Any, **options: Any) -> None:
        begun.set()
        assert built.wait(60)
        create(*arguments, **options)

    monkeypatch.setattr(table._table, "create_index", slowly)
    with ThreadPoolExecutor(2) as pool:
        building = pool.submit(table.build_index, "image")
        assert begun.wait(60)
        other = open_store(str(place)).table("items")
        for number in range(4, 8):
            other.write(many(number))
        compacting = pool.submit(other.compact)
        assert other._table.stats()["fragment_stats"]["num_small_fragments"] > 4
        assert not compacting.done()
        built.set()
        building.result(60)
        compacting.result(60)
    assert table.indexed("image")
    assert table.count() == 16_000
    assert other._table.stats()["fragment_stats"]["num_small_fragments"] == 1


def test_files_stay_apart_where_the_disk_has_no_room_to_put_them_together(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = open_store(str(small_disk / "collection")).create_table("items", LAYOUT)
    monkeypatch.setattr(lance_upkeep, "SCATTERED", 3)
    while shutil.disk_usage(small_disk).free > 5 * 2**20:
        table.write(many(table.count()))
    rows, data = table.count(), small_disk / "collection" / "items.lance" / "data"
    monkeypatch.setattr(lance_upkeep, "SCATTERED", 1)
    (small_disk / "ballast").write_bytes(b"x" * 4 * 2**20)
    files = len(list(data.iterdir()))
    table.write(bare(["last"], 1))
    assert len(list(data.iterdir())) == files + 1
    assert table.count() == rows + 1


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


@pytest.mark.parametrize("behind", [0, 40], ids=["the index knows nearly all", "the index knows a part"])
def test_an_item_is_replaced_whether_the_index_of_ids_knows_it_or_not(
    table: Table, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    monkeypatch.setattr(lance_upkeep, "MANY", 100)
    names = [f"{n}" for n in range(100)]
    table.write(bare(names, 1))
    table.compact()
    late = [f"late {n}" for n in range(behind)]
    table.write(bare(late, 2))
    assert covers_ids(table._table) is (not behind)
    chosen = [*names[::3], *late[::2], "new"]
    table.write(bare(chosen, 3))
    expected = {**dict.fromkeys(names, 1), **dict.fromkeys(late, 2), **dict.fromkeys(chosen, 3)}
    assert table.contents() == {name: digest(name, str(seed)) for name, seed in expected.items()}
    assert table.count() == len(expected)


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


def test_more_partitions_are_searched_where_the_nearest_hold_too_few(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.write(bare([f"{n}" for n in range(600)], 1))
    table.build_index("image")
    query = queries_of(1, 24, seed=2)[0]
    exact = table.nearest("image", query, k=table.count(side="image"))

    def never(*_: object) -> None:
        raise AssertionError("all vectors were read")

    monkeypatch.setattr(LanceTable, "_exact", never)
    everything = table.nearest("image", query, k=len(exact.ids), effort=1)
    assert everything.ids == exact.ids
    assert len(table.nearest("image", query, k=100, effort=1).ids) == 100


def test_the_centres_of_all_partitions_stay_few_enough_to_be_compared_one_by_one(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def recorded(num_partitions: int, **options: Any) -> IvfSq:
        asked.append(num_partitions)
        return IvfSq(num_partitions=num_partitions, **options)

    monkeypatch.setattr(lance_table, "IvfSq", recorded)
    table.write(bare([f"{n}" for n in range(900)], 1))
    table.build_index("image")
    monkeypatch.setattr(lance_table, "CENTRES", 24 * 10)
    table.build_index("image")
    monkeypatch.setattr(lance_table, "CENTRES", 1)
    table.build_index("image")
    assert asked == [math.isqrt(table.count(side="image")), 9, 1]
