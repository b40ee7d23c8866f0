"""Attention over the parts of a sequence."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from diptych.maths.dropout import Dropout

Scoring = Literal["projected", "plain", "mean"]


def softmax_over_parts(scores: Float[Tensor, "b p r"], mask: Bool[Tensor, "b p"]) -> Float[Tensor, "b p r"]:
    """Return weights a = softmax(scores) over the present parts, for each of r heads; absent parts weigh exactly 0.

    An item without parts gets zeros rather than NaN.
    """
    shifted = scores.masked_fill(~mask.unsqueeze(2), float("-inf"))
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

    With several `heads` (`projected` only) each has its own weights a^r and its own map L_r into the space:

        a^r = softmax(w_r . tanh(W_a s_j + c)),   v = b + sum_r L_r sum_j a^r_j s_j

    and the weights returned are the mean of the heads'. W_a reads the states, with `scored` rows.

    Paper: Peng, Qi & Yuan, arXiv 1708.04776, section III-A: M = tanh(W_a H), a = softmax(w_a^T M); several heads: Lin
    et al., A Structured Self-attentive Sentence Embedding, ICLR 2017.
    """

    def __init__(
        self, width: int, space: int, *, scoring: Scoring, dropout: float, heads: int = 1, scored: int = 128
    ) -> None:
        super().__init__()
        self.scoring, self.heads = scoring, heads
        self.lift = nn.Linear(width * heads, space)
        self.dropout = Dropout(dropout)
        if scoring == "projected":
            self.inner = nn.Linear(space, space) if heads == 1 else nn.Linear(width, scored)
        if scoring != "mean":
            self.score = nn.Linear(space if heads == 1 else scored, heads)

    def forward(
        self, states: Float[Tensor, "b p d"], mask: Bool[Tensor, "b p"]
    ) -> tuple[Float[Tensor, "b d_s"], Float[Tensor, "b p"]]:
        """Return the attended vectors and the weights, which sum to 1 over the present parts."""
        weights = softmax_over_parts(self._scores(states), mask)
        pooled = torch.einsum("bpr,bpd->brd", weights, states).flatten(1)
        return self.lift(pooled) * mask.any(1, keepdim=True), weights.mean(2)

    def _scores(self, states: Float[Tensor, "b p d"]) -> Float[Tensor, "b p r"]:
        if self.scoring == "mean":
            return states.new_zeros((*states.shape[:2], self.heads))
        if self.scoring == "plain":
            lifted = self.lift(states)
        elif self.heads > 1:
            lifted = self.inner(states)
        else:
            # One product W_a [L, b] of (d_s, d + 1) serves every part of the batch.
            product = self.inner.weight @ torch.cat([self.lift.weight, self.lift.bias[:, None]], dim=1)
            lifted = nn.functional.linear(states, product[:, :-1], product[:, -1] + self.inner.bias)
        scores: Tensor = self.score(self.dropout(torch.tanh(lifted)))
        return scores
