"""Restricted Boltzmann machines against sums over every hidden state and the textbook's two phases."""

from itertools import product

import pytest
import torch
from torch import Tensor

from diptych.maths.boltzmann import BoltzmannMachine, Seen, bernoulli

KINDS: list[Seen] = ["binary", "gaussian"]


def machine(kind: Seen, seen: int = 4, hidden: int = 3) -> BoltzmannMachine:
    """Return a machine in double precision whose weights and biases are all of size 1."""
    torch.manual_seed(0)
    model = BoltzmannMachine(seen, hidden, kind=kind).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def rows(kind: Seen, count: int = 5, seen: int = 4) -> Tensor:
    values = torch.randn(count, seen, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return values if kind == "gaussian" else (values > 0).double()


def energy(model: BoltzmannMachine, v: Tensor, h: Tensor) -> Tensor:
    """Return E(v, h), term by term."""
    W, b, c = model.weight, model.seen_bias, model.hidden_bias
    total = torch.zeros((), dtype=torch.float64)
    for i in range(len(v)):
        total = total + ((v[i] - b[i]) ** 2 / 2 if model.kind == "gaussian" else -b[i] * v[i])
        for j in range(len(h)):
            total = total - v[i] * W[i, j] * h[j]
    return total - sum(c[j] * h[j] for j in range(len(h)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_free_energy_sums_over_every_hidden_state(kind: Seen) -> None:
    model = machine(kind)
    states = [torch.tensor(state, dtype=torch.float64) for state in product((0, 1), repeat=3)]
    for v, found in zip(rows(kind), model.free_energy(rows(kind)), strict=True):
        expected = -torch.stack([-energy(model, v, h) for h in states]).logsumexp(0)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_means_of_hidden_units_are_those_of_every_hidden_state(kind: Seen) -> None:
    model, v = machine(kind), rows(kind)[0]
    states = [torch.tensor(state, dtype=torch.float64) for state in product((0, 1), repeat=3)]
    shares = torch.stack([-energy(model, v, h) for h in states]).softmax(0)
    expected = sum(share * h for share, h in zip(shares, states, strict=True))
    torch.testing.assert_close(model.hidden(v[None])[0], expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 3])
def test_its_gradient_is_the_positive_phase_minus_the_negative_phase(kind: Seen, steps: int) -> None:
    model, v = machine(kind), rows(kind)
    sampled = model.sample(v, torch.Generator().manual_seed(2), steps=steps)
    model.contrastive_divergence(v, torch.Generator().manual_seed(2), steps=steps).backward()
    h, h_sampled = model.hidden(v), model.hidden(sampled)
    weight = torch.stack([torch.outer(v[n], h[n]) - torch.outer(sampled[n], h_sampled[n]) for n in range(5)]).mean(0)
    torch.testing.assert_close(-model.weight.grad, weight)
    torch.testing.assert_close(-model.seen_bias.grad, (v - sampled).mean(0))
    torch.testing.assert_close(-model.hidden_bias.grad, (h - h_sampled).mean(0))


def test_no_gradient_reaches_what_was_seen_and_none_flows_through_the_sample() -> None:
    seen = rows("gaussian").requires_grad_()
    machine("gaussian").contrastive_divergence(seen, torch.Generator()).backward()
    assert seen.grad is None
    assert not machine("gaussian").sample(seen, torch.Generator()).requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_generator_gives_the_same_sample(kind: Seen) -> None:
    model, v = machine(kind), rows(kind)
    one, two, other = (model.sample(v, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert kind == "gaussian" or set(one.unique().tolist()) <= {0.0, 1.0}


def test_draws_follow_their_probabilities() -> None:
    drawn = bernoulli(torch.tensor([0.0, 0.25, 1.0]).expand(20_000, 3), torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), torch.tensor([0.0, 0.25, 1.0]), atol=0.02, rtol=0)


def test_long_sampling_reaches_the_distribution_of_the_machine() -> None:
    model = machine("binary", seen=3, hidden=2)
    states = torch.tensor(list(product((0, 1), repeat=3)), dtype=torch.float64)
    expected = (-model.free_energy(states)).softmax(0)
    start = torch.zeros(20_000, 3, dtype=torch.float64)
    sampled = model.sample(start, torch.Generator().manual_seed(0), steps=50)
    counts = torch.stack([(sampled == state).all(1).double().mean() for state in states])
    torch.testing.assert_close(counts, expected.detach(), atol=0.015, rtol=0)


def test_learning_makes_what_was_seen_more_probable_than_the_rest() -> None:
    torch.manual_seed(0)
    model, generator = BoltzmannMachine(3, 4, kind="binary"), torch.Generator().manual_seed(0)
    seen = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).repeat(50, 1)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        model.contrastive_divergence(seen, generator).backward()
        optimiser.step()
    states = torch.tensor(list(product((0.0, 1.0), repeat=3)))
    shares = dict(zip(map(tuple, states.tolist()), (-model.free_energy(states)).softmax(0).tolist(), strict=True))
    assert shares[1.0, 1.0, 0.0] + shares[0.0, 0.0, 1.0] > 0.7
