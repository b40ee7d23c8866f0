"""Conditions, held to the definition in plain Python: every leaf on every kind of column, and trees of them."""

from itertools import product
from math import log2

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.index.conditions import Absence, Comparison, Condition, Every, Membership, Some
from diptych.index.contract import Table
from diptych.index.filters import DEEPEST, LONGEST, parse

from .oracle import OracleTable
from .samples import CATEGORIES, ODD_IDS, TAGS, YEARS, check_found, queries_of

Filled = tuple[Table, OracleTable]

ORDER = ("=", "!=", "<", "<=", ">", ">=")
EQUALITY = ("=", "!=")
VALUES = {
    "category": (*CATEGORIES, "d", "nowhere", "' or ''='"),
    "select": ("dog", "it's"),
    "year": (*YEARS, 1998.75, float("inf"), -float("inf")),
    "Year": (1999.0,),
    "framed": (True, False),
    "tags": (*TAGS, "nowhere", "' or ''='"),
    "id": (*ODD_IDS[:10:2], "item 7", "item", "~", "\ufb00"),
}
"""Values that are there and values that are not, by column."""

COMPARISONS = [
    Comparison(column, operator, value)
    for column, values in VALUES.items()
    for operator, value in product(EQUALITY if column in ("framed", "tags") else ORDER, values)
]
MEMBERSHIPS = [
    Membership(column, values[first : first + 3], negated=negated)
    for column, values in VALUES.items()
    for first, negated in product(range(0, len(values), 2), (False, True))
]
ABSENCES = [Absence(column, negated=negated) for column in (*VALUES, "never") for negated in (False, True)]
STRANGERS = [Comparison("never", "=", "x"), Comparison("never", "!=", "x"), Membership("never", ("x",), negated=True)]


@pytest.mark.parametrize(
    "leaves",
    [
        *(pytest.param([c for c in COMPARISONS if c.column == column], id=f"comparing {column}") for column in VALUES),
        pytest.param(MEMBERSHIPS, id="membership"),
        pytest.param(ABSENCES, id="absence"),
        pytest.param(STRANGERS, id="a column that is not there"),
    ],
)
def test_every_leaf_means_what_it_says(filled: Filled, leaves: list[Condition]) -> None:
    table, oracle = filled
    wrong = [leaf for leaf in leaves if table.ids(where=leaf) != oracle.ids(where=leaf)]
    assert wrong == []


def conditions() -> st.SearchStrategy[Condition]:
    leaves = st.sampled_from([*COMPARISONS, *MEMBERSHIPS, *ABSENCES, *STRANGERS])
    return st.recursive(leaves, lambda parts: st.builds(Every, several_of(parts)) | st.builds(Some, several_of(parts)))


