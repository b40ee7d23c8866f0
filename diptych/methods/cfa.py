"""CFA: cross-modal factor analysis, the rotations that bring pictures closest to their texts.

Objective: with X the pictures' and Y the texts' features, row by row and centred,

    max tr(A' X'Y B)   subject to   A'A = B'B = I

where A and B hold the leading left and right singular vectors of X'Y: the directions of largest covariance, those of
partial least squares by singular value decomposition. The paper states it as min ||X A - Y B||_F^2. The two are the
same for square A and B, which leave ||X A|| and ||Y B|| as they are; with fewer directions only the covariance is
maximal, since the distance also falls when directions of small variance are kept. The embeddings x A of pictures and
y B of texts are compared by cosine.

Paper: Li, Dimitrova, Li & Sethi, Multimedia Content Processing through Cross-Modal Association, ACM Multimedia 2003.
Differs: the number of directions is a setting; the paper keeps those of the largest singular values.
"""

from dataclasses import dataclass, field

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.maths.correlation import leading_pairs
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import Projections
from diptych.rooms import Card

CARD = Card(
    title="CFA: rotations of largest covariance",
    paper="Li, Dimitrova, Li and Sethi. Multimedia Content Processing through Cross-Modal Association. ACM Multimedia",
    year=2003,
    learns="closed form",
)

__all__ = ["CARD", "CFA", "PRESETS", "SEARCH", "Config", "Model", "Widths"]


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of CFA."""

    dimensions: int = 30
    """Number of directions kept, by decreasing covariance; at most the dimension of either modality."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise BadSetting(f"dimensions must be 1 or more; got {self.dimensions}.")


PRESETS = {"default": Config()}
PARTNER_PRESETS = {"default": Config(dimensions=100)}
"""Finding one partner takes more directions than telling categories apart."""

SEARCH = {
    "dimensions": (10, 20, 30, 50, 100),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""


class CFA(Projections):
    """Both rotations, solved from the cross-covariance of the training pairs."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths, dimensions=min(config.dimensions, widths.image, widths.text))

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "CFA":
        """Return the model solved on these training features."""
        model = cls(config, Widths.of(features))
        x, y = model.fit_inputs(features)
        directions = leading_pairs(x.T @ y / len(x), count=config.dimensions)
        model.keep(directions.x, directions.y)
        return model


Model = CFA
