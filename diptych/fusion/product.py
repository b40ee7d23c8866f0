"""The product rule of MCSM: each space's similarity, weighted by the other space's normalised one.

F(p, q) = r_T(p, q) s_V(p, q) + r_V(p, q) s_T(p, q)

where s_V, s_T are the similarities in the visual and the textual space and r_V, r_T the same, min-max normalised.
The paper says "normalised to [0, 1]" without saying over what; here it is over the gallery, for each query, so
that a query is answered without knowing the others (the rule `released` follows the authors' code instead).

The rule is not monotone: where raw similarities are negative, a larger r makes the fused similarity smaller.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from diptych.fusion.contract import FusionRule, Modality
from diptych.fusion.normalising import min_max
from diptych.rooms import Card

CARD = Card(
    title="The product rule of MCSM",
    paper="Peng, Qi and Yuan. Modality-specific Cross-modal Similarity Measurement with Recurrent Attention Network. "
    "IEEE Transactions on Image Processing 27(11)",
    year=2018,
    needs=("gallery",),
    learns="nothing",
)


@dataclass(frozen=True)
class Rule(FusionRule):
    """The adaptive fusion of the paper, without a free weight."""

    monotone: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = CARD.needs

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return r_T s_V + r_V s_T, normalised over the gallery for each query of either modality."""
        fused: Float[np.ndarray, "q g"] = min_max(textual) * visual + min_max(visual) * textual
        return fused
