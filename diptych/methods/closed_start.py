"""Where training begins: linear maps of whole vectors, solved in closed form on the training pairs.

form          similarity of the maps, compared by cosine
random        none: weights start at random
cca           canonical correlations, each weighted by a power of itself, as in the method `cca`
categories    both modalities' ridge regressions to the categories
both          `cca` and `categories` side by side, each with its share of the squared length
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from diptych.errors import BadSetting, MissingData
from diptych.maths.correlation import canonical_correlations
from diptych.maths.regression import ridge_regression

Form = Literal["random", "cca", "categories", "both"]


@dataclass(frozen=True)
class StartConfig:
    """Where the projections of whole vectors begin."""

    form: Form = "random"
    """`random`, or a closed form: `cca`, `categories` (ridge regression to the categories), or `both` side by side. The
    parts then begin with weights of 0, so that the first similarity is the closed form's."""
    ridge: float = 0.5
    """Added to every column's variance in `cca`, as a share of the columns' mean variance."""
    category_ridge: float = 2.0
    """The same in `categories`."""
    category_share: float = 0.5
    """With `both`, the share of the categories' dimensions in the mean squared length of training vectors."""
    weighting: float = 1.0
    """Power of its correlation by which each canonical direction is multiplied."""
    scale: float = 1.0
    """Factor on the maps, random ones too; cosines do not depend on it, but a smaller one learns faster."""
    keep: bool = False
    """Keep the maps of a closed form as they are: only what parts add to them is learnt."""

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise BadSetting(f"start.scale must be above 0; got {self.scale}.")
        if not 0 < self.category_share < 1:
            raise BadSetting(f"start.category_share must lie between 0 and 1; got {self.category_share}.")
        if self.keep and self.form == "random":
            raise BadSetting("start.keep=true keeps a closed form, and start.form=random is none. Choose cca or both.")
        for name in ("ridge", "category_ridge", "weighting"):
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
        return _scaled(_correlated(config, images, texts, count=width), config.scale)
    if labels is None:
        raise MissingData(
            f"start.form={config.form} needs categories, and these pairs have none. Choose start.form=cca."
        )
    lacking = labels.shape[1] - width + (config.form == "both")
    if lacking > 0:
        raise BadSetting(
            f"start.form={config.form} needs a dimension for each category{', and more' * (config.form == 'both')}: "
            f"{labels.shape[1]} in spaces of {width}. "
            "Set wider spaces with --set visual.width=... and textual.width=..., or choose start.form=cca."
        )
    targets = labels / np.maximum(labels.sum(1, keepdims=True), 1)
    targets = targets - targets.mean(0)
    named = Maps(*(_regression(rows, targets, ridge=config.category_ridge) for rows in (images, texts)))
    if config.form == "categories":
        return _scaled(named, config.scale)
    paired = _correlated(config, images, texts, count=width - labels.shape[1])
    share = config.category_share
    beside = Maps(
        *(
            np.hstack([np.sqrt(1 - share) * _unit(rows, pair), np.sqrt(share) * _unit(rows, name)])
            for rows, pair, name in zip((images, texts), paired, named, strict=True)
        )
    )
    return _scaled(beside, config.scale)


def _scaled(maps: Maps, factor: float) -> Maps:
    return Maps(maps.image * factor, maps.text * factor)


def _correlated(
    config: StartConfig, images: Float64[np.ndarray, "n d"], texts: Float64[np.ndarray, "n e"], *, count: int
) -> Maps:
    x, y, _ = canonical_correlations(images, texts, ridge=config.ridge, count=count).weighted(config.weighting)
    return Maps(x, y)


def _unit(rows: Float64[np.ndarray, "n d"], columns: Float64[np.ndarray, "d k"]) -> Float64[np.ndarray, "d k"]:
    """Return the map scaled so that the rows have a mean squared length of 1 in it."""
    length = np.sqrt(np.square(rows @ columns).sum(1).mean())
    unit: Float64[np.ndarray, "d k"] = columns / (length if length > 0 else 1.0)
    return unit


def _regression(
    rows: Float64[np.ndarray, "n d"], targets: Float64[np.ndarray, "n c"], *, ridge: float
) -> Float64[np.ndarray, "d c"]:
    solved: Float64[np.ndarray, "d c"] = ridge_regression(
        rows.T @ rows, rows.T @ targets, ridge=ridge * len(rows) * np.square(rows).mean()
    )
    return solved
