"""The fusion in the authors' released code: a weighted product, normalised by rows of images in both directions.

W = w (m(W_V) ∘ W_T) + (1-w) (m(W_T) ∘ W_V)

where W_V, W_T have one row per image and one column per text, and m normalises each *image's* row to [0, 1]. Text to
image retrieval uses the transpose of the same W, so a text's ranking depends on all other texts: it cannot be
computed for one query alone.

Differs: the authors choose w on the test set; here a weight is chosen on validation data (`diptych.fusion.choosing`).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from diptych.errors import BadSetting
from diptych.fusion.contract import WeightedRule
from diptych.fusion.normalising import min_max
from diptych.fusion.serving import Served, Statistics
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="The weighted product of MCSM's released code",
    paper="Peng, Qi and Yuan. Modality-specific Cross-modal Similarity Measurement with Recurrent Attention Network. "
    "IEEE Transactions on Image Processing 27(11)",
    year=2018,
    needs=("gallery", "queries"),
    learns="nothing",
)


@dataclass(frozen=True)
class Rule(WeightedRule):
    """The fusion of the released code; `weight` belongs to the product with the normalised visual similarity."""

    monotone: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = CARD.needs
    wants: ClassVar[None] = None

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return w r_V s_T + (1-w) r_T s_V, r normalised for each image: by row or, for text queries, by column."""
        images = 1 if queries == "image" else 0
        by_visual = self.weight * min_max(visual, axis=images) * textual
        by_textual = (1 - self.weight) * min_max(textual, axis=images) * visual
        fused: Float[np.ndarray, "q g"] = by_visual + by_textual
        return fused

    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Raise `BadSetting`: in one direction a query's ranking depends on all other queries."""
        raise BadSetting(
            "the fusion 'released' ranks a text against all other texts, so it cannot serve a single query. "
            "Choose another fusion, such as product."
        )
