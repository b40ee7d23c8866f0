"""What PostgreSQL alone does; what all stores do is in test_contract.py."""

import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed: no PostgreSQL to test with")
pytest.importorskip("pgvector", reason="pgvector is not installed: no PostgreSQL to test with")

import psycopg

from diptych.errors import BadFeature, BadSetting, BadText, MissingData, ShapeMismatch, StoreFailed
from diptych.index.conditions import Comparison, Every, Membership
from diptych.index.contract import Layout, Store, Table
from diptych.index.items import Items, ItemVectors
from diptych.index.postgresql import store as store_of_postgresql
from diptych.index.postgresql.conditions import clause_of
from diptych.index.postgresql.store import open_store
from diptych.index.postgresql.table import PostgresqlTable
from diptych.index.postgresql.vectors import quoted

from .killing import Writer, check_nothing_lost, prepare
from .servers_postgresql import PASSWORD, Server, hand_over, running_server

ROOT = Path(__file__).resolve().parents[2]


def some_items(ids: range, *, width: int = 64, group: str | None = None) -> Items:
    rows = np.random.default_rng(len(ids)).standard_normal((len(ids), width)).astype(np.float32)
    names, count = tuple(f"{place:06}" for place in ids), len(ids)
    metadata = {} if group is None else {"group": group}
    vectors = {"image": ItemVectors(rows, np.ones(count, dtype=bool))}
    return Items(names, names, (None,) * count, ((),) * count, (metadata,) * count, vectors)


def filled(store: Store, width: int, *, half: bool = False, count: int = 300) -> tuple[Table, np.ndarray]:
    table = store.create_table("items", Layout({"image": width}, half=half))
    table.widen({"group": "text"})
    items = some_items(range(count), width=width, group="many")
    table.write(items)
    return table, items.vectors["image"].rows


def best(rows: np.ndarray, query: np.ndarray, k: int) -> list[str]:
    similarities = rows.astype(np.float64) @ query.astype(np.float64)
    return [f"{row:06}" for row in np.argsort(-similarities, kind="stable")[:k]]


def collection(uri: str) -> str:
    return f"{uri}#t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store(postgresql_server: str) -> Iterator[Store]:
    with closing(open_store(collection(postgresql_server))) as opened:
        yield opened
        opened.drop()


