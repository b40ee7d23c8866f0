"""Where training begins: linear maps of whole vectors, solved in closed form on the training pairs.

form          similarity of the maps, compared by cosine
random        none: weights start at random
cca           canonical correlations, each weighted by a power of itself, as in the method `cca`
categories    both modalities' ridge regressions to the categories
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from diptych.errors import BadSetting, MissingData
from diptych.maths.correlation import canonical_correlations
from diptych.maths.regression import ridge_regression

Form = Literal["random", "cca", "categories"]


@dataclass(frozen=True)
class StartConfig:
    """Where the projections of whole vectors begin."""

    form: Form = "random"
    """`random`, or a closed form: `cca`, or `categories` (ridge regression to the categories). The parts then begin
    with weights of 0, so that the first similarity is the closed form's."""
    ridge: float = 0.5
    """Added to every column's variance, as a share of the columns' mean variance."""
    weighting: float = 1.0
    """Power of its correlation by which each canonical direction is multiplied."""
    scale: float = 1.0
    """Factor on the maps; cosines do not depend on it, but a smaller one learns faster."""

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise BadSetting(f"start.scale must be above 0; got {self.scale}.")
        for name in ("ridge", "weighting"):
            if not getattr(self, name) >= 0:
                raise BadSetting(f"start.{name} must not be negative; got {getattr(self, name)}. 0 turns it off.")


class Maps(NamedTuple):
    """A linear map of each modality into the same dimensions."""

    image: Float64[np.ndarray, "d k"]
    text: Float64[np.ndarray, "e k"]


def starting_maps(
    config: StartConfig,
    images: Float64[np.ndarray, "n d"],
    texts: Float64[np.ndarray, "n e"],
    labels: Bool[np.ndarray, "n c"] | None,
    *,
    width: int,
) -> Maps | None:
    """Return the maps of centred training pairs, row by row, into at most `width` dimensions; None for `random`."""
    if config.form == "random":
        return None
    if config.form == "cca":
        x, y, _ = canonical_correlations(images, texts, ridge=config.ridge, count=width).weighted(config.weighting)
        return Maps(x * config.scale, y * config.scale)
    if labels is None:
        raise MissingData("start.form=categories needs categories, and these pairs have none. Choose start.form=cca.")
    if labels.shape[1] > width:
        raise BadSetting(
            f"start.form=categories needs a dimension for each category: {labels.shape[1]} in spaces of {width}. "
            "Set wider spaces with --set visual.width=... and textual.width=..., or choose start.form=cca."
        )
    targets = labels / np.maximum(labels.sum(1, keepdims=True), 1)
    targets = targets - targets.mean(0)
    return Maps(*(config.scale * _regression(rows, targets, ridge=config.ridge) for rows in (images, texts)))


def _regression(
    rows: Float64[np.ndarray, "n d"], targets: Float64[np.ndarray, "n c"], *, ridge: float
) -> Float64[np.ndarray, "d c"]:
    solved: Float64[np.ndarray, "d c"] = ridge_regression(
        rows.T @ rows, rows.T @ targets, ridge=ridge * len(rows) * np.square(rows).mean()
    )
    return solved
