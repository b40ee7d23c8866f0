"""What Milvus alone does, on a server and in a file; what all stores do is in test_contract.py."""

import subprocess
import sys
import time
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="pymilvus is not installed: no Milvus to test with")

from diptych.errors import BadSetting, ShapeMismatch, StoreFailed
from diptych.index import milvus
from diptych.index.conditions import Absence, Comparison, Every, Membership, Some
from diptych.index.contract import Layout, Store, Table
from diptych.index.items import Items, ItemVectors
from diptych.index.milvus.conditions import expression_of, quoted
from diptych.index.milvus.store import open_store

from .killing import Writer, batch, check_nothing_lost, prepare
from .servers_milvus import Server

ROOT = Path(__file__).resolve().parents[2]
NARROW = Layout({"image": 8})
MANY = 20_000


def some_items(count: int, *, width: int = 8, group: str | None = None) -> Items:
    """Return items in an order that is not that of their ids."""
    rng = np.random.default_rng(count)
    names = tuple(f"{place:06}" for place in rng.permutation(count))
    rows = rng.standard_normal((count, width)).astype(np.float32)
    metadata = {} if group is None else {"group": group}
    vectors = {"image": ItemVectors(rows, np.ones(count, dtype=bool))}
    return Items(names, names, (None,) * count, ((),) * count, (metadata,) * count, vectors)


def collection(server: str) -> str:
    return f"{server}#t{uuid.uuid4().hex[:12]}"


