"""What every store does, held to an oracle in plain Python: what is put in is what comes out."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from diptych.errors import BadSetting, DiptychError, MissingData
from diptych.index.address import open_store
from diptych.index.contract import Layout, Store, Table
from diptych.index.refusals import MissingColumn

from .killing import SHARED, batch, own_ids, prepare
from .oracle import OracleTable
from .samples import COLUMNS, LAYOUT, ODD_IDS, check_items, items_of

Filled = tuple[Table, OracleTable]


def test_nothing_is_there_until_something_is_made(store: Store) -> None:
    assert store.record() is None
    assert store.tables() == []
    store.drop_table("nothing")
    with pytest.raises(MissingData, match="nothing"):
        store.table("nothing")


def test_the_record_is_what_was_remembered_last(store: Store) -> None:
    store.remember({"model": "žluť 'x'", "widths": {"image": 3}, "list": [1, 2.5, None, True]})
    assert open_store(store.uri).record() == {"model": "žluť 'x'", "widths": {"image": 3}, "list": [1, 2.5, None, True]}
    store.remember({"model": "another"})
    assert store.record() == {"model": "another"}


def test_tables_come_and_go(store: Store) -> None:
    for name in ("second", "First", "a1"):
        store.create_table(name, LAYOUT)
    assert store.tables() == ["First", "a1", "second"]
    with pytest.raises(BadSetting, match="'second'"):
        store.create_table("second", LAYOUT)
    store.drop_table("second")
    assert store.tables() == ["First", "a1"]
    store.drop()
    assert store.tables() == []
    assert store.record() is None


def test_a_table_made_anew_is_empty_and_of_another_version(store: Store) -> None:
    old = store.create_table("items", LAYOUT)
    old.write(items_of(["a", "b"], seed=1, columns={}))
    version = old.version()
    store.drop_table("items")
    new = store.create_table("items", Layout({"text": 5}))
    assert new.count() == 0
    assert new.layout == Layout({"text": 5})
    new.write(items_of(["c"], seed=1, layout=new.layout, columns={}))
    assert new.ids() == ["c"]
    assert new.version() is None or new.version() != version


def test_an_empty_table_answers_everything(store: Store) -> None:
    table = store.create_table("items", LAYOUT)
    table.widen(COLUMNS)
    table.write(items_of([], seed=1))
    assert table.count() == table.count(side="image") == 0
    assert table.ids() == []
    assert table.contents() == table.contents(["a"]) == {}
    assert len(table.read(vectors=["image", "text"])) == len(table.read([])) == len(table.read(["a"])) == 0
    assert table.remove(["a"]) == table.remove([]) == 0
    assert [ids for ids, _ in table.blocks("text") if ids] == []
    assert table.nearest("text", np.ones(16, np.float32), k=3).ids == ()


def test_all_items_come_back_as_they_were_written(filled: Filled) -> None:
    table, oracle = filled
    assert table.columns() == oracle.columns()
    assert table.ids() == oracle.ids()
    assert table.contents() == oracle.contents()
    check_items(table.read(vectors=["image", "text"]), oracle.read(vectors=["image", "text"]))


@pytest.mark.parametrize("side", ["image", "text"])
def test_items_are_counted_and_listed_by_side(filled: Filled, side: str) -> None:
    table, oracle = filled
    assert table.count(side=side) == oracle.count(side=side) > 0
    assert table.ids(side=side) == oracle.ids(side=side)


def test_pages_follow_one_another_in_the_order_of_code_points(filled: Filled) -> None:
    table, oracle = filled
    after, seen = None, []
    while len(page := table.read(after=after, limit=47)):
        assert page.vectors == {}
        assert len(page) == min(47, oracle.count() - len(seen))
        seen += page.ids
        after = page.ids[-1]
    assert tuple(seen) == oracle.read().ids


def test_items_are_read_in_the_order_named_and_strangers_are_left_out(filled: Filled) -> None:
    table, oracle = filled
    names = ["item 7", "stranger", *reversed(ODD_IDS), "item 299", "it''s"]
    check_items(table.read(names, vectors=["text"]), oracle.read(names, vectors=["text"]))
    assert table.contents(names) == oracle.contents(names)
    check_items(table.read(names, after="a", limit=5), oracle.read(names, after="a", limit=5))


def test_thousands_of_ids_may_be_named_at_once(filled: Filled) -> None:
    table, oracle = filled
    names = [f"item {n}" for n in range(25_000)]
    assert table.read(names).ids == oracle.read(names).ids
    assert table.contents(names) == oracle.contents(names)


@pytest.mark.parametrize("side", ["image", "text"])
def test_blocks_bring_every_vector_once(filled: Filled, side: str) -> None:
    table, oracle = filled
    ids, rows = zip(*table.blocks(side), strict=True)
    names = [name for block in ids for name in block]
    assert sorted(names) == oracle.ids(side=side)
    np.testing.assert_array_equal(np.concatenate(rows), oracle.read(names, vectors=[side]).vectors[side].rows)


def test_writing_again_replaces_the_whole_item(store: Store) -> None:
    table, oracle = store.create_table("items", LAYOUT), OracleTable("items", LAYOUT)
    names = ["a", "it's", "c"]
    first, second = items_of(names, seed=1), items_of(["it's", "d"], seed=5)
    bare = replace(second.take([0]), metadata=({},), images=(None,), texts=((),))
    for one in (table, oracle):
        one.widen(COLUMNS)
        for items in (first, first, second, bare):
            one.write(items)
    check_items(table.read(vectors=["image", "text"]), oracle.read(vectors=["image", "text"]))
    assert table.count() == 4


def test_what_was_removed_is_gone_and_may_come_again(store: Store) -> None:
    table = store.create_table("items", LAYOUT)
    items = items_of([*ODD_IDS, "b", "c"], seed=3, columns={})
    table.write(items)
    assert table.remove([*ODD_IDS, ODD_IDS[0], "stranger"]) == len(ODD_IDS)
    assert table.remove(ODD_IDS) == 0
    assert table.ids() == ["b", "c"]
    found = table.nearest("text", np.ones(16, np.float32), k=5)
    assert set(found.ids) <= {"b", "c"}
    table.write(items.take([0]))
    assert table.ids() == sorted(["b", "c", ODD_IDS[0]])


def test_every_write_is_seen_at_once_through_another_handle(store: Store) -> None:
    table = store.create_table("items", LAYOUT)
    other = open_store(store.uri).table("items")
    for number in range(5):
        before = other.version()
        table.write(items_of([f"{number}"], seed=number, columns={}))
        assert other.count() == number + 1
        assert other.contents([f"{number}"]) == table.contents([f"{number}"])
        assert other.version() is None or other.version() != before
    before = table.version()
    assert other.remove(["0"]) == 1
    assert table.ids() == ["1", "2", "3", "4"]
    assert table.version() is None or table.version() != before


def test_a_store_opened_again_holds_what_it_held(store: Store) -> None:
    layout = Layout({"image": 24}, half=True)
    store.create_table("items", layout).widen({"year": "number"})
    table = store.table("items")
    table.write(items_of(["a", "b"], seed=1, layout=layout, columns={"year": "number"}))
    store.close()
    again = open_store(store.uri).table("items")
    assert (again.name, again.layout, again.columns()) == ("items", layout, {"year": "number"})
    assert again.ids() == ["a", "b"]


def test_a_table_widens_while_others_use_it(store: Store) -> None:
    table = store.create_table("items", LAYOUT)
    other = open_store(store.uri).table("items")
    table.write(items_of(["a"], seed=1, columns={}))
    table.widen({"year": "number", "tags": "texts"})
    table.widen({"year": "number", "category": "text"})
    assert other.columns() == {"year": "number", "tags": "texts", "category": "text"}
    with pytest.raises(BadSetting, match="year"):
        other.widen({"framed": "truth", "year": "text"})
    other.write(replace(items_of(["b"], seed=1), metadata=({"category": "dog", "tags": ("x", "y"), "year": 3.0},)))
    assert table.read().metadata == ({}, {"category": "dog", "tags": ("x", "y"), "year": 3.0})


def test_a_table_forgets_columns_in_which_no_item_has_a_value(store: Store) -> None:
    table = store.create_table("items", LAYOUT)
    other = open_store(store.uri).table("items")
    table.widen({"year": "number", "tags": "texts", "kind": "text", "framed": "truth"})
    metadata = ({"year": 3.0, "framed": False}, {"tags": ("x",)}, {"kind": "dog"})
    table.write(replace(items_of(["a", "b", "c"], seed=1), metadata=metadata))
    table.remove(["c"])
    table.narrow()
    assert table.columns() == other.columns() == {"year": "number", "tags": "texts", "framed": "truth"}
    assert table.read().metadata == metadata[:2]
    with pytest.raises(MissingColumn, match="the table has no metadata column 'kind'"):
        other.write(replace(items_of(["c"], seed=1), metadata=({"kind": "dog"},)))
    other.widen({"kind": "number"})
    other.write(replace(items_of(["c"], seed=1), metadata=({"kind": 1.0},)))
    assert table.read(["c"]).metadata == ({"kind": 1.0},)


def test_a_write_that_cannot_be_leaves_the_table_as_it_was(store: Store) -> None:
    table = store.create_table("items", LAYOUT)
    before = items_of(["a"], seed=1, columns={})
    table.write(before)
    version = table.version()
    wide = items_of(["a", "b"], seed=2, layout=Layout({"image": 25, "text": 16}), columns={})
    with pytest.raises(DiptychError):
        table.write(wide)
    assert table.contents() == dict(zip(before.ids, before.contents, strict=True))
    assert table.version() == version


def test_compaction_changes_nothing_that_is_read(store: Store) -> None:
    table = store.create_table("items", LAYOUT)
    names = [f"{n}" for n in range(200)]
    for seed in range(4):
        table.write(items_of(names, seed=seed, columns={}))
    table.remove(names[:150])
    expected = table.read(vectors=["image", "text"])
    table.compact()
    check_items(table.read(vectors=["image", "text"]), expected)
    assert table.bytes() > 0


def test_stores_at_one_place_do_not_meet(new_uri: Callable[[], str], store: Store) -> None:
    other = open_store(new_uri())
    store.create_table("items", LAYOUT).write(items_of(["a"], seed=1, columns={}))
    store.remember({"mine": True})
    try:
        assert other.tables() == []
        assert other.record() is None
        other.create_table("items", LAYOUT)
        other.drop()
        assert store.table("items").ids() == ["a"]
    finally:
        other.close()


def test_in_a_moment_all_is_read_that_was_acknowledged_before_it(store: Store) -> None:
    table = prepare(store)
    with closing(open_store(store.uri)) as other:
        for number in range(3):
            table.write(batch("one", number))
            table.remove(own_ids("one", number)[:1])
            store.remember({"number": number})
            with other.moment(), other.moment():
                seen = other.table("items")
                assert other.record() == {"number": number}
                assert seen.count() == 19 * (number + 1) + len(SHARED)
                ids, best = seen.ids(), seen.nearest("image", np.ones(32, np.float32), k=7).ids
            assert ids == sorted(table.contents())
            assert best == table.nearest("image", np.ones(32, np.float32), k=7).ids


def test_threads_share_a_table(store: Store) -> None:
    table = prepare(store)
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(5):
                table.write(batch(name, number))
                table.nearest("image", batch(name, number).vectors["image"].rows[0], k=3)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert table.count() == 3 * 5 * 20 + len(SHARED)
