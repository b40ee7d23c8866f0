"""What every fusion rule is.

A rule turns the similarities of the visual and of the textual space into one matrix. Rows are queries, columns
the gallery, in either direction. Each entry of this room defines its rule as a frozen dataclass called `Rule`.
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
    """One way to make two similarities one."""

    weighted: ClassVar[bool] = False
    """Whether it has a free weight, to be chosen on validation data."""
    monotone: ClassVar[bool]
    """Whether, for one query, an item at least as similar as another in both spaces never ranks below it."""
    needs: ClassVar[tuple[str, ...]]
    """What must be known to fuse one pair: its query's similarities with the whole `gallery`, those of all `queries`.

    A rule that needs no `queries` may fuse blocks of queries apart, and answer a single one.
    """
    wants: ClassVar[Literal["range", "moments"] | None]
    """Which statistics it serves one query by; None where an index of vectors cannot serve it."""

    @abstractmethod
    def fuse(
        self, visual: Float[np.ndarray, "q g"], textual: Float[np.ndarray, "q g"], *, queries: Modality
    ) -> Float[np.ndarray, "q g"]:
        """Return the fused similarities of queries of the named modality with a gallery of the other."""

    @abstractmethod
    def served(self, visual: Statistics, textual: Statistics) -> Served:
        """Return how an index of concatenated vectors serves one query, from statistics of each space's similarities.

        `BadSetting` says what to do instead where it cannot.
        """


@dataclass(frozen=True)
class WeightedRule(FusionRule):
    """A rule with a free weight."""

    weighted: ClassVar[bool] = True

    weight: float = 0.5
    """Weight of the visual space, from 0 to 1; the textual space has the rest."""

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise BadSetting(f"a fusion weight must lie between 0 and 1; got {self.weight}.")
