"""The product rule of MCSM: each space's similarity, weighted by the other space's normalised one.

F(p, q) = r_T(p, q) s_V(p, q) + r_V(p, q) s_T(p, q)

where s_V, s_T are the similarities in the visual and the textual space and r_V, r_T the same, min-max normalised.
The paper says "normalised to [0, 1]" but not over which items; here it is over the gallery, for each query, so that
a query does not depend on the others (the rule `released` follows the authors' code instead).

The rule is not monotone: where raw similarities are negative, a larger r makes the fused similarity smaller.
"""

import math
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Float64

from diptych.fusion.contract import FusionRule
from diptych.fusion.normalising import min_max
from diptych.fusion.serving import ROUNDING, Served, Statistics, normalised
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="The product rule of MCSM",
    paper="Peng, Qi and Yuan. Modality-specific Cross-modal Similarity Measurement with Recurrent Attention Network. "
    "IEEE Transactions on Image Processing 27(11)",
    year=2018,
    needs=("gallery",),
    learns="nothing",
)

LEAST = 1e-3
"""The minimum weight of a space in G, relative to the range of the other space's similarities."""


@dataclass(frozen=True)
class Rule(FusionRule):
    """The adaptive fusion of the paper, without a free weight."""

    monotone: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = CARD.needs
    wants: ClassVar[Literal["range"]] = "range"

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return r_T s_V + r_V s_T, normalised over the gallery for each query of either modality."""
        fused: Float[np.ndarray, "q g"] = min_max(textual) * visual + min_max(visual) * textual
        return fused

    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Serve F as a product of shifted similarities, bounded over the gallery's range."""
        slopes = [1 / (space.high - space.low) if space.high > space.low else 0.0 for space in (visual, textual)]
        gamma = sum(slopes)
        factors = [
            Factor(space.low, space.high, slope * space.low / gamma if gamma else 0.0)
            for space, slope in zip((visual, textual), slopes, strict=True)
        ]
        return ServedProduct.of(gamma, factors[0], factors[1])


@dataclass(frozen=True)
class Factor:
    """One space's similarities s, shifted by a constant: X = s - c."""

    low: float
    """The smallest s in the gallery."""
    high: float
    """The largest s in the gallery."""
    move: float
    """The constant c."""

    @property
    def ends(self) -> tuple[float, float]:
        """Return the smallest and the largest X."""
        return self.low - self.move, self.high - self.move

    @property
    def size(self) -> float:
        """Return an upper bound of |X| and of the values it is computed from."""
        return max(abs(self.low), abs(self.high)) + abs(self.move)

    def mirrored(self, weight: float) -> tuple[float, float]:
        """Return the ends of X, or of -X if the weight is negative."""
        low, high = self.ends
        return (low, high) if weight >= 0 else (-high, -low)


@dataclass(frozen=True)
class ServedProduct(Served):
    """The fused similarity as a product of two factors.

    F = γ (X Y - c_V c_T),  X = s_V - c_V,  Y = s_T - c_T

    with γ = α_V + α_T, c_V = α_V m_V / γ, c_T = α_T m_T / γ; m is the least similarity and α = 1 / (max s - min s).
    The gallery's (X, Y) lie in a box whose ends are known. G is the tangent to F at the corner where F is largest, so
    that for positive factors it bounds F as the arithmetic mean bounds the geometric one.
    """

    gamma: float
    factors: tuple[Factor, Factor]

    @classmethod
    def of(cls, gamma: float, visual: Factor, textual: Factor) -> "ServedProduct":
        """Serve F with the tangent at the best corner.

        A space with equal similarities has no weight. Any other weight that would vanish is replaced by a small one
        that points out of the box.
        """
        x, y = max(product(visual.ends[::-1], textual.ends[::-1]), key=lambda corner: corner[0] * corner[1])
        return cls(
            _weight(gamma * y, visual, outward=x == visual.ends[1], least=gamma * LEAST * (textual.high - textual.low)),
            _weight(gamma * x, textual, outward=y == textual.ends[1], least=gamma * LEAST * (visual.high - visual.low)),
            gamma,
            (visual, textual),
        )

    def score(self, visual: Float[np.ndarray, " n"], textual: Float[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Return r_T s_V + r_V s_T."""
        by_visual, by_textual = (
            normalised(similarity, origin=factor.low, unit=factor.high - factor.low)
            for similarity, factor in zip((visual, textual), self.factors, strict=True)
        )
        by_textual *= visual
        by_textual += by_visual * textual
        return by_textual

    def bound(self, nearness: float) -> float:
        """Return the largest F in the part of the box with this G or less.

        In -X for X where v is negative, likewise in Y, that part lies below a falling line. X Y has no maximum inside:
        the largest is at a corner, or on the line, at one of its ends or halfway between the axes.
        """
        (visual, textual), v, t = self.factors, abs(self.visual), abs(self.textual)
        (left, right), (bottom, top) = visual.mirrored(self.visual), textual.mirrored(self.textual)
        room = nearness - self.visual * visual.move - self.textual * textual.move
        room += ROUNDING * (abs(nearness) + v * visual.size + t * textual.size)
        furthest = _within((room - t * bottom) / v, left, right) if v else right
        line = (room / (2 * v), (room - t * top) / v) if v else ()
        xs = [left, furthest, *(_within(x, left, furthest) for x in line)]
        corners = [(x, y) for x in xs for y in (bottom, _within((room - v * x) / t, bottom, top) if t else top)]
        sign = math.copysign(1, self.visual) * math.copysign(1, self.textual)
        largest = max(sign * x * y for x, y in corners) + ROUNDING * visual.size * textual.size
        return self.gamma * (largest - visual.move * textual.move)

    def slack(self, visual: float, textual: float) -> float:
        """Return γ (max |Y| e_V + max |X| e_T + e_V e_T)."""
        x, y = (max(map(abs, factor.ends)) for factor in self.factors)
        return self.gamma * (y * visual + x * textual + visual * textual)


def _weight(slope: float, factor: Factor, *, outward: bool, least: float) -> float:
    if factor.low == factor.high:
        return 0.0
    return math.copysign(max(abs(slope), least), 1 if outward else -1)


def _within(number: float, low: float, high: float) -> float:
    return min(max(number, low), high)
