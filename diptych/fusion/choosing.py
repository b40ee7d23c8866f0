"""Choose the free weight of a fusion rule on validation data."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from diptych.errors import BadFeature
from diptych.fusion import ROOM
from diptych.fusion.contract import FusionRule

GRID = tuple(step / 20 for step in range(21))
"""The weights tried: 0, .05, ..., 1."""

FusionScore = Callable[[Float[np.ndarray, "n m"], Float[np.ndarray, "m n"]], float]
"""Scores fused similarities, image to text and text to image; higher is better."""


def choose_rule(
    name: str,
    visual: Float[np.ndarray, "n m"],
    textual: Float[np.ndarray, "n m"],
    *,
    score: FusionScore,
    grid: Sequence[float] = GRID,
) -> FusionRule:
    """Return the rule of that name, with the best weight on validation items.

    `visual` and `textual` are similarities of the validation items only, with one row per image and one column per
    text; `score` evaluates each weight on both directions. Ties choose the weight nearest to 1/2. A rule without a
    weight is returned unchanged.
    """
    kind = ROOM.open(name).Rule
    if not kind.weighted:
        rule: FusionRule = kind()
        return rule
    rules = [kind(weight=weight) for weight in sorted(grid, key=lambda weight: abs(weight - 0.5))]
    scores = [score(*fuse_both(rule, visual, textual)) for rule in rules]
    if not np.isfinite(scores).all():
        raise BadFeature(
            f"fused validation similarities must have finite scores to choose a weight of {name!r}; got {scores[0]}. "
            "Check that the validation split has queries with relevant items."
        )
    best: FusionRule = rules[int(np.argmax(scores))]
    return best


def fuse_both(
    rule: FusionRule, visual: Float[np.ndarray, "n m"], textual: Float[np.ndarray, "n m"]
) -> tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "m n"]]:
    """Return the fused similarities, image to text and text to image, from matrices with one row per image."""
    return rule.fuse(visual, textual, queries="image"), rule.fuse(visual.T, textual.T, queries="text")