@pytest.fixture
def administrator(postgresql_server: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        yield connection


@pytest.fixture
def mortal() -> Iterator[Server]:
    """Yield a server of this test's own, to be killed."""
    yield from running_server()


# opening and its errors


def test_opening_creates_nothing(store: Store, administrator: psycopg.Connection) -> None:
    assert store.record() is None
    assert store.tables() == []
    with pytest.raises(MissingData, match=r"no table 'items'\. There are: none"):
        store.table("items")
    store.drop_table("items")
    schemas = administrator.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'diptych%'").fetchone()
    assert schemas == (0,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("it%27s%20100%25%20secret", "wrong"), "password authentication failed"),
        (("/postgres?", "/elsewhere?"), 'database "elsewhere" does not exist'),
        (("host=", "host=/nowhere"), "No such file or directory"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_named_within_seconds(
    postgresql_server: str, change: tuple[str, str], words: str
) -> None:
    began = time.monotonic()
    with pytest.raises(StoreFailed, match=f"(?s)cannot be reached at .*{words}.*Check the URI") as caught:
        open_store(postgresql_server.replace(*change)).record()
    assert time.monotonic() - began < 5
    assert PASSWORD not in str(caught.value)


def test_a_uri_that_makes_no_sense_is_refused_without_its_password() -> None:
    with pytest.raises(BadSetting, match="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE#NAME") as caught:
        open_store("postgresql://me:top%zzsecret@host/db#museum")
    assert "secret" not in str(caught.value)


def test_a_database_that_forbids_pgvector_says_what_to_do(
    postgresql_server: str, administrator: psycopg.Connection
) -> None:
    administrator.execute("CREATE ROLE visitor LOGIN PASSWORD 'visitor'")
    administrator.execute("CREATE DATABASE forbidden")
    host = postgresql_server.rpartition("?")[2]
    with (
        closing(open_store(f"postgresql://visitor:visitor@/forbidden?{host}#museum")) as opened,
        pytest.raises(StoreFailed, match=r"has no pgvector: permission denied .* run: CREATE EXTENSION vector"),
    ):
        opened.create_table("items", Layout({"image": 4}))


def test_a_pgvector_that_is_too_old_says_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_of_postgresql, "OLDEST_PGVECTOR", (99, 0))
    with pytest.raises(StoreFailed, match=r"has pgvector 0\.\d+\.\d+; .* run: ALTER EXTENSION vector UPDATE"):
        store.create_table("items", Layout({"image": 4}))


def test_a_database_of_another_encoding_is_refused(postgresql_server: str, administrator: psycopg.Connection) -> None:
    administrator.execute("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    uri = postgresql_server.replace("/postgres?", "/narrow?")
    with closing(open_store(uri)) as opened, pytest.raises(StoreFailed, match="uses the encoding LATIN1"):
        opened.remember({})


@pytest.mark.parametrize("package", ["psycopg", "pgvector"])
def test_a_missing_extra_says_how_to_install_it(package: str) -> None:
    program = (
        f"import sys; sys.modules['{package}'] = None\n"
        "from diptych.errors import MissingExtra\nfrom diptych.index.address import open_store\n"
        "try:\n    open_store('postgresql://localhost/db')\nexcept MissingExtra as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"the package {package}. Install it: pip install 'diptych[postgres]'" in done.stdout


# what is refused


def test_a_table_name_that_postgresql_would_cut_off_is_refused(store: Store) -> None:
    with pytest.raises(BadSetting, match="a table name must be up to 40 letters"):
        store.create_table("x" * 41, Layout({"image": 4}))
    store.create_table("x" * 40, Layout({"image": 4})).build_index("image")
    with pytest.raises(BadSetting, match=r"already has a table 'x+'"):
        store.create_table("x" * 40, Layout({"image": 4}))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"texts": (("a\0b",),)}, BadText, "item '000000' holds a NUL character"),
        ({"metadata": ({"group": "\0"},)}, BadText, "item '000000' holds a NUL character"),
        ({"metadata": ({"colour": "red"},)}, BadSetting, "no metadata column 'colour'"),
        (
            {"rows": np.full((1, 8), np.nan, np.float32)},
            BadFeature,
            "image vectors of some items are not finite in the float16",
        ),
        (
            {"rows": np.full((1, 8), 1e6, np.float32)},
            BadFeature,
            "image vectors of some items are not finite in the float16",
        ),
        ({"rows": np.zeros((1, 5), np.float32)}, ShapeMismatch, r"have 8 numbers \(image\); got image vectors of 5"),
    ],
)
def test_what_a_table_cannot_keep_is_refused_whole(
    store: Store, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    table, _ = filled(store, 8, half=True, count=1)
    before = table.version()
    one = some_items(range(1), width=8)
    parts = {name: changes.get(name, getattr(one, name)) for name in ("texts", "metadata")}
    rows = changes.get("rows", one.vectors["image"].rows)
    with pytest.raises(error, match=words):
        table.write(
            Items(one.ids, ("new",), one.images, **parts, vectors={"image": ItemVectors(rows, np.array([True]))})  # type: ignore[arg-type]
        )
    assert (table.version(), table.contents()) == (before, {"000000": "000000"})


def test_a_side_that_a_table_lacks_is_named(store: Store) -> None:
    table, rows = filled(store, 8)
    assert table.count(side="text") == 0
    with pytest.raises(BadSetting, match="stores no text vectors"):
        table.build_index("text")
    with pytest.raises(ShapeMismatch, match=r"have 8 numbers \(image\); got text vectors of 8"):
        table.nearest("text", rows[0], k=3)
    with pytest.raises(ShapeMismatch, match=r"have 8 numbers \(image\); got image vectors of 5"):
        table.nearest("image", rows[0, :5], k=3)


def test_a_table_that_was_removed_meanwhile_is_missing(store: Store) -> None:
    table, rows = filled(store, 8)
    store.drop_table("items")
    for call in (table.version, table.columns, lambda: table.widen({"a": "text"}), lambda: table.remove(["a"])):
        with pytest.raises(MissingData, match="the table 'items' was removed"):
            call()
    with pytest.raises(MissingData, match="lacks a table that this call needs"):
        table.nearest("image", rows[0], k=1)


def test_a_table_made_anew_under_the_same_name_has_another_version(store: Store) -> None:
    first = store.create_table("items", Layout({"image": 8})).version()
    store.drop_table("items")
    assert store.create_table("items", Layout({"image": 8})).version() != first


def test_nothing_from_outside_stands_in_the_sql() -> None:
    outside = "x'); DROP TABLE items; --"
    clause = clause_of(
        Every((Comparison(outside, "=", outside), Comparison(outside, ">", 1.0), Membership(outside, (outside,))))
    )
    assert "DROP" not in clause.sql
    assert clause.sql.count("%s") == len(clause.parameters)


def test_names_are_quoted(administrator: psycopg.Connection) -> None:
    odd = 'say "when"; -- it\'s 100% \\ žluť\n'
    administrator.execute(f"CREATE TEMP TABLE {quoted(odd)} ()")
    assert administrator.execute("SELECT count(*) FROM pg_class WHERE relname = %s", (odd,)).fetchone() == (1,)


# searching


@pytest.mark.parametrize("half", [False, True])
def test_exact_search_takes_the_query_in_full_precision(store: Store, *, half: bool) -> None:
    table, rows = filled(store, 33, half=half)
    kept = rows.astype(np.float16).astype(np.float32) if half else rows
    query = rows[7] * np.float32(1.0001)
    found = table.nearest("image", query, k=20)
    assert list(found.ids) == best(kept, query, 20)
    np.testing.assert_array_equal(found.vectors, kept[[int(item) for item in found.ids]])


@pytest.mark.parametrize(("width", "half"), [(2000, False), (2048, False), (2048, True), (4000, False)])
def test_wide_vectors_are_indexed_in_half_precision_and_scored_in_full(
    store: Store, administrator: psycopg.Connection, width: int, *, half: bool
) -> None:
    table, rows = filled(store, width, half=half, count=60)
    assert not table.indexed("image")
    table.build_index("image")
    assert table.indexed("image")
    kept = rows.astype(np.float16).astype(np.float32) if half else rows
    found = table.nearest("image", rows[3], k=5, effort=table.efforts[-1])
    assert list(found.ids) == best(kept, rows[3], 5)
    np.testing.assert_array_equal(found.vectors, kept[[int(item) for item in found.ids]])
    ((words,),) = administrator.execute(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'items_items_image_vector' AND schemaname LIKE 'diptych_t%'"
    ).fetchall()
    assert ("halfvec_ip_ops" in words) is (half or width > 2000)


def test_vectors_too_wide_for_an_index_are_refused_one(store: Store) -> None:
    table, rows = filled(store, 4001, count=20)
    with pytest.raises(BadSetting, match=r"more than 4000 numbers; those of the image side have 4001\. Reduce them"):
        table.build_index("image")
    assert list(table.nearest("image", rows[0], k=3).ids) == best(rows, rows[0], 3)


@pytest.fixture(scope="module")
def indexed(postgresql_server: str) -> Iterator[tuple[Table, np.ndarray]]:
    """Yield a table with an index, and its vectors; one item in a hundred is of the group `few`."""
    with closing(open_store(collection(postgresql_server))) as opened:
        table, rows = filled(opened, 16, count=6000)
        few = np.arange(0, 6000, 100)
        table.write(some_items(range(6000), width=16, group="few").take(few.tolist()))
        table.build_index("image")
        table.compact()
        yield table, rows
        opened.drop()


def plainly(table: Table, uri: str, query: np.ndarray, k: int) -> int:
    """Return how many of the group `few` an HNSW search finds that does not go on until it has k."""
    assert isinstance(table, PostgresqlTable)
    with psycopg.connect(uri) as connection:
        connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        rows = connection.execute(
            f'SELECT id FROM {table._items} WHERE metadata @> \'{{"group": "few"}}\' '
            "ORDER BY image_vector <#> %s::vector LIMIT %s",
            (str(query.tolist()), k),
        )
        return len(rows.fetchall())


def test_a_filtered_approximate_search_returns_all_it_should(
    indexed: tuple[Table, np.ndarray], postgresql_server: str
) -> None:
    table, rows = indexed
    assert plainly(table, postgresql_server, rows[1], 10) < 10
    few = Comparison("group", "=", "few")
    expected = [f"{100 * int(item):06}" for item in best(rows[::100], rows[1], 10)]
    for effort in table.efforts:
        assert list(table.nearest("image", rows[1], k=10, where=few, effort=effort).ids) == expected
    assert len(table.nearest("image", rows[1], k=100, where=few, effort=40).ids) == 60


def test_more_effort_finds_more_and_the_most_nearly_all(indexed: tuple[Table, np.ndarray]) -> None:
    table, rows = indexed
    queries = np.random.default_rng(5).standard_normal((40, 16)).astype(np.float32)

    def recall(effort: int) -> float:
        found = [set(table.nearest("image", query, k=10, effort=effort).ids) for query in queries]
        return float(np.mean([len(ids & set(best(rows, q, 10))) / 10 for ids, q in zip(found, queries, strict=True)]))

    assert recall(table.efforts[0]) <= recall(table.efforts[-1])
    assert recall(table.efforts[-1]) >= 0.99


def test_an_approximate_search_goes_by_the_index(
    indexed: tuple[Table, np.ndarray], administrator: psycopg.Connection
) -> None:
    table, rows = indexed

    def scans() -> int:
        administrator.execute("SELECT pg_stat_clear_snapshot()")
        query = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'items_items_image_vector'"
        ((count,),) = administrator.execute(query).fetchall()
        return int(count)

    before, end = scans(), time.monotonic() + 10
    while scans() == before:
        assert time.monotonic() < end
        table.nearest("image", rows[0], k=10, effort=40)


def test_an_index_is_rebuilt_and_takes_in_what_was_written_since(indexed: tuple[Table, np.ndarray]) -> None:
    table, rows = indexed
    table.build_index("image")
    query = rows[17] * 100
    table.write(Items(("new",), ("",), (None,), ((),), ({},), {"image": ItemVectors(query[None], np.array([True]))}))
    assert table.nearest("image", query, k=1, effort=40).ids == ("new",)
    assert table.remove(["new"]) == 1
    assert table.nearest("image", query, k=1, effort=1000).ids != ("new",)


def sizes(administrator: psycopg.Connection, store: Store) -> tuple[int, int]:
    """Return the bytes of the table `items` of a store, and of its index of pictures."""
    schema = "diptych_" + store.uri.rpartition("#")[2]
    names = (quoted(schema, "items_items"), quoted(schema, "items_items_image_vector"))
    query = "SELECT pg_table_size(%s), coalesce(pg_relation_size(to_regclass(%s)), 0)"
    ((table, index),) = administrator.execute(query, names).fetchall()
    return table, index


def test_compacting_gives_back_the_room_of_what_was_removed(store: Store, administrator: psycopg.Connection) -> None:
    table, rows = filled(store, 512, count=4000)
    table.build_index("image")
    whole, before = table.bytes(), sizes(administrator, store)
    table.remove([f"{n:06}" for n in range(4000) if n % 20])
    version = table.version()
    table.compact()
    after = sizes(administrator, store)
    assert table.bytes() < whole / 10
    assert [old / new > 8 for old, new in zip(before, after, strict=True)] == [True, True]
    assert (table.version(), table.count(), table.indexed("image")) == (version, 200, True)
    query = rows[40]
    expected = [f"{20 * int(item):06}" for item in best(rows[::20], query, 5)]
    assert list(table.nearest("image", query, k=5).ids) == expected
    assert list(table.nearest("image", query, k=5, effort=1000).ids) == expected
    table.compact()
    table.write(some_items(range(100), width=512, group="many"))
    table.build_index("image")
    assert table.count() == 295


def test_compacting_rebuilds_an_index_that_is_mostly_of_what_was_replaced(
    store: Store, administrator: psycopg.Connection
) -> None:
    table = store.create_table("items", Layout({"image": 64, "text": 800}))
    both = some_items(range(1500), width=64)
    wide = ItemVectors(np.ones((1500, 800), np.float32), np.ones(1500, dtype=bool))
    table.write(replace(both, vectors={**both.vectors, "text": wide}))
    table.build_index("image")
    before = sizes(administrator, store)
    nothing = ItemVectors(np.zeros((1400, 64), np.float32), np.zeros(1400, dtype=bool))
    first = both.take(range(1400))
    table.write(replace(first, vectors={"image": nothing, "text": wide.take(range(1400))}))
    table.compact()
    after = sizes(administrator, store)
    assert after[1] < before[1] / 3
    assert table.indexed("image")
    assert table.count(side="image") == 100
    assert len(table.nearest("image", np.ones(64, np.float32), k=5, effort=40).ids) == 5


def test_a_table_that_is_as_it_should_be_is_left_alone(store: Store, administrator: psycopg.Connection) -> None:
    table, _ = filled(store, 300, count=4000)
    table.build_index("image")
    schema = "diptych_" + store.uri.rpartition("#")[2]
    files = "SELECT pg_relation_filenode(%s), pg_relation_filenode(%s)"
    names = (quoted(schema, "items_items"), quoted(schema, "items_items_image_vector"))
    before = administrator.execute(files, names).fetchall()
    table.compact()
    assert administrator.execute(files, names).fetchall() == before


def test_searches_and_writes_go_on_while_a_table_is_written_anew(store: Store) -> None:
    table, rows = filled(store, 128, count=2000)
    table.build_index("image")
    table.remove([f"{n:06}" for n in range(2000) if n % 10])
    expected = [f"{10 * int(item):06}" for item in best(rows[::10], rows[0], 5)]
    done = threading.Event()

    def search(effort: int | None) -> int:
        with closing(open_store(store.uri)) as own:
            other, times = own.table("items"), 0
            while not done.is_set():
                assert list(other.nearest("image", rows[0], k=5, effort=effort).ids) == expected
                times += 1
            return times

    def write() -> int:
        with closing(open_store(store.uri)) as own:
            other, times = own.table("items"), 0
            while not done.is_set():
                other.write(some_items(range(0, 2000, 10), width=128).take([times % 200]))
                other.write(kept.take([times % 200]))
                times += 1
            return times

    kept = table.read(vectors=["image"])
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(search, None), pool.submit(search, 1000)]
        for _ in range(3):
            table.compact()
        done.set()
        assert min(other.result() for other in others) > 0
        done.clear()
        writer = pool.submit(write)
        table.write(some_items(range(2000), width=128))
        table.remove([f"{n:06}" for n in range(2000) if n % 10])
        for _ in range(3):
            table.compact()
        done.set()
        assert writer.result() > 0
    assert table.count() == 200


