"""Search, held to brute force: exact by default, approximate with a recall worth having."""

from dataclasses import replace

import numpy as np
import pytest

from diptych.errors import DiptychError
from diptych.index.conditions import Comparison
from diptych.index.contract import Layout, Store, Table
from diptych.index.items import Items, ItemVectors

from .oracle import OracleTable
from .samples import check_found, check_itself, items_of, queries_of

Filled = tuple[Table, OracleTable]

WIDE = 2048
CLUSTERED = Layout({"image": 32})


@pytest.mark.parametrize("side", ["image", "text"])
def test_exact_search_is_brute_force(filled: Filled, side: str) -> None:
    table, oracle = filled
    for number, query in enumerate(queries_of(20, oracle.layout.widths[side], seed=4)):
        check_found(table.nearest(side, query, k=1 + number), oracle, side, query, k=1 + number)


def test_k_may_be_larger_than_the_number_of_items(filled: Filled) -> None:
    table, oracle = filled
    query = queries_of(1, 16, seed=4)[0]
    found = table.nearest("text", query, k=1000)
    assert len(found.ids) == oracle.count(side="text")
    check_found(found, oracle, "text", query, k=1000)


def test_similarity_is_the_inner_product_and_not_the_cosine(store: Store) -> None:
    table = store.create_table("items", CLUSTERED)
    items = items_of(["long", "short", "opposite"], seed=1, layout=CLUSTERED, columns={})
    direction = queries_of(1, 32, seed=1)[0]
    rows = direction * np.float32([[10], [1], [-1]])
    table.write(replace(items, vectors={"image": ItemVectors(rows, np.ones(3, bool))}))
    found = table.nearest("image", direction, k=3)
    assert found.ids == ("long", "short", "opposite")
    np.testing.assert_allclose(found.similarities, np.float64([10, 1, -1]) * (direction @ direction), rtol=1e-5)


def test_one_item_is_found(store: Store) -> None:
    table = store.create_table("items", CLUSTERED)
    table.write(clustered(["alone"], seed=1))
    assert table.nearest("image", np.zeros(32, np.float32), k=10).ids == ("alone",)


def test_among_equals_the_lesser_id_comes_first(store: Store) -> None:
    table = store.create_table("items", CLUSTERED)
    names = ["b", "10", "a", "9", "B", "é"]
    items = clustered(names, seed=1)
    same = ItemVectors(np.repeat(items.vectors["image"].rows[:1], len(names), axis=0), np.ones(len(names), bool))
    table.write(replace(items, vectors={"image": same}))
    found = table.nearest("image", items.vectors["image"].rows[0], k=len(names))
    assert found.ids == tuple(sorted(names))
    assert len(set(found.similarities)) == 1


@pytest.mark.parametrize("half", [False, True], ids=["single", "half"])
def test_search_is_exact_in_2048_dimensions(store: Store, *, half: bool) -> None:
    layout = Layout({"text": WIDE}, half=half)
    table, oracle = store.create_table("items", layout), OracleTable("items", layout)
    items = items_of([f"{n}" for n in range(300)], seed=1, layout=layout, columns={})
    for one in (table, oracle):
        one.write(items)
    for query in queries_of(3, WIDE, seed=2):
        check_found(table.nearest("text", query, k=10), oracle, "text", query, k=10)


def test_what_half_precision_rounds_is_compared_as_it_was_rounded(store: Store) -> None:
    layout = Layout({"image": 32}, half=True)
    table, oracle = store.create_table("items", layout), OracleTable("items", layout)
    for one in (table, oracle):
        one.write(clustered([f"{n}" for n in range(300)], seed=1, spread=0.003))
    for query in queries_of(5, 32, seed=2):
        check_found(table.nearest("image", query, k=10), oracle, "image", query, k=10)


def test_a_query_of_another_width_is_refused(filled: Filled) -> None:
    with pytest.raises(DiptychError):
        filled[0].nearest("image", np.ones(7, np.float32), k=3)


@pytest.fixture(scope="module")
def indexed(shared_store: Store) -> Filled:
    """Return 2,000 clustered items under an approximate index, and 60 that were written after it was built."""
    table, oracle = shared_store.create_table("indexed", CLUSTERED), OracleTable("indexed", CLUSTERED)
    for one in (table, oracle):
        one.widen({"year": "number"})
        one.write(dated([f"item {n}" for n in range(2000)], seed=1))
    assert not table.indexed("image")
    table.build_index("image")
    for one in (table, oracle):
        one.write(dated([f"new {n}" for n in range(50)] + [f"item {n}" for n in range(10)], seed=2))
        one.remove([f"item {n}" for n in range(100, 130)])
    return table, oracle


def test_the_index_is_there_once_it_is_built(indexed: Filled) -> None:
    assert indexed[0].indexed("image")
    assert list(indexed[0].efforts) == sorted(set(indexed[0].efforts))


