"""Restricted Boltzmann machines: free energy, sampling and contrastive divergence.

    p(v, h) ∝ exp(-E(v, h)),    E(v, h) = -v'W h - c'h - b'v             binary visible units
                                E(v, h) = -v'W h - c'h + ½ ||v - b||²    real visible units (`gaussian`)

with binary hidden units h.

Paper: Smolensky 1986; Hinton, Training Products of Experts by Minimizing Contrastive Divergence, Neural
Computation 14(8):1771-1800, 2002.
"""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from diptych.maths.sharing import WHOLE, Share, SharesRows

Seen = Literal["binary", "gaussian"]

INITIAL_DEVIATION = 0.01
"""Standard deviation of the initial weights, as in Hinton's practical guide (2010)."""


def bernoulli(
    probabilities: Float[Tensor, "b *any"], generator: torch.Generator, share: Share = WHOLE
) -> Float[Tensor, "b *any"]:
    """Return a 1 with each probability and a 0 otherwise, drawn from `generator` on any device."""
    noise = _drawn(torch.rand, probabilities, generator, share)
    return (noise < probabilities).to(probabilities.dtype)


def _drawn(
    draw: Callable[..., Tensor], like: Float[Tensor, "b *any"], generator: torch.Generator, share: Share
) -> Float[Tensor, "b *any"]:
    """Draw noise for the whole batch and return that of the rows of `like`, which are a share of it."""
    rows = share.rows(len(like))
    return draw((rows, *like.shape[1:]), generator=generator)[share.own(rows)].to(like.device)


class BoltzmannMachine(SharesRows, nn.Module):
    """A restricted Boltzmann machine between `seen` visible units and `hidden` binary units."""

    def __init__(self, seen: int, hidden: int, *, kind: Seen) -> None:
        super().__init__()
        self.kind = kind
        self.weight = nn.Parameter(INITIAL_DEVIATION * torch.randn(seen, hidden))
        self.seen_bias = nn.Parameter(torch.zeros(seen))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))

    def free_energy(self, seen: Float[Tensor, "b v"]) -> Float[Tensor, " b"]:
        """Return F(v) = -log sum_h exp(-E(v, h)):

        F(v) = S(v) - sum_j log(1 + exp(c_j + (v'W)_j)),    S(v) = -b'v (binary) or ½ ||v - b||² (gaussian)
        """
        own = (seen - self.seen_bias).square().sum(1) / 2 if self.kind == "gaussian" else -(seen @ self.seen_bias)
        return own - softplus(seen @ self.weight + self.hidden_bias).sum(1)

    def hidden(self, seen: Float[Tensor, "b v"]) -> Float[Tensor, "b h"]:
        """Return the probability of each hidden unit: σ(v'W + c)."""
        return torch.sigmoid(seen @ self.weight + self.hidden_bias)

    def seen(self, hidden: Float[Tensor, "b h"]) -> Float[Tensor, "b v"]:
        """Return the mean of each visible unit: σ(W h + b) for binary units, W h + b for real ones."""
        mean = hidden @ self.weight.T + self.seen_bias
        return mean if self.kind == "gaussian" else torch.sigmoid(mean)

    @torch.no_grad()
    def sample(self, seen: Float[Tensor, "b v"], generator: torch.Generator, *, steps: int = 1) -> Float[Tensor, "b v"]:
        """Return the visible units after `steps` steps of Gibbs sampling; no gradient flows through it."""
        for _ in range(steps):
            mean = self.seen(bernoulli(self.hidden(seen), generator, self.share))
            if self.kind == "gaussian":
                seen = mean + _drawn(torch.randn, mean, generator, self.share)
            else:
                seen = bernoulli(mean, generator, self.share)
        return seen

    def contrastive_divergence(
        self, seen: Float[Tensor, "b v"], generator: torch.Generator, *, steps: int = 1
    ) -> Float[Tensor, ""]:
        """Return the mean of F(v) - F(v~), v~ a Gibbs sample started from v; its gradient is the CD-k rule:

            -dW = <v h'> - <v~ h~'>    -db = <v> - <v~>    -dc = <h> - <h~>,    h = σ(v'W + c)

        Its value is not a likelihood and may have either sign. No gradient flows to the inputs of `seen`.
        """
        seen = seen.detach()
        return (self.free_energy(seen) - self.free_energy(self.sample(seen, generator, steps=steps))).mean()