def several_of(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[tuple[Condition, ...]]:
    return st.lists(parts, min_size=1, max_size=4).map(tuple)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(condition=conditions(), k=st.integers(1, 40), side=st.sampled_from(["image", "text"]))
def test_every_tree_of_conditions_means_what_it_says(filled: Filled, condition: Condition, k: int, side: str) -> None:
    table, oracle = filled
    assert table.count(where=condition, side=side) == oracle.count(where=condition, side=side)
    assert table.read(where=condition, limit=5).ids == oracle.read(where=condition, limit=5).ids
    query = queries_of(1, oracle.layout.widths[side], seed=k)[0]
    check_found(table.nearest(side, query, k=k, where=condition), oracle, side, query, k=k, where=condition)


def test_conditions_may_be_deep(filled: Filled) -> None:
    table, oracle = filled
    condition: Condition = Comparison("year", ">", 0.0)
    for depth in range(30):
        leaf = Comparison("category", "=", CATEGORIES[depth % 5])
        condition = Every((Some((condition, leaf)), Comparison("framed", "=", True)))
    assert table.ids(where=condition) == oracle.ids(where=condition) != []


def test_conditions_may_be_wide(filled: Filled) -> None:
    table, oracle = filled
    wide = Some(tuple(Comparison("year", "=", float(number)) for number in range(1980, 2020)))
    assert table.ids(where=wide) == oracle.ids(where=wide) != []
    many = Membership("id", tuple(f"item {number}" for number in range(0, 1000, 3)))
    assert table.ids(where=many) == oracle.ids(where=many) != []


def test_reading_named_items_under_a_condition(filled: Filled) -> None:
    table, oracle = filled
    names = [f"item {number}" for number in range(100, 0, -1)]
    condition = Comparison("framed", "=", True)
    assert table.read(names, where=condition).ids == oracle.read(names, where=condition).ids
    after = table.read(where=condition, after="item 2", limit=9)
    assert after.ids == oracle.read(where=condition, after="item 2", limit=9).ids


@pytest.mark.parametrize("side", ["image", "text"])
def test_a_search_under_a_condition_returns_k_wherever_k_meet_it(filled: Filled, side: str) -> None:
    table, oracle = filled
    query = queries_of(1, oracle.layout.widths[side], seed=3)[0]
    for leaf in (Comparison("category", "=", "it's"), Comparison("tags", "!=", "old"), Absence("year")):
        matching = oracle.count(where=leaf, side=side)
        for k in (1, matching - 1, matching, matching + 1):
            found = table.nearest(side, query, k=k, where=leaf)
            assert len(found.ids) == min(k, matching)
            check_found(found, oracle, side, query, k=k, where=leaf)
    nothing = table.nearest(side, query, k=3, where=Comparison("category", "=", "nowhere"))
    assert nothing.ids == ()
    assert nothing.similarities.shape == (0,)
    assert nothing.vectors.shape == (0, len(query))


def alternating(inmost: str, times: int) -> str:
    """Return a filter that nests an `or` in an `and`, by turns."""
    for level in range(times):
        inmost = f"year > 1990 {('and', 'or')[level % 2]} ({inmost})"
    return inmost


def twofold(inmost: str, times: int) -> str:
    """Return a filter both of whose sides nest equally deep, at every level."""
    for level in range(times):
        inmost = f"({inmost}){('and', 'or')[level % 2]}({inmost})"
    return inmost


def wide(inmost: str, times: int) -> str:
    """Return the longest filter that nests so deep, with as many tests on every level."""
    each = (LONGEST - len(inmost)) // times // 11
    for level in range(times):
        word = (" and ", " or ")[level % 2]
        inmost = f"{word.join(['year=1'] * (each - 1))}{word}({inmost})"
    return inmost


LEAF = "id not between 'a' and 'b'"
"""What becomes deepest of all that stands without parentheses."""
DOUBLED = int(log2(LONGEST / len(LEAF))) - 1
"""How many times a filter can be doubled before it is too long."""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * DEEPEST + LEAF + ")" * DEEPEST, id="parentheses"),
        pytest.param("not " * DEEPEST + LEAF, id="negations"),
        pytest.param(alternating(LEAF, DEEPEST), id="and, or, and"),
        pytest.param(alternating(LEAF, DEEPEST - 1).replace("> 1990 and", "> 1990 or"), id="or, or, or"),
        pytest.param("not (" * (DEEPEST // 4) + alternating(LEAF, DEEPEST // 2) + ")" * (DEEPEST // 4), id="not all"),
        pytest.param(wide(LEAF, DEEPEST), id="many on every level"),
        pytest.param(alternating(twofold("year=1", 9), DEEPEST - 9), id="as deep on both sides"),
        pytest.param(alternating(twofold(LEAF, DOUBLED), DEEPEST - DOUBLED), id="as deep as can be"),
        pytest.param(" or ".join(["year=1"] * (LONGEST // 10)), id="as long as can be"),
        pytest.param("not (" + " or ".join(["year=1"] * (LONGEST // 10 - 1)) + ")", id="as long, negated"),
        pytest.param(f"year in ({','.join(map(str, range(1000, 1000 + LONGEST // 5 - 3)))})", id="many values"),
    ],
)
def test_whatever_filter_is_read_every_store_understands(filled: Filled, text: str) -> None:
    table, oracle = filled
    condition = parse(text, table.columns())
    assert table.ids(where=condition) == oracle.ids(where=condition)
    query = queries_of(1, oracle.layout.widths["image"], seed=0)[0]
    check_found(table.nearest("image", query, k=5, where=condition), oracle, "image", query, k=5, where=condition)
