"""LGCFL: local group based consistent feature learning.

Objective: each modality is regressed to the categories L (n, c), with whole groups of its features eliminated:

    min_U   ||X U - L||_F^2 + ridge ||U||_F^2 + penalty sum_g ||U_g||_F

where U_g are the rows of U that belong to the group g of features. The common space is that of the categories: X U and
Y V, compared by cosine. Without the penalty it is ridge regression to the categories; with groups of one feature the
penalty is ||U||_{2,1}. No pairs are needed.

Paper: Kang, Xiang, Liao, Xu & Pan, Learning Consistent Feature Representation for Cross-Modal Multimedia Retrieval,
IEEE Transactions on Multimedia 17(3):370-381, 2015.
Differs: this is our reading of the paper, whose code we do not know. Its groups are the blocks of hand-made features
such as the cells of HOG and GIST. Whole vectors of deep networks have no blocks, so a group is `group` consecutive
features, one by default: set it to a block's length where features have blocks. The ridge is ours: without it the
problem has no single solution where features outnumber pairs. Solved by reweighted least squares; maps are then scaled
so that their largest entry is 1, which cosines do not notice.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.maths.regression import group_sparse_regression, relative
from diptych.methods.categories import labels_of
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import Projections
from diptych.rooms import Card

CARD = Card(
    title="LGCFL: regression to the categories with groups of features left out",
    paper="Kang, Xiang, Liao, Xu and Pan. Learning Consistent Feature Representation for Cross-Modal Multimedia "
    "Retrieval. IEEE Transactions on Multimedia 17(3)",
    year=2015,
    needs=("categories",),
    learns="closed form",
)

__all__ = ["CARD", "LGCFL", "PRESETS", "SEARCH", "Config", "Model", "Widths"]


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of LGCFL."""

    penalty: float = 30.0
    """Weight of the group penalty; 0 is ridge regression."""
    ridge: float = 1000.0
    """Weight of the squared length of the maps."""
    group: int = 1
    """Consecutive features of a modality that are selected together; the last group may have fewer."""
    sweeps: int = 20
    """Maximum number of reweightings; stops earlier at convergence."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""

    def __post_init__(self) -> None:
        for name in ("ridge", "group", "sweeps"):
            if not getattr(self, name) > 0:
                raise BadSetting(f"{name} must be above 0; got {getattr(self, name)}. Set it with --set {name}=...")
        if self.penalty < 0:
            raise BadSetting(f"penalty must not be negative; got {self.penalty}. 0 eliminates no features.")


class LGCFL(Projections):
    """The model: scaled inputs, one map per modality to the categories."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths, dimensions=widths.classes)
        self.config = config

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "LGCFL":
        """Return the model solved on these training features."""
        text_labels = labels_of(features, wanted_by="LGCFL")
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        model.keep(
            regression(model.inputs.scaled("image", features.images), np.asarray(features.labels), config),
            regression(model.inputs.scaled("text", features.texts), text_labels, config),
        )
        return model


Model = LGCFL

PRESETS = {"default": Config()}

SEARCH = {
    "penalty": (0.0, 10.0, 30.0, 100.0),
    "ridge": (100.0, 300.0, 1000.0, 3000.0),
    "group": (1, 4, 16),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries."""


def regression(
    rows: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, "n c"], config: Config
) -> Float[np.ndarray, "d c"]:
    """Return the map of one modality from scaled rows to its categories, its largest entry 1."""
    solution = group_sparse_regression(
        rows.T @ rows,
        rows.T @ labels.astype(np.float64),
        penalty=config.penalty,
        ridge=config.ridge,
        group=config.group,
        sweeps=config.sweeps,
    )
    return relative(solution)
