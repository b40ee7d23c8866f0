"""A weighted geometric mean of normalised similarities.

F = r_V^w r_T^(1-w),  r = (s - min s) / (max s - min s) over the gallery, for each query

An item must be similar in both spaces: the least similar one of either space gets 0, however similar it is in the
other. For the same reason a space that says nothing (all its similarities equal) sets the whole query to 0,
unless its weight is 0. At w = 1/2 the order is that of the product r_V r_T, which unlike the rule `product` is
monotone.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from diptych.fusion.contract import Modality, WeightedRule
from diptych.fusion.normalising import min_max
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

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return r_V^w r_T^(1-w), normalised over the gallery for each query of either modality."""
        return min_max(visual) ** self.weight * min_max(textual) ** (1 - self.weight)
