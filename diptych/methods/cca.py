"""CCA: canonical correlation analysis, the linear maps with the largest correlation of pictures and texts.

Objective: with X the pictures' and Y the texts' features, row by row and centred,

    max tr(A' S_xy B)   subject to   A' (S_xx + r I) A = B' (S_yy + s I) B = I

where S_xy = X'Y / n, S_xx = X'X / n, S_yy = Y'Y / n, and r, s are `ridge` times the mean variance of X's and Y's
columns. The embeddings x A of pictures and y B of texts are compared by cosine.

Paper: Hotelling, Relations Between Two Sets of Variates, Biometrika 28, 1936; Rasiwasia et al., A New Approach to
Cross-Modal Multimedia Retrieval, ACM Multimedia 2010 (for pictures and texts); Vinod, Canonical Ridge and Econometrics
of Joint Production, Journal of Econometrics 4, 1976 (the ridge).
Differs: `weighting` is ours. It multiplies each direction by a power of its canonical correlation, so that the cosine
gives more weight to strongly correlated directions; 0 is plain canonical correlation analysis.
"""

from dataclasses import dataclass, field

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.maths.correlation import canonical_correlations
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import Projections
from diptych.rooms import Card

CARD = Card(
    title="CCA: linear maps of largest correlation, with a ridge",
    paper="Hotelling. Relations Between Two Sets of Variates. Biometrika 28",
    year=1936,
    learns="closed form",
)

__all__ = ["CARD", "CCA", "PRESETS", "SEARCH", "Config", "Model", "Widths"]


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of CCA."""

    dimensions: int = 50
    """Number of directions kept, the most correlated first; at most the dimension of either modality."""
    ridge: float = 2.0
    """Added to every column's variance, as a share of the columns' mean variance."""
    weighting: float = 2.0
    """Each direction is multiplied by its correlation to this power."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise BadSetting(f"dimensions must be 1 or more; got {self.dimensions}.")
        for name in ("ridge", "weighting"):
            if not getattr(self, name) >= 0:
                raise BadSetting(f"{name} must not be negative; got {getattr(self, name)}. 0 turns it off.")


PRESETS = {"default": Config(), "unweighted": Config(dimensions=20, weighting=0.0)}
PARTNER_PRESETS = {"default": Config(dimensions=384, ridge=0.5, weighting=1.0)}
"""Finding one partner takes more directions than telling categories apart."""

SEARCH = {
    "dimensions": (20, 50, 100),
    "ridge": (0.1, 0.5, 2.0, 8.0),
    "weighting": (0.0, 1.0, 2.0),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""


class CCA(Projections):
    """Both maps, solved from the covariances of the training pairs."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths, dimensions=min(config.dimensions, widths.image, widths.text))

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "CCA":
        """Return the model solved on these training features."""
        model = cls(config, Widths.of(features))
        x, y = model.fit_inputs(features)
        directions = canonical_correlations(x, y, ridge=config.ridge, count=config.dimensions).weighted(
            config.weighting
        )
        model.keep(directions.x, directions.y)
        return model


Model = CCA
