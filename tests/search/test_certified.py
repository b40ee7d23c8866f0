"""The certified search equals looking at everything, whatever the rule and however the gallery lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.errors import BadSetting
from diptych.fusion import ROOM
from diptych.fusion.contract import FusionRule
from diptych.index.contract import NearestItems
from diptych.index.nearest import ranked
from diptych.search.certified import DEEPEST, Best, certified, one_by_one
from diptych.search.moments import Moments

WIDTHS = (3, 4)
GALLERIES = ("spread", "clustered", "negative", "two clusters", "grid", "equal", "one space equal", "tiny")
RULES = ("product", "linear", "geometric", "zscore")


def rule_of(name: str, weight: float = 0.5) -> FusionRule:
    kind = ROOM.open(name).Rule
    rule: FusionRule = kind(weight=weight) if kind.weighted else kind()
    return rule


WEIGHED = [rule_of(name, weight) for name in RULES for weight in (0.0, 0.2, 0.5, 1.0)]


class Shelf:
    """A store's search in memory: it judges in single precision, and counts what it was asked for."""

    def __init__(self, vectors: np.ndarray, ids: list[str]) -> None:
        self.vectors, self.ids = vectors, ids
        self.depths: list[int] = []

    def nearest(self, vector: np.ndarray, k: int) -> NearestItems:
        self.depths.append(k)
        judged = self.vectors @ vector
        order = sorted(range(len(self.ids)), key=lambda row: (-judged[row], self.ids[row]))[:k]
        return ranked([self.ids[row] for row in order], self.vectors[order], vector, k=k)

    def moments(self, query: tuple[np.ndarray, ...]) -> tuple[Moments, ...]:
        return Moments.of(np.array_split(self.vectors, 3), [len(part) for part in query])

    def only(self, rows: np.ndarray) -> "Shelf":
        return Shelf(self.vectors[rows], [self.ids[row] for row in rows])


def gallery(sort: str, size: int, generator: np.random.Generator) -> np.ndarray:
    vectors = generator.standard_normal((size, sum(WIDTHS)))
    match sort:
        case "clustered":
            vectors = generator.standard_normal((3, sum(WIDTHS)))[generator.integers(3, size=size)] + 0.01 * vectors
        case "negative":
            vectors = -np.abs(vectors) - 1
        case "two clusters":  # each good in one space and bad in the other, but for a few in between
            sides = np.where(generator.random((size, 1)) < 0.5, 1.0, -1.0) * (generator.random((size, 1)) < 0.95)
            vectors = np.hstack([sides * np.ones(WIDTHS[0]), -sides * np.ones(WIDTHS[1])]) + 0.05 * vectors
        case "grid":
            vectors = np.round(vectors)
        case "equal":
            vectors = np.repeat(vectors[:1], size, axis=0)
        case "one space equal":
            vectors[:, : WIDTHS[0]] = vectors[0, : WIDTHS[0]]
        case "tiny":
            vectors = 1e-4 * vectors + 1
    return vectors.astype(np.float32)


def everything(shelf: Shelf, query: tuple[np.ndarray, ...], rule: FusionRule) -> dict[str, float]:
    """The fused similarity of every item, by the rule itself."""
    spaces = np.split(shelf.vectors.astype(np.float64), [WIDTHS[0]], axis=1)
    visual, textual = (
        np.einsum("nd,d->n", rows, part.astype(np.float64)) for rows, part in zip(spaces, query, strict=True)
    )
    return dict(zip(shelf.ids, rule.fuse(visual[None], textual[None], queries="image")[0], strict=True))


def search(
    shelf: Shelf,
    query: tuple[np.ndarray, ...],
    rule: FusionRule | None,
    k: int,
    part: Shelf | None = None,
    *,
    approximate: bool = False,
) -> Best:
    return certified(
        (part or shelf).nearest,
        query,
        rule,
        k=k,
        unfiltered=one_by_one(shelf.nearest),
        moments=lambda: shelf.moments(query),
        approximate=approximate,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Shelf, tuple[np.ndarray, ...], FusionRule, np.random.Generator]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.sampled_from([1, 2, 9, 70, 400]))
    sort = draw(st.sampled_from(GALLERIES))
    ids = [f"{n:03}" for n in generator.permutation(size)]
    query = tuple(generator.standard_normal(width).astype(np.float32) for width in WIDTHS)
    if sort in ("grid", "negative", "two clusters"):
        query = tuple(np.abs(np.round(part)) + 1 for part in query)
    return Shelf(gallery(sort, size, generator), ids), query, draw(st.sampled_from(WEIGHED)), generator


