"""Reciprocal rank fusion: a sum over ranks instead of similarities, so that their scales do not matter.

F = 1 / (60 + rank_V) + 1 / (60 + rank_T)

Ranks count from 1; ties share the best of their ranks.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from diptych.errors import BadSetting
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served, Statistics
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="Reciprocal rank fusion",
    paper="Cormack, Clarke and Buettcher. Reciprocal Rank Fusion outperforms Condorcet and Individual Rank Learning "
    "Methods. SIGIR",
    year=2009,
    needs=("gallery",),
    learns="nothing",
)

SMOOTHING = 60
"""Smoothing of the top ranks; the value in the paper."""


@dataclass(frozen=True)
class Rule(FusionRule):
    """The sum of reciprocal ranks."""

    monotone: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = CARD.needs
    wants: ClassVar[None] = None

    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return 1 / (60 + rank_V) + 1 / (60 + rank_T), ranked over the gallery for each query of either modality."""
        return 1 / (SMOOTHING + ranks(visual)) + 1 / (SMOOTHING + ranks(textual))

    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Raise `BadSetting`: a rank is known only after every item is scored."""
        raise BadSetting(
            "the fusion 'rrf' adds up ranks, which a vector index does not know. Scan the collection exactly, or "
            "choose another fusion, such as linear."
        )


def ranks(similarity: Float[np.ndarray, "q g"]) -> Int[np.ndarray, "q g"]:
    """Return each item's rank for each query: one plus the number of strictly more similar items.

    >>> ranks(np.array([[0.5, 0.9, 0.5, 0.1]])).tolist()
    [[2, 1, 2, 4]]
    """
    order = np.argsort(-similarity, axis=1)
    ranked = np.take_along_axis(similarity, order, axis=1)
    places = np.tile(np.arange(1, similarity.shape[1] + 1), (len(similarity), 1))
    places[:, 1:][ranked[:, 1:] == ranked[:, :-1]] = 0
    shared = np.empty_like(places)
    np.put_along_axis(shared, order, np.maximum.accumulate(places, axis=1), axis=1)
    return shared
