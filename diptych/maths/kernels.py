"""Kernels: inner products in implicit feature spaces, and directions spanned by anchors.

    linear        k(x, a) = <x, a> / s
    polynomial    k(x, a) = (<x, a> / s + 1)^degree       s the mean squared length of the training items
    rbf           k(x, a) = exp(-|x - a|^2 / s)           s twice the squared median distance of training items

A direction spanned by anchors a_1..a_m is w = sum_j A_j phi(a_j), and the centred score of an item is

    <w, phi(x) - mean phi> = sum_j A_j (k(x, a_j) - c_j)      c_j the mean of k(x', a_j) over the training items x'

which is exact if the anchors are all training items, and the Nystroem method if they are a subset: the same scores as
with its feature map k(x, a) G^-1/2, G = (k(a_i, a_j)).

Paper: Schoelkopf, Smola & Mueller, Neural Computation 10(5), 1998 (centring); Williams & Seeger, NIPS 2000 (Nystroem).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int
from torch import Tensor

KernelName = Literal["linear", "polynomial", "rbf"]
SEED = 0
"""Fixed seed for landmarks and the sample of the median distance, so that the kernel is deterministic."""
SAMPLE = 2000
"""Maximum number of items in the median distance."""


@dataclass(frozen=True)
class Kernel:
    """A kernel by name."""

    name: KernelName
    degree: int = 3
    """Degree of the polynomial kernel."""

    def scale(self, rows: Float64[Tensor, "n d"], *, bandwidth: float = 1.0) -> float:
        """Return s for these training items; `bandwidth` scales the median distance. It is 1 if all items are equal.

        >>> Kernel("rbf").scale(torch.tensor([[0.0], [3.0]], dtype=torch.float64))
        18.0
        """
        if self.name == "rbf":
            scale = 2 * (bandwidth * median_distance(rows)) ** 2
        else:
            scale = float(rows.square().sum(1).mean())
        return scale or 1.0

    def between(
        self, rows: Float64[Tensor, "n d"], anchors: Float64[Tensor, "m d"], *, scale: float | Float64[Tensor, ""]
    ) -> Float64[Tensor, "n m"]:
        """Return k(x, a) for every row and every anchor."""
        products = rows @ anchors.T
        if self.name == "linear":
            return products / scale
        if self.name == "polynomial":
            return (products / scale + 1) ** self.degree
        squares = rows.square().sum(1, keepdim=True) + anchors.square().sum(1) - 2 * products
        return (-squares.clamp_min(0) / scale).exp()


def median_distance(rows: Float64[Tensor, "n d"]) -> float:
    """Return the median distance between two items, over a sample of `SAMPLE` where there are more; 0 for one item.

    >>> median_distance(torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64))
    2.0
    """
    sample = rows[landmarks(len(rows), size=SAMPLE)]
    first, second = torch.triu_indices(len(sample), len(sample), offset=1)
    return float(torch.cdist(sample, sample)[first, second].quantile(0.5)) if len(first) else 0.0


def landmarks(count: int, *, size: int) -> Int[np.ndarray, " m"]:
    """Return the sorted indices of `size` of `count` items, drawn without replacement with a fixed seed."""
    positions = np.random.default_rng(SEED).choice(count, min(size, count), replace=False)
    return np.sort(positions)


class Spanned(NamedTuple):
    """The input of canonical analysis for directions spanned by anchors, by their coefficients A."""

    scores: Float64[np.ndarray, "n m"]
    """K, the centred scores of the training items: those of the directions are K A."""
    offset: Float64[np.ndarray, " m"]
    """c, the mean of every column before centring."""
    metric: Float64[np.ndarray, "m m"]
    """K'K / n + r G: A' (...) A is a direction's variance and r times its squared length."""


def spanned(kernel: Float64[np.ndarray, "n m"], gram: Float64[np.ndarray, "m m"], *, regularisation: float) -> Spanned:
    """Return the centred scores of the anchors' kernel with the training items, and the regularised metric.

    Regularisation is relative to v, the mean eigenvalue of the centred kernel matrix of all n items: r = regularisation
    v / n. The anchors stand for all items where it is estimated, v = mean of G's diagonal - mean of G.
    """
    offset = kernel.mean(0)
    scores = kernel - offset
    mean_eigenvalue = np.diag(gram).mean() - gram.mean()
    ridge = regularisation * mean_eigenvalue / len(kernel)
    return Spanned(scores, offset, scores.T @ scores / len(kernel) + ridge * gram)
