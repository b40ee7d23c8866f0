"""How far each part of a sequence moved a score: three ways that need nothing but the score itself.

With parts x_1..x_p, a baseline b (by default zero, the training mean of standardised parts) and a score s,

    gradient      <x_j - b_j, ds/dx_j at x>
    integrated    <x_j - b_j, mean over t in (0, 1) of ds/dx_j at b + t (x - b)>
    occlusion     s(x) - s(x with part j replaced by b_j)

For a score that is linear in its parts the three are one. The integrated ones sum to s(x) - s(b), up to the error
of the midpoint rule that takes the mean over t.

Paper: Sundararajan, Taly & Yan, Axiomatic Attribution for Deep Networks, ICML 2017; Zeiler & Fergus, Visualizing
and Understanding Convolutional Networks, ECCV 2014.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from diptych.errors import BadSetting, ShapeMismatch

PartScore = Callable[[Float[Tensor, "b p d"]], Float[Tensor, " b"]]
"""Returns one score for each of some sequences of p parts."""

STEPS = 64
"""Points of the path at which integrated gradients look, by default."""
TOGETHER = 64
"""So many sequences are scored at once."""


def gradient(
    score: PartScore, parts: Float[Tensor, "p d"], baseline: Float[Tensor, "q d"] | None = None
) -> Float32[np.ndarray, " p"]:
    """Return each part's distance from the baseline times the score's gradient there."""
    start = _baseline(parts, baseline)
    return _summed((parts - start) * _gradients(score, parts[None])[0])


def integrated(
    score: PartScore, parts: Float[Tensor, "p d"], baseline: Float[Tensor, "q d"] | None = None, *, steps: int = STEPS
) -> Float32[np.ndarray, " p"]:
    """Return each part's share of the way from the baseline's score to the score of the parts."""
    if steps < 1:
        raise BadSetting(f"integrated gradients need at least 1 step; got {steps}.")
    start = _baseline(parts, baseline)
    total = torch.zeros_like(parts)
    points = (torch.arange(steps, device=parts.device, dtype=parts.dtype) + 0.5) / steps
    for first in range(0, steps, TOGETHER):
        path = start + points[first : first + TOGETHER, None, None] * (parts - start)
        total += _gradients(score, path).sum(0)
    return _summed((parts - start) * total / steps)


def occlusion(
    score: PartScore, parts: Float[Tensor, "p d"], baseline: Float[Tensor, "q d"] | None = None
) -> Float32[np.ndarray, " p"]:
    """Return how far the score falls when each part by itself gives way to the baseline."""
    start = _baseline(parts, baseline)
    drops = []
    with torch.no_grad():
        for first in range(0, len(parts), TOGETHER):
            rows = torch.arange(first, min(first + TOGETHER, len(parts)), device=parts.device)
            without = parts.repeat(len(rows), 1, 1)
            without[torch.arange(len(rows), device=parts.device), rows] = start[rows]
            drops.append(score(parts[None]) - score(without))
    return torch.cat(drops).float().cpu().numpy() if drops else np.zeros(0, dtype=np.float32)


def _baseline(parts: Float[Tensor, "p d"], baseline: Float[Tensor, "q d"] | None) -> Float[Tensor, "p d"]:
    if baseline is None:
        return torch.zeros_like(parts)
    if baseline.shape != parts.shape:
        raise ShapeMismatch(
            f"a baseline must have the shape of the parts, {tuple(parts.shape)}; got {tuple(baseline.shape)}."
        )
    return baseline


def _gradients(score: PartScore, sequences: Float[Tensor, "b p d"]) -> Float[Tensor, "b p d"]:
    """Return each sequence's gradient of its own score: zero where a score moves by leaps alone, as votes do."""
    with torch.enable_grad():
        leaves = sequences.detach().clone().requires_grad_()
        total = score(leaves).sum()
        if not total.requires_grad:
            return torch.zeros_like(sequences)
        (gradients,) = torch.autograd.grad(total, leaves)
    return gradients


def _summed(products: Float[Tensor, "p d"]) -> Float32[np.ndarray, " p"]:
    return products.sum(1).detach().float().cpu().numpy()
