"""A weighted sum of similarities counted in standard deviations.

F = w z_V + (1-w) z_T,  z = (s - mean s) / σ over the gallery, for each query

Where similarities are inner products with the gallery's vectors b, their mean and deviation follow without the
gallery: mean s = ⟨a, mean b⟩ and σ² = aᵀ Cov(b) a, and both can be kept up to date as items arrive. How a search does
that is in `diptych.search.moments`.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from diptych.fusion.contract import WeightedRule
from diptych.fusion.normalising import z_score
from diptych.fusion.serving import Served, ServedSum, Statistics
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="A weighted sum of standard scores",
    paper="Montague and Aslam. Relevance Score Normalization for Metasearch. CIKM",
    year=2001,
    needs=("gallery",),
    learns="nothing",
)


@dataclass(frozen=True)
class Rule(WeightedRule):
    """The weighted sum of z-scores."""

    monotone: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = CARD.needs
    wants: ClassVar[Literal["moments"]] = "moments"

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return w z_V + (1-w) z_T, normalised over the gallery for each query of either modality."""
        return self.weight * z_score(visual) + (1 - self.weight) * z_score(textual)

    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Return the service of F by G = w s_V / σ_V + (1-w) s_T / σ_T, which differ by a constant."""
        return ServedSum.of(self.weight, (visual.mean, textual.mean), (visual.deviation, textual.deviation))