def test_a_forked_process_makes_connections_of_its_own(store: Store) -> None:
    table, rows = filled(store, 64)
    wanted = best(rows, rows[0], 5)
    assert list(table.nearest("image", rows[0], k=5, effort=None).ids) == wanted
    for _ in range(3):
        child = os.fork()
        if not child:
            with suppress(BaseException):
                there = [list(table.nearest("image", rows[0], k=5, effort=None).ids) == wanted for _ in range(20)]
                store.close()
                os._exit(0 if all(there) else 2)
            os._exit(1)
        here = [list(table.nearest("image", rows[0], k=5, effort=None).ids) == wanted for _ in range(20)]
        assert all(here)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_two_that_compact_at_once_both_finish(store: Store) -> None:
    table, _ = filled(store, 256, count=3000)
    table.build_index("image")
    table.remove([f"{n:06}" for n in range(3000) if n % 10])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: table.compact(), range(2)))
    assert table.count() == 300


def test_an_index_is_built_by_one_at_a_time(
    indexed: tuple[Table, np.ndarray], administrator: psycopg.Connection
) -> None:
    table, _ = indexed
    assert isinstance(table, PostgresqlTable)
    name = quoted(table._schema, "items_items")
    administrator.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
    with pytest.raises(StoreFailed, match="another process is building"):
        table.build_index("image")