def when_back(store: Store, *, seconds: float = 60) -> Table:
    """Return the items as soon as a server that was started again serves them, through a store that saw it lost."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            table = store.table("items")
            table.count()
        except StoreFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return table


# a server that is lost


def test_a_server_killed_in_mid_ingest_loses_nothing_that_was_acknowledged(milvus_process: Server) -> None:
    with closing(open_store(collection(milvus_process.uri))) as store:
        table = prepare(store)
        with Writer(store.uri, "writer") as writer:
            writer.write_until(5)
            milvus_process.kill()
            began = time.monotonic()
            with pytest.raises(StoreFailed, match=r"Milvus at 127\.0\.0\.1:\d+ failed: .*Nothing that it acknowledged"):
                table.count()
            with pytest.raises(StoreFailed, match="Milvus at"):
                table.write(batch("lost", 0))
            assert time.monotonic() - began < 30
            assert writer.finish() != 0
        milvus_process.start()
        assert when_back(store).count() > 0
        assert len(writer.acknowledged) >= 5
        check_nothing_lost(store.uri, [writer])
        store.drop()


def test_a_server_that_is_not_there_is_told_within_seconds() -> None:
    with closing(open_store("milvus://127.0.0.1:9#nothing")) as store:
        began = time.monotonic()
        with pytest.raises(StoreFailed, match=r"Milvus at 127\.0\.0\.1:9 failed"):
            store.record()
        assert time.monotonic() - began < 30


# a server that is there


@pytest.fixture(scope="module")
def many(milvus_server: str) -> tuple[Table, Items]:
    with closing(open_store(collection(milvus_server))) as store:
        table, items = store.create_table("items", NARROW), some_items(MANY, group="all")
        table.widen({"group": "text"})
        table.write(items)
        yield table, items
        store.drop()


def test_twenty_thousand_items_are_paged_through(many: tuple[Table, Items]) -> None:
    table, items = many
    order = np.argsort(items.ids)
    assert table.count() == MANY
    assert table.ids() == table.ids(where=Comparison("group", "=", "all")) == sorted(items.ids)
    assert table.contents() == dict(zip(items.ids, items.contents, strict=True))
    ids, blocks = zip(*table.blocks("image"), strict=True)
    assert [name for block in ids for name in block] == sorted(items.ids)
    np.testing.assert_array_equal(np.concatenate(blocks), items.vectors["image"].rows[order])
    assert table.read(after="000100", limit=17_000).ids == tuple(sorted(items.ids)[101:17_101])


def test_search_is_exact_among_rows_that_no_index_covers_yet(many: tuple[Table, Items]) -> None:
    table, items = many
    queries = np.random.default_rng(5).standard_normal((5, 8)).astype(np.float32)
    for query in queries:
        similarities = items.vectors["image"].rows.astype(np.float64) @ query.astype(np.float64)
        best = tuple(items.ids[row] for row in np.argsort(-similarities)[:100])
        assert table.nearest("image", query, k=100).ids == best
        assert table.nearest("image", query, k=100, where=Comparison("group", "=", "all")).ids == best


def test_more_is_asked_for_than_milvus_finds_at_once(many: tuple[Table, Items]) -> None:
    query = np.ones(8, np.float32)
    assert len(many[0].nearest("image", query, k=16_384).ids) == 16_384
    with pytest.raises(BadSetting, match="returns up to 16384 items at once; got k=16385"):
        many[0].nearest("image", query, k=16_385)


def test_equals_at_the_end_of_a_search_come_by_their_ids(milvus_server: str) -> None:
    with closing(open_store(collection(milvus_server))) as store:
        items = some_items(200)
        same = ItemVectors(np.ones((200, 8), np.float32), np.ones(200, bool))
        table = store.create_table("items", NARROW)
        table.write(replace(items, vectors={"image": same}))
        assert table.nearest("image", np.ones(8, np.float32), k=5).ids == tuple(sorted(items.ids)[:5])
        store.drop()


def test_long_records_and_long_texts(milvus_server: str) -> None:
    with closing(open_store(collection(milvus_server))) as store:
        record = {"long": "žluť 🖼 " * 30_000, "number": 1.5}
        store.remember(record)
        store.remember(record | {"number": 2.5})
        assert store.record() == record | {"number": 2.5}
        table, items = store.create_table("items", NARROW), some_items(2)
        table.write(replace(items, texts=((), ("x" * 65_000,))))
        with pytest.raises(StoreFailed, match=rf"65536 bytes of texts .* '{items.ids[1]}' has 65\d\d\d"):
            table.write(replace(items, texts=((), ("x" * 65_536,))))
        assert table.read().texts in (((), ("x" * 65_000,)), (("x" * 65_000,), ()))
        store.drop()


def test_answers_that_would_be_too_large_come_in_parts(milvus_server: str) -> None:
    with closing(open_store(collection(milvus_server))) as store:
        table, items = store.create_table("items", NARROW), some_items(1800)
        items = replace(items, texts=(("x" * 60_000,),) * 1800)
        table.write(items)
        assert {len(text) for (text,) in table.read().texts} == {60_000}
        assert table.read(items.ids[:1500]).ids == items.ids[:1500]
        store.drop()


# a file of milvus-lite


def test_a_search_in_a_file_returns_a_full_k_under_a_condition(milvus_lite_server: str) -> None:
    with closing(open_store(collection(milvus_lite_server))) as store:
        table, items = store.create_table("items", NARROW), some_items(2000)
        groups = tuple({"group": "few" if row % 50 == 0 else "many"} for row in range(2000))
        table.widen({"group": "text"})
        table.write(replace(items, metadata=groups))
        table.build_index("image")
        assert table.indexed("image")
        few = Comparison("group", "=", "few")
        for effort in (None, table.efforts[0], table.efforts[-1]):
            assert len(table.nearest("image", np.ones(8, np.float32), k=10, where=few, effort=effort).ids) == 10
            assert len(table.nearest("image", np.ones(8, np.float32), k=99, where=few, effort=effort).ids) == 40
        store.drop()


def test_a_file_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    with closing(open_store(f"milvus://{tmp_path}/new/lite.db")) as store:
        assert store.record() is None
        assert store.tables() == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_process_has_open_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    uri = f"milvus://{tmp_path}/lite.db"
    program = (
        "from diptych.errors import StoreFailed\nfrom diptych.index.address import open_store\n"
        f"try:\n    open_store({uri!r}).record()\nexcept StoreFailed as error:\n    print(error)"
    )
    with closing(open_store(uri)) as store:
        store.remember({"mine": True})
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Another process may have it open; it allows one at a time" in done.stdout
    with closing(open_store(uri)) as again:
        assert again.record() == {"mine": True}


# what is refused


@pytest.mark.parametrize("package", ["pymilvus", "milvus_lite"])
def test_a_missing_extra_says_how_to_install_it(package: str, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.modules['{package}'] = None\n"
        "from diptych.errors import MissingExtra\nfrom diptych.index.address import open_store\n"
        f"try:\n    open_store('milvus://{tmp_path}/lite.db').remember({{}})\n"
        "except MissingExtra as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"the package {package.replace('_', '-')}. Install it: pip install 'diptych[milvus]'" in done.stdout


@pytest.mark.parametrize("place", ["", "host:port", "/a/folder", "host/database"])
def test_a_uri_that_names_no_place_is_refused(place: str) -> None:
    with pytest.raises(BadSetting, match=r"milvus://HOST:PORT#NAME for a server"):
        open_store(f"milvus://{place}")


def test_a_password_is_not_shown() -> None:
    assert open_store("milvus://ann:secret@host:19530#museum").uri == "milvus://ann:secret@host:19530#museum"
    with closing(open_store("milvus://ann:secret@127.0.0.1:9")) as store, pytest.raises(StoreFailed) as raised:
        store.record()
    assert "secret" not in str(raised.value)


def test_names_that_milvus_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="a collection's name must not contain '__'"):
        open_store("milvus://host:1#a__b")
    with closing(open_store(f"milvus://{tmp_path}/lite.db")) as store:
        with pytest.raises(BadSetting, match="up to 128 letters"):
            store.create_table("x" * 129, NARROW)
        with pytest.raises(BadSetting, match="up to 32768 numbers per item"):
            store.create_table("items", Layout({"image": 16_384, "text": 16_385}))
        assert store.tables() == []


def test_vectors_of_another_width_are_refused(tmp_path: Path) -> None:
    with closing(open_store(f"milvus://{tmp_path}/lite.db")) as store:
        table = store.create_table("items", NARROW)
        with pytest.raises(ShapeMismatch, match=r"8 numbers \(image\); got image vectors of 9"):
            table.write(some_items(1, width=9))
        with pytest.raises(ShapeMismatch, match="got text vectors of 8"):
            table.nearest("text", np.ones(8, np.float32), k=1)


# conditions


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's", '"it\'s"'),
        ('say "when"', r'"say \"when\""'),
        ("back\\slash", r'"back\\slash"'),
        ("100% {x}", '"100% {x}"'),
        ("two\nlines\r\t", r'"two\nlines\r\t"'),
        ("žluť 🖼", '"žluť 🖼"'),
        (2010.0, "2010.0"),
        (-1e-300, "-1e-300"),
        (True, "true"),
    ],
)
def test_values_are_quoted(value: str | float | bool, literal: str) -> None:
    assert quoted(value) == literal


@pytest.mark.parametrize(
    ("condition", "expression"),
    [
        (None, ""),
        (Comparison("id", ">=", 'a"b'), r'id >= "a\"b"'),
        (Comparison("year", "!=", 3.0), '(exists metadata["year"]) and (not (metadata["year"] == 3.0))'),
        (Comparison("year", "=", float("inf")), 'id == ""'),
        (Comparison("year", "<", float("inf")), 'exists metadata["year"]'),
        (Membership("year", (1.0, float("-inf"))), 'metadata["year"] == 1.0'),
        (Membership("id", ("a", "b"), negated=True), '(id != "") and (not (id in ["a", "b"]))'),
        (Absence("year"), 'not (exists metadata["year"])'),
        (Every((Absence("a"), Some((Absence("b"),)))), '(not (exists metadata["a"])) and (not (exists metadata["b"]))'),
    ],
)  # fmt: skip
def test_conditions_become_expressions(condition: object, expression: str) -> None:
    assert expression_of(condition) == expression


def test_the_card_names_the_extra() -> None:
    assert milvus.CARD.needs == ("milvus",)