@settings(max_examples=200, deadline=None)
@given(cases(), st.floats(0, 1), st.sampled_from([1.0, 0.4, 0.02]))
def test_it_equals_looking_at_everything(
    case: tuple[Shelf, tuple[np.ndarray, ...], FusionRule, np.random.Generator], share: float, kept: float
) -> None:
    shelf, query, rule, generator = case
    part = shelf.only(np.flatnonzero(generator.random(len(shelf.ids)) < kept))
    k = max(1, round(share * len(shelf.ids)))
    fused = everything(shelf, query, rule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("diptych.search.certified.FIRST", 1)
        best = search(shelf, query, rule, k, part)
    expected = sorted(part.ids, key=lambda item: (-fused[item], item))[:k]
    scale = 1e-9 * (1 + max(map(abs, fused.values())))
    assert len(set(best.ids)) == len(expected)
    assert set(best.ids) <= set(part.ids)
    np.testing.assert_allclose(best.fused, [fused[item] for item in best.ids], rtol=0, atol=scale)
    np.testing.assert_allclose(best.fused, [fused[item] for item in expected], rtol=0, atol=scale)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(RULES), st.sampled_from([1, 5, 64, 200]))
def test_among_equals_the_lesser_id_comes_first(seed: int, name: str, k: int) -> None:
    generator = np.random.default_rng(seed)
    vectors = np.repeat(generator.integers(0, 3, (20, sum(WIDTHS))), 10, axis=0).astype(np.float32)
    shelf = Shelf(vectors, [f"{n:03}" for n in generator.permutation(200)])
    query = tuple(np.ones(width, dtype=np.float32) for width in WIDTHS)
    fused = everything(shelf, query, rule_of(name))
    best = search(shelf, query, rule_of(name), k)
    assert best.fused.tolist() == pytest.approx(sorted(fused.values(), reverse=True)[:k])
    places = {item: place for place, item in enumerate(best.ids)}
    for items in np.array(shelf.ids)[np.lexsort(vectors.T)].reshape(-1, 10).tolist():  # whose vectors are equal
        known = [places.get(item, k) for item in sorted(items)]
        assert known == sorted(known)


@pytest.mark.parametrize("name", RULES)
def test_where_all_items_are_alike_no_more_than_k_are_asked_for(name: str) -> None:
    shelf = Shelf(np.ones((500, sum(WIDTHS)), dtype=np.float32), [f"{n:03}" for n in range(500)])
    best = search(shelf, tuple(np.ones(width, dtype=np.float32) for width in WIDTHS), rule_of(name), 3)
    assert best.ids == ("000", "001", "002")
    assert shelf.depths[-1] == 3


@pytest.mark.parametrize("name", RULES)
def test_on_usual_data_few_items_are_looked_at(name: str) -> None:
    generator = np.random.default_rng(0)
    topics = generator.standard_normal((40, 2, 32))
    topics /= np.linalg.norm(topics, axis=2, keepdims=True)

    def placed(count: int) -> np.ndarray:
        vectors = topics[generator.integers(40, size=count)] + 0.12 * generator.standard_normal((count, 2, 32))
        return (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)

    shelf = Shelf(placed(4000).reshape(4000, 64), [f"{n:04}" for n in range(4000)])
    depths = []
    for query in placed(15):
        search(shelf, tuple(query), rule_of(name), 10)
        depths.append(shelf.depths[-1])
    assert np.median(depths) <= 256


