"""Attribution of a score to the parts of a sequence: three methods that need only the score function.

With parts x_1..x_p, a baseline b (by default zero, the training mean of standardised parts) and a score s,

    gradient      <x_j - b_j, ds/dx_j at x>
    integrated    <x_j - b_j, mean over t in (0, 1) of ds/dx_j at b + t (x - b)>
    occlusion     s(x) - s(x with part j replaced by b_j)

For a score that is linear in its parts, all three agree. Integrated gradients sum to s(x) - s(b), up to the error
of the midpoint rule that averages over t.

Paper: Sundararajan, Taly & Yan, Axiomatic Attribution for Deep Networks, ICML 2017; Zeiler & Fergus, Visualizing
and Understanding Convolutional Networks, ECCV 2014.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from diptych.errors import BadSetting, ShapeMismatch

PartScore = Callable[[Float[Tensor, "b p d"]], Float[Tensor, " b"]]
"""Returns a score for each sequence of p parts."""
Way = Callable[[PartScore, Float[Tensor, "p d"]], Float32[np.ndarray, " p"]]
"""Attributes a score to the parts of a sequence."""

STEPS = 64
"""Default number of points on the path of integrated gradients."""
TOGETHER = 64
"""Default number of sequences scored in one batch."""


def ways(*, together: int = TOGETHER) -> Mapping[str, Way]:
    """Return the three ways by name, with so many sequences scored in one batch."""
    return {
        "gradient": gradient,
        "integrated": partial(integrated, together=together),
        "occlusion": partial(occlusion, together=together),
    }


def gradient(
    score: PartScore, parts: Float[Tensor, "p d"], baseline: Float[Tensor, "q d"] | None = None
) -> Float32[np.ndarray, " p"]:
    """Return the inner product of each part's difference from the baseline with the score's gradient."""
    start = _baseline(parts, baseline)
    return _summed((parts - start) * _gradients(score, parts[None])[0])


def integrated(
    score: PartScore,
    parts: Float[Tensor, "p d"],
    baseline: Float[Tensor, "q d"] | None = None,
    *,
    steps: int = STEPS,
    together: int = TOGETHER,
) -> Float32[np.ndarray, " p"]:
    """Return each part's share of the difference between the score of the parts and that of the baseline."""
    if steps < 1:
        raise BadSetting(f"integrated gradients need at least 1 step; got {steps}.")
    start = _baseline(parts, baseline)
    total = torch.zeros_like(parts)
    points = (torch.arange(steps, device=parts.device, dtype=parts.dtype) + 0.5) / steps
    for first in range(0, steps, together):
        path = start + points[first : first + together, None, None] * (parts - start)
        total += _gradients(score, path).sum(0)
    return _summed((parts - start) * total / steps)


def occlusion(
    score: PartScore,
    parts: Float[Tensor, "p d"],
    baseline: Float[Tensor, "q d"] | None = None,
    *,
    together: int = TOGETHER,
) -> Float32[np.ndarray, " p"]:
    """Return how much the score drops when each part alone is replaced by the baseline."""
    start = _baseline(parts, baseline)
    drops = []
    with torch.no_grad():
        whole = score(parts[None])
        for first in range(0, len(parts), together):
            rows = torch.arange(first, min(first + together, len(parts)), device=parts.device)
            without = parts.repeat(len(rows), 1, 1)
            without[torch.arange(len(rows), device=parts.device), rows] = start[rows]
            drops.append(whole - score(without))
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
    """Return the gradient of each sequence's own score: zero for a piecewise constant score, such as votes."""
    with torch.enable_grad():
        leaves = sequences.detach().clone().requires_grad_()
        total = score(leaves).sum()
        if not total.requires_grad:
            return torch.zeros_like(sequences)
        (gradients,) = torch.autograd.grad(total, leaves)
    return gradients


def _summed(products: Float[Tensor, "p d"]) -> Float32[np.ndarray, " p"]:
    return products.sum(1).detach().float().cpu().numpy()
