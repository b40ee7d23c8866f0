"""Recall counts items by their true similarity, whatever an approximate search took it for."""

import numpy as np
import pytest

from diptych.errors import BadSetting
from diptych.fusion import ROOM
from diptych.index.contract import NearestItems
from diptych.search.certified import Best, certified, one_by_one
from diptych.search.recall import FIRST, exact_answers

from .small_table import SmallTable

WIDTHS = (5, 3)
RULES = ["product", "linear", "geometric", "zscore"]


def drawn(items: int = 450, seed: int = 0) -> tuple[SmallTable, np.ndarray, tuple[np.ndarray, ...]]:
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((items, sum(WIDTHS))).astype(np.float32)
    queries = tuple(generator.standard_normal((7, width)).astype(np.float32) for width in WIDTHS)
    return SmallTable({f"{k:04}": row for k, row in enumerate(rows)}, sum(WIDTHS)), rows, queries


def found(spaces: list[np.ndarray], query: int, rows: np.ndarray) -> Best:
    """Return what a search finds that tells nothing true but inner products."""
    return Best(tuple(map(str, rows)), np.zeros(len(rows)), tuple(space[query, rows] for space in spaces))


def spaces_of(rows: np.ndarray, queries: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    parts = rows[:, : WIDTHS[0]], rows[:, WIDTHS[0] :]
    return [query.astype(np.float64) @ part.astype(np.float64).T for query, part in zip(queries, parts, strict=True)]


@pytest.mark.parametrize("name", RULES)
def test_the_exact_answers_are_those_of_the_rule_over_the_whole_gallery(name: str) -> None:
    table, rows, queries = drawn()
    rule = ROOM.open(name).Rule()
    spaces = spaces_of(rows, queries)
    fused = rule.fuse(*spaces, queries="text")
    answers = exact_answers(table, "image", queries, rule)
    for query, answer in enumerate(answers):
        order = np.argsort(-fused[query], kind="stable")
        assert answer.least == pytest.approx(fused[query, order[FIRST - 1]], abs=1e-9)
        for chosen in (order[:FIRST], order[5:15], order[-FIRST:]):
            assert answer.recall(found(spaces, query, chosen)) == len(set(chosen) & set(order[:FIRST])) / FIRST


def test_one_space_is_judged_by_its_own_similarity() -> None:
    table, rows, _ = drawn()
    query = np.random.default_rng(1).standard_normal((3, sum(WIDTHS))).astype(np.float32)
    products = query.astype(np.float64) @ rows.astype(np.float64).T
    for row, answer in enumerate(exact_answers(table, "image", (query,), None)):
        order = np.argsort(-products[row])
        assert answer.least == pytest.approx(products[row, order[FIRST - 1]])
        assert answer.recall(found([products], row, order[3:13])) == 0.7


def test_a_search_that_guesses_the_range_wrongly_is_judged_by_what_it_found() -> None:
    table, rows, queries = drawn(items=900)
    rule = ROOM.open("product").Rule()
    fused = rule.fuse(*spaces_of(rows, queries), queries="text")

    def careless(vector: np.ndarray, depth: int) -> NearestItems:
        """Return nearest items, every third of which it does not see."""
        all_items = table.nearest("image", vector, k=len(rows))
        seen = [row for row, item in enumerate(all_items.ids) if int(item) % 3][:depth]
        return NearestItems(
            tuple(all_items.ids[row] for row in seen), all_items.similarities[seen], all_items.vectors[seen]
        )

    told = []
    for row, answer in enumerate(exact_answers(table, "image", queries, rule)):
        query = tuple(space[row] for space in queries)
        unfiltered = one_by_one(careless)
        best = certified(careless, query, rule, k=FIRST, unfiltered=unfiltered, moments=tuple, approximate=True)
        right = {f"{k:04}" for k in np.argsort(-fused[row])[:FIRST]}
        assert answer.recall(best) == len(right & set(best.ids)) / FIRST
        told.append(np.count_nonzero(best.fused >= answer.least) / FIRST == answer.recall(best))
    assert not all(told), "the similarities that were told must be off somewhere, else this shows nothing"


def test_ties_at_the_end_count_as_right() -> None:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((4, sum(WIDTHS))).astype(np.float32)[np.arange(60) % 4]
    table = SmallTable({f"{k:04}": row for k, row in enumerate(rows)}, sum(WIDTHS))
    queries = tuple(generator.standard_normal((1, width)).astype(np.float32) for width in WIDTHS)
    spaces = spaces_of(rows, queries)
    rule = ROOM.open("product").Rule()
    [answer] = exact_answers(table, "image", queries, rule)
    equal = np.flatnonzero(np.isclose(rule.fuse(*spaces, queries="text")[0], answer.least))
    assert len(equal) == 15
    assert answer.recall(found(spaces, 0, equal[-FIRST:])) == 1.0
    assert answer.recall(found(spaces, 0, equal)) == 1.0


def test_fewer_than_ten_items_are_all_that_is_wanted() -> None:
    table, rows, queries = drawn(items=4)
    for row, answer in enumerate(exact_answers(table, "image", queries, ROOM.open("zscore").Rule())):
        assert answer.count == 4
        assert answer.recall(found(spaces_of(rows, queries), row, np.arange(3))) == 0.75


def test_a_ranking_has_no_answer_by_inner_products() -> None:
    table, _, queries = drawn()
    with pytest.raises(BadSetting, match="another fusion"):
        exact_answers(table, "image", queries, ROOM.open("rrf").Rule())