def test_several_threads_search_and_write_through_one_store(store: Store) -> None:
    table, rows = filled(store, 16)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda row: table.nearest("image", rows[row], k=5).ids, range(60)))
        list(pool.map(lambda n: table.write(some_items(range(n * 10, n * 10 + 100), width=16)), range(12)))
    assert [list(ids) for ids in found] == [best(rows, rows[row], 5) for row in range(60)]


# killing, filling up, getting in each other's way


def test_a_server_that_is_killed_loses_nothing_and_serves_again_after_it_is_started(mortal: Server) -> None:
    with closing(open_store(f"{mortal.uri}#museum")) as opened:
        table = prepare(opened)
        with Writer(opened.uri, "writer") as writer:
            writer.write_until(12)
            mortal.kill()
            assert writer.finish() == 1
        with pytest.raises(StoreFailed, match="cannot be reached at"):
            table.count()
        mortal.start()
        check_nothing_lost(opened.uri, [writer])


def test_a_server_that_goes_away_in_the_midst_of_a_call_is_said_so_and_found_again(mortal: Server) -> None:
    with closing(open_store(f"{mortal.uri}#museum")) as opened, psycopg.connect(mortal.uri) as other:
        table = opened.create_table("items", Layout({"image": 64}))
        table.write(some_items(range(2000)))
        other.execute("LOCK TABLE diptych_museum.tables")
        threading.Timer(0.5, mortal.kill).start()
        with pytest.raises(StoreFailed, match=r"broke the connection during a call: .* it is safe to repeat this call"):
            table.write(some_items(range(4000)))
        other.close()
        mortal.start()
        assert table.count() == 2000
        mortal.stop()
        mortal.start()
        table.write(some_items(range(4000)))
        assert table.count() == 4000


