"""The contract that every rule of the room keeps."""

from typing import Literal

import numpy as np
import pytest

from diptych.errors import BadSetting
from diptych.fusion import ROOM
from diptych.fusion.contract import FusionRule, WeightedRule

RULES = ROOM.names()
DIRECTIONS = ["image", "text"]


def similarities(seed: int, shape: tuple[int, int] = (6, 9)) -> tuple[np.ndarray, np.ndarray]:
    """Raw similarities of two spaces, negative ones and different scales included."""
    generator = np.random.default_rng(seed)
    return generator.standard_normal(shape), 0.1 * generator.standard_normal(shape) + 0.3


def rule_named(name: str) -> FusionRule:
    rule: FusionRule = ROOM.open(name).Rule()
    return rule


def test_the_room_holds_the_six_rules() -> None:
    assert RULES == ["geometric", "linear", "product", "released", "rrf", "zscore"]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_needs_as_its_card_does(name: str) -> None:
    rule = rule_named(name)
    assert rule.needs == ROOM.cards()[name].needs
    assert set(rule.needs) <= {"gallery", "queries"}
    assert rule.weighted is isinstance(rule, WeightedRule)
    assert ROOM.cards()[name].learns == "nothing"


@pytest.mark.parametrize("queries", DIRECTIONS)
@pytest.mark.parametrize("name", RULES)
def test_fused_similarities_are_finite_and_of_the_same_shape(name: str, queries: Literal["image", "text"]) -> None:
    visual, textual = similarities(0)
    constant = np.full_like(visual, 0.1)
    for pair in ((visual, textual), (constant, textual), (visual, constant), (constant, constant)):
        fused = rule_named(name).fuse(*pair, queries=queries)
        assert fused.shape == visual.shape
        assert np.isfinite(fused).all()


@pytest.mark.parametrize("queries", DIRECTIONS)
@pytest.mark.parametrize("name", RULES)
def test_permuting_the_gallery_permutes_the_fused_similarities(name: str, queries: Literal["image", "text"]) -> None:
    visual, textual = (matrix.round(1) for matrix in similarities(1))
    shuffled = np.random.default_rng(2).permutation(visual.shape[1])
    rule = rule_named(name)
    np.testing.assert_allclose(
        rule.fuse(visual[:, shuffled], textual[:, shuffled], queries=queries),
        rule.fuse(visual, textual, queries=queries)[:, shuffled],
        atol=1e-12,
    )


@pytest.mark.parametrize("name", [name for name in RULES if "queries" not in ROOM.cards()[name].needs])
def test_a_rule_that_needs_no_other_queries_fuses_one_alone(name: str) -> None:
    visual, textual = similarities(3)
    rule = rule_named(name)
    for queries in ("image", "text"):
        whole = rule.fuse(visual, textual, queries=queries)
        np.testing.assert_allclose(rule.fuse(visual[2:3], textual[2:3], queries=queries), whole[2:3], atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_monotone_rule_never_ranks_a_dominated_item_higher_and_the_others_sometimes_do(name: str) -> None:
    rule = rule_named(name)
    inverted = 0
    for seed in range(20):
        visual, textual = similarities(seed)
        fused = rule.fuse(visual, textual - 0.3, queries="image")
        dominated = (visual[:, :, None] <= visual[:, None]) & (textual[:, :, None] <= textual[:, None])
        inverted += int((dominated & (fused[:, :, None] > fused[:, None] + 1e-12)).sum())
    assert (inverted == 0) is rule.monotone


@pytest.mark.parametrize("name", [name for name in RULES if ROOM.open(name).Rule.weighted])
@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan")])
def test_a_weight_outside_zero_to_one_is_refused(name: str, weight: float) -> None:
    with pytest.raises(BadSetting, match="a fusion weight must lie between 0 and 1; got"):
        ROOM.open(name).Rule(weight=weight)


@pytest.mark.parametrize("name", ["geometric", "linear", "zscore"])
def test_at_the_ends_of_the_weight_one_space_alone_decides(name: str) -> None:
    visual, textual = similarities(4)
    for weight, space in ((1.0, visual), (0.0, textual)):
        fused = ROOM.open(name).Rule(weight=weight).fuse(visual, textual, queries="text")
        assert fused.argsort(axis=1).tolist() == space.argsort(axis=1).tolist()
