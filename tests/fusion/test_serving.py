"""Serving a rule from inner products: the same fused similarity, a bound that holds, a slack that suffices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.errors import BadSetting
from diptych.fusion import ROOM
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import ServedSum, Statistics, normalised

SERVED = [name for name in ROOM.names() if ROOM.open(name).Rule.wants]
WEIGHED: list[FusionRule] = [
    ROOM.open(name).Rule(**({"weight": weight} if ROOM.open(name).Rule.weighted else {}))
    for name in SERVED
    for weight in (0.0, 0.05, 0.3, 0.5, 1.0)
]


@st.composite
def rows(draw: st.DrawFn, size: int) -> np.ndarray:
    """One query's similarities in one space: spread, clustered, equal, negative, far from 0 or on a coarse grid."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    row = generator.standard_normal(size)
    match draw(st.sampled_from(["spread", "clustered", "equal", "grid"])):
        case "clustered":
            row = np.where(row > 0.5, 1.0, 0.0) + 1e-3 * generator.standard_normal(size)
        case "equal":
            row = np.full(size, row[0])
        case "grid":
            row = np.round(row)
    return row * draw(st.sampled_from([1.0, 1e-3, 1e3])) + draw(st.sampled_from([0.0, 0.0, -0.5, 3.0, -3.0, 100.0]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[FusionRule, np.ndarray, np.ndarray]:
    size = draw(st.integers(1, 30))
    return draw(st.sampled_from(WEIGHED)), draw(rows(size)), draw(rows(size))


def served(rule: FusionRule, visual: np.ndarray, textual: np.ndarray):  # type: ignore[no-untyped-def]
    return rule.served(Statistics.of(visual), Statistics.of(textual))


@settings(max_examples=150)
@given(cases())
def test_the_score_is_what_the_rule_fuses(case: tuple[FusionRule, np.ndarray, np.ndarray]) -> None:
    rule, visual, textual = case
    fused = rule.fuse(visual[None], textual[None], queries="image")[0]
    np.testing.assert_allclose(served(rule, visual, textual).score(visual, textual), fused, rtol=1e-12, atol=1e-12)


@settings(max_examples=150)
@given(cases())
def test_no_item_exceeds_the_bound_of_its_own_nearness_nor_of_a_greater_one(
    case: tuple[FusionRule, np.ndarray, np.ndarray],
) -> None:
    rule, visual, textual = case
    service = served(rule, visual, textual)
    nearness = service.visual * visual + service.textual * textual
    fused, order = service.score(visual, textual), np.argsort(nearness)
    bounds = np.array([service.bound(float(g)) for g in nearness])
    assert (fused <= bounds).all()
    assert (np.diff(bounds[order]) >= -1e-9 * np.abs(bounds).max()).all()
    if not service.visual and not service.textual:
        assert np.ptp(fused) == 0


@settings(max_examples=150)
@given(cases(), st.sampled_from([0.0, 1e-4, 0.01, 0.5]), st.sampled_from([0.0, 1e-4, 0.01, 0.5]), st.integers(0, 99))
def test_the_slack_covers_what_small_errors_do(
    case: tuple[FusionRule, np.ndarray, np.ndarray], by_visual: float, by_textual: float, seed: int
) -> None:
    rule, visual, textual = case
    service = served(rule, visual, textual)
    generator = np.random.default_rng(seed)
    moved = (
        row + error * generator.choice([-1.0, 0.3, 1.0], size=len(row))
        for row, error in ((visual, by_visual), (textual, by_textual))
    )
    fused = service.score(visual, textual)
    change, rounding = np.abs(service.score(*moved) - fused), 1e-9 * (1 + np.abs(fused))
    assert (change <= service.slack(by_visual, by_textual) * (1 + 1e-9) + rounding).all()


def test_for_positive_similarities_the_product_is_bounded_by_the_arithmetic_mean() -> None:
    # with low = 0 the constants vanish: F = 2 s_V s_T, G = 2 (s_V + s_T), F ≤ 2 (G / 4)²
    service = ROOM.open("product").Rule().served(Statistics(0.0, 1.0), Statistics(0.0, 1.0))
    assert (service.visual, service.textual) == (2, 2)
    assert [service.bound(float(g)) for g in (4, 3, 2, 0)] == pytest.approx([2, 1.125, 0.5, 0], abs=1e-9)


@settings(max_examples=50)
@given(*[st.tuples(st.sampled_from([-3.0, -1.0, 0.0, 0.4]), st.sampled_from([0.0, 0.1, 1.0, 4.0])) for _ in "VT"])
def test_the_product_s_bound_is_the_largest_fused_similarity_that_the_ranges_allow(
    visual: tuple[float, float], textual: tuple[float, float]
) -> None:
    ends = [Statistics(low, low + width) for low, width in (visual, textual)]
    service = ROOM.open("product").Rule().served(*ends)
    grid = np.meshgrid(*(np.linspace(space.low, space.high, 41) for space in ends))
    s_visual, s_textual = (axis.ravel() for axis in grid)
    fused, nearness = service.score(s_visual, s_textual), service.visual * s_visual + service.textual * s_textual
    for g in np.quantile(nearness, [0, 0.2, 0.7, 0.95, 1]):
        allowed = fused[nearness <= g + 1e-12].max()
        assert allowed <= service.bound(float(g)) <= allowed + 0.08 * (1 + np.ptp(fused))


def test_where_all_similarities_are_very_negative_the_product_is_searched_from_below() -> None:
    service = ROOM.open("product").Rule().served(Statistics(-3.0, -2.0), Statistics(-5.0, -4.0))
    assert service.visual < 0
    assert service.textual < 0


def test_with_one_space_silent_the_product_follows_the_other() -> None:
    for constant, sign in ((0.5, 1), (-0.5, -1), (0.0, 0)):
        service = ROOM.open("product").Rule().served(Statistics(constant, constant), Statistics(1.0, 3.0))
        assert (service.visual, np.sign(service.textual)) == (0, sign)


def test_the_geometric_mean_clips_what_lies_outside_the_range() -> None:
    service = ROOM.open("geometric").Rule().served(Statistics(0.0, 1.0), Statistics(0.0, 1.0))
    assert service.score(np.array([-0.1, 1.2]), np.array([0.5, 0.25])).tolist() == [0, 0.5]


def test_the_geometric_slack_is_reached() -> None:
    service = ROOM.open("geometric").Rule(weight=0.5).served(Statistics(0.0, 1.0), Statistics(0.0, 1.0))
    assert service.slack(0.04, 0.01) == pytest.approx(0.2)
    assert service.score(np.array([0.04]), np.array([1.0])) - service.score(np.array([0.0]), np.array([1.0])) == 0.2
    assert (
        ROOM.open("geometric").Rule(weight=0.0).served(Statistics(0.0, 1.0), Statistics(0.0, 2.0)).slack(0.3, 0.1)
        == 0.05
    )


def test_a_sum_weighs_similarities_by_their_units() -> None:
    service = ServedSum.of(0.25, (1.0, 2.0), (0.5, 0.0))
    assert (service.visual, service.textual) == (0.5, 0)
    assert service.score(np.array([2.0]), np.array([9.0])).tolist() == [0.5]
    assert service.slack(0.1, 0.1) == pytest.approx(0.05)


def test_statistics_of_equal_similarities_have_no_deviation() -> None:
    assert Statistics.of(np.full(7, 0.1)).deviation == 0


def test_similarities_of_single_precision_are_normalised_in_double() -> None:
    assert normalised(np.ones(2, dtype=np.float32), origin=0.1, unit=3.0).tolist() == [0.3, 0.3]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("rrf", "'rrf' adds up ranks, which a vector index does not know. Scan the collection exactly, or choose"),
        ("released", "'released' ranks a text against all other texts, .* Choose another fusion, such as product"),
    ],
)
def test_a_rule_that_no_index_can_serve_says_so(name: str, sentence: str) -> None:
    assert name not in SERVED
    with pytest.raises(BadSetting, match=sentence):
        ROOM.open(name).Rule().served(Statistics(), Statistics())


def test_all_others_are_served() -> None:
    assert SERVED == ["geometric", "linear", "product", "zscore"]