def test_writers_of_the_same_items_in_opposite_orders_do_not_block_each_other(store: Store) -> None:
    table = store.create_table("items", Layout({"image": 64}))
    items = some_items(range(200))
    table.write(items)

    def work(order: int) -> None:
        with closing(open_store(store.uri)) as own:
            for _ in range(30):
                own.table("items").write(items.take(range(200)[::order]))
                own.table("items").remove(items.ids[:5:order])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (1, -1)))
    table.write(items)
    assert table.count() == 200


@pytest.fixture
def small_disk(postgresql_server: str, administrator: psycopg.Connection) -> Iterator[str]:
    """Yield the URI of a collection all of whose tables lie on a disk of 40 MB."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-"))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        hand_over(folder)
        administrator.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        options = quote("-c default_tablespace=small -c temp_tablespaces=small")
        yield collection(f"{postgresql_server}&options={options}")
        administrator.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def fill_up(table: Table, written: list[int]) -> None:
    """Write on and on, and note what has been written."""
    for start in range(0, 10**5, 1000):
        table.write(some_items(range(start, start + 1000), width=512))
        written.append(start)


def test_a_full_disk_is_said_to_be_full_and_keeps_what_was_there(small_disk: str) -> None:
    with closing(open_store(small_disk)) as opened:
        table = opened.create_table("items", Layout({"image": 512}))
        written: list[int] = []
        with pytest.raises(
            StoreFailed, match=r"is out of disk space: .*No space left on device.* Free some space there"
        ):
            fill_up(table, written)
        assert table.count() == 1000 * len(written) >= 1000
        expected = some_items(range(1000), width=512).vectors["image"].rows
        np.testing.assert_array_equal(table.read(limit=1000, vectors=["image"]).vectors["image"].rows, expected)
        table.remove(table.ids())
        table.compact()
        table.write(some_items(range(1000), width=512))
        opened.drop()
