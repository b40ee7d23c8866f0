"""Attention against a literal loop over the equations, in float64."""

import pytest
import torch
from torch import Tensor

from diptych.maths.attention import ProjectedAttention, Scoring, softmax_over_parts

SCORINGS: list[Scoring] = ["projected", "plain", "mean"]
MASK = torch.tensor([[True, True, True, True], [True, True, False, False], [True, False, False, False]])


def attention(scoring: Scoring) -> tuple[ProjectedAttention, Tensor]:
    torch.manual_seed(0)
    module = ProjectedAttention(5, 7, scoring=scoring, dropout=0.0).double()
    return module, torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)


def literal(module: ProjectedAttention, states: Tensor, mask: Tensor) -> Tensor:
    """Lift each part, score it, weigh it: one item and one part at a time."""
    vectors = []
    for item, present in zip(states, mask, strict=True):
        lifted = [module.lift.weight @ state + module.lift.bias for state in item[present]]
        scores = []
        for h in lifted:
            if module.scoring == "projected":
                seen = torch.tanh(module.inner.weight @ h + module.inner.bias)
            else:
                seen = torch.tanh(h)
            scores.append(
                0 * h.sum() if module.scoring == "mean" else module.score.weight[0] @ seen + module.score.bias[0]
            )
        weights = torch.softmax(torch.stack(scores), 0)
        vectors.append(sum(a * h for a, h in zip(weights, lifted, strict=True)))
    return torch.stack(vectors)


@pytest.mark.parametrize("scoring", SCORINGS)
def test_attention_equals_the_loop_over_parts_and_so_do_its_gradients(scoring: Scoring) -> None:
    module, states = attention(scoring)
    direction = torch.randn(3, 7, dtype=torch.float64)
    vectors, expected = module(states, MASK)[0], literal(module, states, MASK)
    torch.testing.assert_close(vectors, expected)
    inputs = [states, *module.parameters()]
    found = torch.autograd.grad((vectors * direction).sum(), inputs)
    for gradient, wanted in zip(found, torch.autograd.grad((expected * direction).sum(), inputs), strict=True):
        torch.testing.assert_close(gradient, wanted)


@pytest.mark.parametrize("scoring", SCORINGS)
def test_weights_sum_to_one_over_present_parts_and_are_zero_on_absent_ones(scoring: Scoring) -> None:
    module, states = attention(scoring)
    weights = module(states, MASK)[1]
    torch.testing.assert_close(weights.sum(1), torch.ones(3, dtype=torch.float64))
    assert (weights[~MASK] == 0).all()
    assert (weights[MASK] > 0).all()


@pytest.mark.parametrize("scoring", SCORINGS)
def test_an_item_without_parts_gives_zeros_and_finite_gradients(scoring: Scoring) -> None:
    module, states = attention(scoring)
    mask = MASK.clone()
    mask[1] = False
    vectors, weights = module(states, mask)
    assert (vectors[1] == 0).all()
    assert (weights[1] == 0).all()
    vectors.sum().backward()
    assert states.grad is not None
    assert torch.isfinite(states.grad).all()
    assert (states.grad[1] == 0).all()


def test_several_heads_equal_the_loop_over_heads_and_parts_and_their_mean_is_the_weights() -> None:
    torch.manual_seed(0)
    module = ProjectedAttention(5, 7, scoring="projected", dropout=0.0, heads=3, scored=6).double()
    states = torch.randn(3, 4, 5, dtype=torch.float64)
    vectors, weights = module(states, MASK)
    for item, present, vector, shown in zip(states, MASK, vectors, weights, strict=True):
        expected, mean = module.lift.bias.clone(), torch.zeros(4, dtype=torch.float64)
        for head in range(3):
            scores = [
                module.score.weight[head] @ torch.tanh(module.inner.weight @ state + module.inner.bias)
                for state in item[present]
            ]
            own = torch.softmax(torch.stack(scores), 0)
            block = module.lift.weight[:, 5 * head : 5 * (head + 1)]
            expected = expected + sum(a * (block @ state) for a, state in zip(own, item[present], strict=True))
            mean[present] += own / 3
        torch.testing.assert_close(vector, expected)
        torch.testing.assert_close(shown, mean)


def test_mean_scoring_is_mean_pooling() -> None:
    module, states = attention("mean")
    pooled = torch.stack([item[present].mean(0) for item, present in zip(states, MASK, strict=True)])
    torch.testing.assert_close(module(states, MASK)[0], module.lift(pooled))


def test_large_scores_neither_overflow_nor_lose_the_largest() -> None:
    weights = softmax_over_parts(torch.tensor([[1e30, -1e30, 1e30]]).unsqueeze(2), torch.tensor([[True, True, False]]))
    assert weights.squeeze(2).tolist() == [[1.0, 0.0, 0.0]]


def test_dropout_acts_on_the_scores_only_while_training() -> None:
    torch.manual_seed(0)
    module, states, mask = ProjectedAttention(5, 7, scoring="plain", dropout=0.5), torch.randn(3, 4, 5), MASK
    assert not torch.equal(module(states, mask)[1], module(states, mask)[1])
    module.eval()
    assert torch.equal(module(states, mask)[1], module(states, mask)[1])