@pytest.mark.parametrize("name", ["product", "geometric"])
def test_it_goes_on_past_any_number_of_items_that_are_near_in_one_space_only(name: str) -> None:
    lopsided = [(1.0, 0.05), (0.05, 1.0)] * 150
    vectors = np.array([*lopsided, (0.5, 0.5), (0.0, 0.0)], dtype=np.float32)[:, [0, 0, 0, 1, 1, 1, 1]]
    shelf = Shelf(vectors, [f"{n:03}" for n in range(302)])
    query = tuple(np.eye(width, dtype=np.float32)[0] for width in WIDTHS)
    assert search(shelf, query, rule_of(name), 1).ids == ("300",)
    assert shelf.depths[-1] == 1024


def test_an_approximate_search_looks_no_deeper_than_it_may() -> None:
    lopsided = [(1.0, 0.05), (0.05, 1.0)] * 1000
    vectors = np.array([*lopsided, (0.5, 0.5)], dtype=np.float32)[:, [0, 0, 0, 1, 1, 1, 1]]
    shelf = Shelf(vectors, [f"{n:04}" for n in range(2001)])
    query = tuple(np.eye(width, dtype=np.float32)[0] for width in WIDTHS)
    assert search(shelf, query, rule_of("product"), 1).ids == ("2000",)
    assert shelf.depths[-1] > DEEPEST
    assert search(shelf, query, rule_of("product"), 1, approximate=True).ids != ("2000",)
    assert shelf.depths[-1] == DEEPEST


def test_what_a_store_confuses_in_single_precision_is_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.search.certified.FIRST", 1)
    for seed in range(20):
        generator = np.random.default_rng(seed)
        alike = 1000 + generator.integers(0, 9, (60, sum(WIDTHS))) * 2.0**-13
        ends = np.repeat([[900.0], [1100.0]], sum(WIDTHS), axis=1)
        shelf = Shelf(np.vstack([alike, ends]).astype(np.float32), [f"{n:03}" for n in range(62)])
        query = tuple(generator.random(width).astype(np.float32) for width in WIDTHS)
        fused = everything(shelf, query, rule_of("linear"))
        assert search(shelf, query, rule_of("linear"), 2).ids == tuple(sorted(fused, key=fused.__getitem__)[:-3:-1])


def test_similarities_are_those_of_each_space() -> None:
    vectors = np.array([[1, 0, 0, 0, 2, 0, 0], [0, 1, 0, 0, 0, 3, 0]], dtype=np.float32)
    query = (np.array([0.5, 0.25, 0], dtype=np.float32), np.array([0, 1, 1, 0], dtype=np.float32))
    best = search(Shelf(vectors, ["a", "b"]), query, rule_of("linear", 0.0), 2)
    assert best.ids == ("b", "a")
    assert [space.tolist() for space in best.similarities] == [[0.25, 0.5], [3, 2]]


def test_one_space_is_searched_as_it_is() -> None:
    shelf = Shelf(np.eye(3, dtype=np.float32), ["a", "b", "c"])
    best = search(shelf, (np.array([0, 2, 1], dtype=np.float32),), None, 2)
    assert (best.ids, best.fused.tolist(), best.similarities[0].tolist()) == (("b", "c"), [2, 1], [2, 1])
    assert shelf.depths == [2]


@pytest.mark.parametrize("name", RULES)
def test_nothing_is_found_in_an_empty_gallery(name: str) -> None:
    shelf = Shelf(np.zeros((0, sum(WIDTHS)), dtype=np.float32), [])
    query = tuple(np.ones(width, dtype=np.float32) for width in WIDTHS)
    assert search(shelf, query, rule_of(name), 3).ids == ()


def test_a_rule_that_cannot_be_served_is_refused_before_anything_is_read() -> None:
    shelf = Shelf(np.ones((2, sum(WIDTHS)), dtype=np.float32), ["a", "b"])
    query = tuple(np.ones(width, dtype=np.float32) for width in WIDTHS)
    with pytest.raises(BadSetting, match="'rrf' adds up ranks"):
        search(shelf, query, rule_of("rrf"), 1)
    assert shelf.depths == []


def test_k_must_be_positive() -> None:
    with pytest.raises(BadSetting, match="k must be at least 1; got 0"):
        search(Shelf(np.eye(3, dtype=np.float32), ["a", "b", "c"]), (np.ones(3, dtype=np.float32),), None, 0)
