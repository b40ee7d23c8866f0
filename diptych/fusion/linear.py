"""A weighted sum of normalised similarities.

F = w r_V + (1-w) r_T,  r = (s - min s) / (max s - min s) over the gallery, for each query

For one query F is an inner product up to a constant: ⟨[w α_V a_V ; (1-w) α_T a_T], [b_V ; b_T]⟩ with
α = 1 / (max s - min s), so an index of concatenated vectors serves it exactly.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from diptych.fusion.contract import WeightedRule
from diptych.fusion.normalising import min_max
from diptych.fusion.serving import Served, ServedSum, Statistics
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="A weighted sum of similarities normalised by their range",
    paper="Fox and Shaw. Combination of Multiple Searches. TREC-2",
    year=1994,
    needs=("gallery",),
    learns="nothing",
)


@dataclass(frozen=True)
class Rule(WeightedRule):
    """The weighted sum of range-normalised similarities."""

    monotone: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = CARD.needs
    wants: ClassVar[Literal["range"]] = "range"

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return w r_V + (1-w) r_T, normalised over the gallery for each query of either modality."""
        return self.weight * min_max(visual) + (1 - self.weight) * min_max(textual)

    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Serve F with G = w α_V s_V + (1-w) α_T s_T, which differs from F by a constant."""
        units = visual.high - visual.low, textual.high - textual.low
        return ServedSum.of(self.weight, (visual.low, textual.low), units)
