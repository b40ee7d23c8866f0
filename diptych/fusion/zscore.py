"""A weighted sum of z-scores of similarities.

F = w z_V + (1-w) z_T,  z = (s - mean s) / σ over the gallery, for each query

If similarities are inner products with the gallery's vectors b, their mean and deviation do not require a pass over
the gallery: mean s = ⟨a, mean b⟩ and σ² = aᵀ Cov(b) a, and both can be updated incrementally as items arrive.
`diptych.search.moments` implements this for searches.
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
        """Serve F with G = w s_V / σ_V + (1-w) s_T / σ_T, which differs from F by a constant."""
        return ServedSum.of(self.weight, (visual.mean, textual.mean), (visual.deviation, textual.deviation))
