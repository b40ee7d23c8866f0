"""Known answers of attribution: linear scores, completeness, and a part that alone decides."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from diptych.errors import BadSetting, ShapeMismatch
from diptych.explaining.attribution import TOGETHER, gradient, integrated, occlusion

WAYS = [gradient, integrated, occlusion]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def curved(parts: Float[Tensor, "b p d"]) -> Float[Tensor, " b"]:
    """Return a score that no part enters linearly: a softmax over parts and a tanh."""
    weights = parts.sum(2).softmax(1)
    return torch.tanh((weights[:, :, None] * parts).sum((1, 2)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [1, 7, TOGETHER + 3])
def test_for_a_linear_score_every_way_gives_each_parts_own_term(way: Callable[..., np.ndarray], count: int) -> None:
    parts, weights, baseline = drawn(count, 3), drawn(count, 3, seed=1), drawn(count, 3, seed=2)
    found = way(lambda rows: (rows * weights).sum((1, 2)) + 5, parts, baseline)
    assert found == pytest.approx(((parts - baseline) * weights).sum(1).numpy(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_without_a_baseline_it_is_zero(way: Callable[..., np.ndarray]) -> None:
    parts = drawn(5, 3)
    assert np.array_equal(way(curved, parts), way(curved, parts, torch.zeros_like(parts)))


@pytest.mark.parametrize("seed", range(5))
def test_integrated_gradients_sum_to_the_difference_from_the_baseline(seed: int) -> None:
    parts, baseline = drawn(6, 4, seed=seed), drawn(6, 4, seed=seed + 100) / 4
    difference = float(curved(parts[None]) - curved(baseline[None]))
    assert integrated(curved, parts, baseline, steps=500).sum() == pytest.approx(difference, abs=1e-3)


def test_occlusion_is_the_literal_drop() -> None:
    parts = drawn(5, 3)
    for k, drop in enumerate(occlusion(curved, parts)):
        without = parts.clone()
        without[k] = 0
        assert drop == pytest.approx(float(curved(parts[None]) - curved(without[None])), abs=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("planted", [0, 3, 8])
def test_a_planted_part_that_alone_decides_is_found(way: Callable[..., np.ndarray], planted: int) -> None:
    parts = drawn(9, 4) / 10
    parts[planted] = 1
    found = way(lambda rows: torch.sigmoid(rows[:, planted].sum(1)), parts)
    assert found.argmax() == planted
    assert np.delete(found, planted) == pytest.approx(0, abs=1e-7)


def test_the_parts_are_left_as_they_were() -> None:
    parts = drawn(4, 3)
    before = parts.clone()
    for way in WAYS:
        way(curved, parts)
    assert torch.equal(parts, before)
    assert not parts.requires_grad


@pytest.mark.parametrize("way", WAYS)
def test_a_baseline_of_another_shape_is_refused(way: Callable[..., np.ndarray]) -> None:
    with pytest.raises(ShapeMismatch, match=r"the shape of the parts, \(4, 3\); got \(1, 3\)"):
        way(curved, drawn(4, 3), drawn(1, 3))


def test_no_step_is_refused() -> None:
    with pytest.raises(BadSetting, match="at least 1 step; got 0"):
        integrated(curved, drawn(4, 3), steps=0)


def test_a_score_that_moves_by_leaps_alone_has_no_gradient_and_is_explained_by_occlusion() -> None:
    def votes(parts: Float[Tensor, "b p d"]) -> Float[Tensor, " b"]:
        return (parts.sum((1, 2)) > 1.5).double()

    parts = torch.tensor([[1.0], [1.0], [0.1]], dtype=torch.float64)
    assert gradient(votes, parts).tolist() == [0, 0, 0]
    assert integrated(votes, parts).tolist() == [0, 0, 0]
    assert occlusion(votes, parts).tolist() == [1, 1, 0]
