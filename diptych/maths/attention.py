"""Attention over the parts of a sequence."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from diptych.maths.dropout import Dropout

Scoring = Literal["projected", "plain", "mean"]


def softmax_over_parts(scores: Float[Tensor, "b p"], mask: Bool[Tensor, "b p"]) -> Float[Tensor, "b p"]:
    """Return weights a = softmax(scores) over the present parts; absent parts weigh exactly 0.

    An item without parts gets zeros rather than NaN.
    """
    shifted = scores.masked_fill(~mask, float("-inf"))
    top = shifted.amax(1, keepdim=True).clamp_min(torch.finfo(scores.dtype).min)
    exponents = torch.exp(shifted - top)
    return exponents / exponents.sum(1, keepdim=True).clamp_min(torch.finfo(scores.dtype).tiny)


class ProjectedAttention(nn.Module):
    """Lift states into the space, weight them and sum:

        h_j = L s_j + b                     (p states of width d to p vectors of width d_s)
        a   = softmax(w . tanh(W_a h_j + c))    `projected`
        a   = softmax(w . tanh(h_j))            `plain`
        a   = 1 / (number of present parts)     `mean`
        v   = sum_j a_j h_j

    An item without parts gets v = 0. Since h_j is affine in s_j, W_a h_j = (W_a L) s_j + W_a b and
    v = L (sum_j a_j s_j) + b: the wide h_j are never formed for `projected` and `mean`. That is exact and, for 40
    pictures of 49 regions, d = 512 and d_s = 4096, a third of the operations of the literal order.

    Paper: Peng, Qi & Yuan, arXiv 1708.04776, section III-A: M = tanh(W_a H), a = softmax(w_a^T M).
    """

    def __init__(self, width: int, space: int, *, scoring: Scoring, dropout: float) -> None:
        super().__init__()
        self.scoring = scoring
        self.lift = nn.Linear(width, space)
        self.dropout = Dropout(dropout)
        if scoring == "projected":
            self.inner = nn.Linear(space, space)
        if scoring != "mean":
            self.score = nn.Linear(space, 1)

    def forward(
        self, states: Float[Tensor, "b p d"], mask: Bool[Tensor, "b p"]
    ) -> tuple[Float[Tensor, "b d_s"], Float[Tensor, "b p"]]:
        """Return the attended vectors and the weights, which sum to 1 over the present parts."""
        weights = softmax_over_parts(self._scores(states), mask)
        pooled = torch.einsum("bp,bpd->bd", weights, states)
        return self.lift(pooled) * mask.any(1, keepdim=True), weights

    def _scores(self, states: Float[Tensor, "b p d"]) -> Float[Tensor, "b p"]:
        if self.scoring == "mean":
            return states.new_zeros(states.shape[:2])
        if self.scoring == "plain":
            lifted = self.lift(states)
        else:
            # One product W_a [L, b] of (d_s, d + 1) serves every part of the batch.
            product = self.inner.weight @ torch.column_stack([self.lift.weight, self.lift.bias])
            lifted = nn.functional.linear(states, product[:, :-1], product[:, -1] + self.inner.bias)
        scores: Tensor = self.score(self.dropout(torch.tanh(lifted)))
        return scores.squeeze(2)
