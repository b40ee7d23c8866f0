"""Serve a fused similarity from an index of inner products.

An item is stored once, as the concatenation of its vectors in both spaces: [b_V ; b_T]. For one query, with a_V and
a_T, the index can rank items by

G = v s_V + t s_T = ⟨[v a_V ; t a_T], [b_V ; b_T]⟩

for any weights v and t. A rule chooses the weights that suit its fused similarity F, and bounds F by G: a scan by
descending G can stop when the k-th best F so far exceeds the bound at the last G, because no later item can exceed it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import nan

import numpy as np
from jaxtyping import Float, Float64

ROUNDING = 1e-12
"""Tolerance of a bound for rounding, relative to the values in it."""


@dataclass(frozen=True)
class Statistics:
    """Statistics of one query's similarities with the whole gallery in one space.

    Values that a rule does not need may be NaN.
    """

    low: float = nan
    high: float = nan
    mean: float = nan
    deviation: float = nan
    """The standard deviation σ, σ² = mean (s - mean s)²."""

    @classmethod
    def of(cls, similarities: Float[np.ndarray, " g"]) -> "Statistics":
        """Return all statistics of a list of similarities; zeros for an empty one.

        >>> Statistics.of(np.array([0.0, 1.0, 2.0, 1.0]))
        Statistics(low=0.0, high=2.0, mean=1.0, deviation=0.7071067811865476)
        """
        if not similarities.size:
            return cls(0.0, 0.0, 0.0, 0.0)
        similarities = similarities.astype(np.float64)
        low, high = float(similarities.min()), float(similarities.max())
        deviation = float(similarities.std()) if high > low else 0.0
        return cls(low, high, float(similarities.mean()), deviation)


@dataclass(frozen=True)
class Served(ABC):
    """How an index serves one query under a rule."""

    visual: float
    """Weight v of the visual space in G."""
    textual: float
    """Weight t of the textual space in G. If both weights are 0, all items in the gallery have the same F."""

    @abstractmethod
    def score(self, visual: Float[np.ndarray, " n"], textual: Float[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Return the fused similarity F of items with these similarities, as the rule fuses the whole gallery."""

    @abstractmethod
    def bound(self, nearness: float) -> float:
        """Return an upper bound of F for all gallery items with this G or less; non-decreasing in G."""

    @abstractmethod
    def slack(self, visual: float, textual: float) -> float:
        """Return the maximum change of F for changes of the similarities of at most this much."""


@dataclass(frozen=True)
class ServedSum(Served):
    """A weighted sum F = w (s_V - o_V) / u_V + (1-w) (s_T - o_T) / u_T, equal to G up to a constant."""

    weight: float
    origins: tuple[float, float]
    units: tuple[float, float]
    """A space with unit 0 contributes nothing."""

    @classmethod
    def of(cls, weight: float, origins: tuple[float, float], units: tuple[float, float]) -> "ServedSum":
        """Serve the sum with v = w / u_V, t = (1-w) / u_T."""
        visual, textual = (
            part / unit if unit > 0 else 0.0 for part, unit in zip((weight, 1 - weight), units, strict=True)
        )
        return cls(visual, textual, weight, origins, units)

    def normalised(
        self, visual: Float[np.ndarray, " n"], textual: Float[np.ndarray, " n"]
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """Return each space's normalised similarities, before weighting."""
        return (
            normalised(visual, origin=self.origins[0], unit=self.units[0]),
            normalised(textual, origin=self.origins[1], unit=self.units[1]),
        )

    def score(self, visual: Float[np.ndarray, " n"], textual: Float[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Return the weighted sum."""
        by_visual, by_textual = self.normalised(visual, textual)
        return self.weight * by_visual + (1 - self.weight) * by_textual

    def bound(self, nearness: float) -> float:
        """Return G minus its constant part, plus a tolerance for rounding."""
        parts = self.visual * self.origins[0], self.textual * self.origins[1]
        return nearness - sum(parts) + ROUNDING * (1 + abs(nearness) + abs(parts[0]) + abs(parts[1]))

    def slack(self, visual: float, textual: float) -> float:
        """Return v e_V + t e_T."""
        return self.visual * visual + self.textual * textual


def normalised(similarity: Float[np.ndarray, " n"], *, origin: float, unit: float) -> Float64[np.ndarray, " n"]:
    """Return (s - origin) / unit, 0 if the unit is 0."""
    away = np.subtract(similarity, origin, dtype=np.float64)
    return np.divide(away, unit, out=away) if unit > 0 else np.zeros_like(away)
