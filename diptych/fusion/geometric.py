"""A weighted geometric mean of normalised similarities.

F = r_V^w r_T^(1-w),  r = (s - min s) / (max s - min s) over the gallery, for each query

An item must be similar in both spaces: the least similar item in either space gets 0, however similar it is in the
other. For the same reason an uninformative space (all its similarities equal) sets the whole query to 0, unless its
weight is 0. At w = 1/2 the order is that of the product r_V r_T, which unlike the rule `product` is
monotone.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Float64

from diptych.fusion.contract import WeightedRule
from diptych.fusion.normalising import min_max
from diptych.fusion.serving import Served, ServedSum, Statistics
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="A weighted geometric mean of similarities normalised by their range",
    needs=("gallery",),
    learns="nothing",
)


@dataclass(frozen=True)
class Rule(WeightedRule):
    """The weighted geometric mean of range-normalised similarities."""

    monotone: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = CARD.needs
    wants: ClassVar[Literal["range"]] = "range"

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return r_V^w r_T^(1-w), normalised over the gallery for each query of either modality."""
        return min_max(visual) ** self.weight * min_max(textual) ** (1 - self.weight)

    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Serve F with the weighted sum, which is an upper bound of the weighted geometric mean.

        r_V^w r_T^(1-w) ≤ w r_V + (1-w) r_T
        """
        units = visual.high - visual.low, textual.high - textual.low
        total = ServedSum.of(self.weight, (visual.low, textual.low), units)
        silent = (units[0] <= 0 and self.weight > 0) or (units[1] <= 0 and self.weight < 1)
        shares = (0.0, 0.0) if silent else (total.visual, total.textual)
        return ServedMean(*shares, total)


@dataclass(frozen=True)
class ServedMean(Served):
    """The weighted geometric mean, bounded by the weighted sum."""

    total: ServedSum

    def score(self, visual: Float[np.ndarray, " n"], textual: Float[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Return the mean; similarities are clipped to the gallery's range."""
        by_visual, by_textual = (np.clip(part, 0, 1) for part in self.total.normalised(visual, textual))
        fused: Float64[np.ndarray, " n"] = by_visual**self.total.weight * by_textual ** (1 - self.total.weight)
        return fused

    def bound(self, nearness: float) -> float:
        """Return the weighted sum for this G, but at least 0."""
        return max(self.total.bound(nearness), 0.0)

    def slack(self, visual: float, textual: float) -> float:
        """Return max (α_V e_V)^w, (α_T e_T)^(1-w): the mean changes fastest where one space's similarity is lowest."""
        weights = self.total.weight, 1 - self.total.weight
        changes = (
            min(error / unit, 1.0) ** weight
            for error, unit, weight in zip((visual, textual), self.total.units, weights, strict=True)
            if unit > 0 and weight > 0
        )
        return max(changes, default=0.0)