def test_the_greatest_effort_finds_nine_in_ten(indexed: Filled) -> None:
    table, oracle = indexed
    right = 0
    for query in clustered_rows(40, seed=3):
        found = table.nearest("image", query, k=10, effort=table.efforts[-1])
        assert len(found.ids) == 10
        check_itself(found, oracle, "image", query)
        right += len(set(found.ids) & set(oracle.nearest("image", query, k=10).ids))
    assert right >= 0.9 * 400


def test_exact_search_goes_past_the_index(indexed: Filled) -> None:
    table, oracle = indexed
    for query in clustered_rows(10, seed=4):
        check_found(table.nearest("image", query, k=10), oracle, "image", query, k=10)


@pytest.mark.parametrize("effort", ["least", "greatest"])
def test_what_was_written_after_the_index_was_built_is_found(indexed: Filled, effort: str) -> None:
    table, oracle = indexed
    chosen = table.efforts[-1 if effort == "greatest" else 0]
    for name in ("new 0", "new 49", "item 3"):
        (query,) = oracle.read([name], vectors=["image"]).vectors["image"].rows
        assert table.nearest("image", query, k=3, effort=chosen).ids[0] == name


@pytest.mark.parametrize("effort", [None, "least", "greatest"])
def test_several_vectors_are_answered_as_one_by_one(indexed: Filled, effort: str | None) -> None:
    table, _ = indexed
    chosen = effort and table.efforts[-1 if effort == "greatest" else 0]
    queries = clustered_rows(5, seed=6)
    for one, query in zip(table.nearest_each("image", queries, k=8, effort=chosen), queries, strict=True):
        alone = table.nearest("image", query, k=8, effort=chosen)
        assert one.ids == alone.ids
        assert one.similarities.tolist() == alone.similarities.tolist()


@pytest.mark.parametrize("effort", ["least", "greatest"])
@pytest.mark.parametrize("years", [1, 30, 999])
def test_an_approximate_search_under_a_condition_returns_k(indexed: Filled, effort: str, years: int) -> None:
    table, oracle = indexed
    where = Comparison("year", "<", float(years))
    chosen = table.efforts[-1 if effort == "greatest" else 0]
    for query in clustered_rows(2, seed=5):
        for k in (1, 10, 100):
            found = table.nearest("image", query, k=k, where=where, effort=chosen)
            assert len(found.ids) == min(k, oracle.count(where=where, side="image"))
            check_itself(found, oracle, "image", query)
            assert set(found.ids) <= set(oracle.ids(where=where))


def test_an_approximate_search_returns_all_where_k_is_too_large(indexed: Filled) -> None:
    table, oracle = indexed
    (query,) = clustered_rows(1, seed=6)
    found = table.nearest("image", query, k=3000, effort=table.efforts[0])
    assert sorted(found.ids) == oracle.ids(side="image")


def test_compaction_takes_new_items_into_the_index(store: Store) -> None:
    table = store.create_table("items", CLUSTERED)
    table.write(clustered([f"{n}" for n in range(600)], seed=1))
    table.build_index("image")
    table.write(clustered([f"new {n}" for n in range(300)], seed=2))
    table.remove([f"{n}" for n in range(500)])
    table.compact()
    assert table.indexed("image")
    (query,) = table.read(["new 7"], vectors=["image"]).vectors["image"].rows
    assert table.nearest("image", query, k=3, effort=table.efforts[-1]).ids[0] == "new 7"


@pytest.mark.parametrize("count", [0, 1, 40])
def test_an_index_over_few_items_does_no_harm(store: Store, count: int) -> None:
    table, oracle = store.create_table("items", CLUSTERED), OracleTable("items", CLUSTERED)
    for one in (table, oracle):
        one.write(clustered([f"{n}" for n in range(count)], seed=1))
        one.build_index("image")
        one.write(clustered([f"new {n}" for n in range(3)], seed=2))
    (query,) = clustered_rows(1, seed=3)
    check_found(table.nearest("image", query, k=5), oracle, "image", query, k=5)
    if table.indexed("image"):
        found = table.nearest("image", query, k=5, effort=table.efforts[-1])
        assert len(found.ids) == min(5, count + 3)


def dated(ids: list[str], *, seed: int) -> Items:
    """Return clustered items, each from a year below 1,000."""
    years = np.random.default_rng(seed).integers(0, 1000, len(ids))
    return replace(clustered(ids, seed=seed), metadata=tuple({"year": float(year)} for year in years))


def clustered(ids: list[str], *, seed: int, spread: float = 0.3) -> Items:
    """Return items with an image alone, in clusters."""
    items = items_of(ids, seed=seed, layout=CLUSTERED, columns={})
    rows = clustered_rows(len(ids), seed=seed, spread=spread)
    return replace(items, vectors={"image": ItemVectors(rows, np.ones(len(ids), bool))})


def clustered_rows(count: int, *, seed: int, spread: float = 0.3) -> np.ndarray:
    """Return vectors of length 1, so that each is the nearest to itself."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(25, 32))
    rows = centres[rng.integers(25, size=count)] + spread * rng.normal(size=(count, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
