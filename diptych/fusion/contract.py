"""The interface of fusion rules.

A rule turns the similarities of the visual and of the textual space into one matrix. Rows are queries, columns
the gallery, in either direction. Each module in this folder defines its rule as a frozen dataclass called `Rule`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from diptych.errors import BadSetting
from diptych.fusion.serving import Served, Statistics
from diptych.modality import Modality


class FusionRule(ABC):
    """A rule that fuses two similarities."""

    weighted: ClassVar[bool] = False
    """Whether it has a free weight, which is chosen on validation data."""
    monotone: ClassVar[bool]
    """Whether, for one query, an item at least as similar as another in both spaces never ranks below it."""
    needs: ClassVar[tuple[str, ...]]
    """The similarities needed to fuse one pair: its query's with the whole `gallery`, or those of all `queries`.

    A rule that does not need `queries` can fuse blocks of queries separately, and a single query.
    """
    wants: ClassVar[Literal["range", "moments"] | None]
    """The statistics with which it serves one query; None if a vector index cannot serve it."""

    @abstractmethod
    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return the fused similarities of queries of one modality with a gallery of the other."""

    @abstractmethod
    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Return the rule for serving one query from an index of concatenated vectors, given statistics of each space.

        Raises `BadSetting` with an alternative if it cannot be served.
        """


@dataclass(frozen=True)
class WeightedRule(FusionRule):
    """A rule with a free weight."""

    weighted: ClassVar[bool] = True

    weight: float = 0.5
    """Weight of the visual space, from 0 to 1; the textual space has the remainder."""

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise BadSetting(f"a fusion weight must lie between 0 and 1; got {self.weight}.")
