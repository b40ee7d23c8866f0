"""DCCA: deep canonical correlation analysis.

Objective: two networks whose outputs have the largest total correlation over all directions,

    max || S^-1/2 C T^-1/2 ||_*    C = cov(f(X), g(Y))    S = var f(X) + r I    T = var g(Y) + s I

where || ||_* is the trace norm: the sum of the canonical correlations of a batch, or of its `kept` strongest. Linear
CCA on the outputs for all training pairs then gives the space, A'(f(x) - mean) and B'(g(y) - mean), compared by cosine.

Paper: Andrew, Arora, Bilmes & Livescu, Deep Canonical Correlation Analysis, ICML 2013; for pictures and texts Yan &
Mikolajczyk, Deep Correlation for Matching Images and Text, CVPR 2015.
Differs: the ridges r and s are shares of the mean variance of a network's outputs, so that growing outputs cannot
escape them; the authors' are constants. Andrew et al. pretrain each layer as a denoising autoencoder, use a sigmoid
made of a cube root, and train by L-BFGS on all pairs at once; Yan & Mikolajczyk train on top of a network that reads
pixels. Here the networks read frozen features, start at random and learn from large batches by AdamW. `weighting` is
ours, as in `cca`: it multiplies each direction by a power of its canonical correlation on the training pairs.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting
from diptych.maths.correlation import canonical_correlations
from diptych.maths.correlation_loss import total_correlation
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.contract import Representation, Representations
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import OneSpace
from diptych.methods.recipe import Recipe
from diptych.methods.towers import TowerConfig, towers_of
from diptych.modality import MODALITIES
from diptych.rooms import Card

CARD = Card(
    title="DCCA: networks whose outputs correlate, then canonical correlation analysis",
    paper="Andrew, Arora, Bilmes and Livescu. Deep Canonical Correlation Analysis. International Conference on "
    "Machine Learning",
    year=2013,
    learns="gradient",
)

__all__ = ["CARD", "DCCA", "PRESETS", "SEARCH", "Config", "Model", "Widths"]


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of DCCA."""

    dimensions: int = 64
    """Output dimension of each network; at most the dimension of either modality."""
    kept: int = 0
    """Number of strongest correlations that are summed, and of directions compared; 0 keeps all `dimensions`."""
    ridge: float = 0.3
    """Added to every output's variance, as a share of the outputs' mean variance."""
    weighting: float = 2.0
    """Each direction is multiplied by its correlation to this power."""
    image_tower: TowerConfig = field(default_factory=TowerConfig)
    """The network over pictures."""
    text_tower: TowerConfig = field(default_factory=TowerConfig)
    """The network over texts."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""
    training: Recipe = field(default_factory=lambda: Recipe(batch=400, learning_rate=2e-3))
    """Training recipe. A batch must hold as many pairs as there are dimensions, and should hold several times as
    many: in a small batch all directions correlate."""

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise BadSetting(f"dimensions must be at least 1; got {self.dimensions}.")
        if self.kept < 0:
            raise BadSetting(f"kept must not be negative; got {self.kept}. 0 keeps all dimensions.")
        for name in ("ridge", "weighting"):
            if getattr(self, name) < 0:
                raise BadSetting(f"{name} must not be negative; got {getattr(self, name)}. 0 turns it off.")


PRESETS = {"default": Config()}

SEARCH = {
    "dimensions": (32, 64, 96),
    "ridge": (0.1, 0.3, 1.0),
    "weighting": (0.0, 1.0, 2.0),
    "image_tower.hidden": ((), (512,), (512, 512)),
    "text_tower.hidden": ((), (512,), (512, 512)),
    "image_tower.input_dropout": (0.0, 0.3, 0.6),
    "text_tower.input_dropout": (0.0, 0.3, 0.6),
    "training.epochs": (10, 20, 40),
    "training.learning_rate": (1e-3, 2e-3, 4e-3),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""


class DCCA(OneSpace):
    """The model: scaled inputs, one tower per modality, and a linear map on top in closed form."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        self.dimensions = min(config.dimensions, widths.image, widths.text)
        self.kept = min(config.kept or self.dimensions, self.dimensions)
        self.towers = towers_of(widths, self.dimensions, image=config.image_tower, text=config.text_tower)
        for modality in MODALITIES:
            self.register_buffer(f"{modality}_mean", torch.zeros(self.dimensions))
            self.register_buffer(f"{modality}_basis", torch.eye(self.dimensions, self.kept))

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "DCCA":
        """Return a randomly initialised model with its input scaling fitted on these training features."""
        model = cls(config, Widths.of(features))
        model._check(min(len(features.texts), config.training.batch))
        model.inputs.fit(features)
        return model

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return the outputs of a network, in full precision on a GPU too."""
        with torch.autocast(batch.whole.device.type, enabled=False):
            return {"outputs": self._outputs(modality, batch.whole)}

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the negative total correlation of the batch."""
        self._check(len(targets.pairs))
        images, texts = (rows["common"][modality]["outputs"] for modality in MODALITIES)
        return {"correlation": -total_correlation(images, texts, ridge=self.config.ridge, count=self.kept)}

    def refit(self, features: Features) -> None:
        """Refit linear CCA on the current network outputs for all training pairs."""
        self.eval()
        outputs = {
            "image": self._all_outputs("image", features.images)[features.owner],
            "text": self._all_outputs("text", features.texts),
        }
        means = {modality: rows.mean(0) for modality, rows in outputs.items()}
        images, texts = (outputs[modality] - means[modality] for modality in MODALITIES)
        solved = canonical_correlations(images, texts, ridge=self.config.ridge, count=self.kept)
        x, y, _ = solved.weighted(self.config.weighting)
        for modality, directions in (("image", x), ("text", y)):
            getattr(self, f"{modality}_mean").copy_(torch.from_numpy(means[modality]))
            getattr(self, f"{modality}_basis").zero_()[:, : directions.shape[1]] = torch.from_numpy(directions)

    @property
    def width(self) -> int:
        """Number of directions compared."""
        return self.kept

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Return A'(f(x) - mean) or B'(g(y) - mean); before `refit`, the network outputs."""
        mean, basis = getattr(self, f"{modality}_mean"), getattr(self, f"{modality}_basis")
        return (self.towers[modality](whole) - mean) @ basis  # type: ignore[no-any-return]

    def _outputs(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Return the outputs of a network for unscaled whole vectors."""
        outputs: Tensor = self.towers[modality](self.inputs(modality, whole))
        return outputs

    @torch.inference_mode()
    def _all_outputs(self, modality: str, encoded: Encoded) -> Float64[np.ndarray, "n k"]:
        """Return the outputs of a network for all items of a modality."""
        device, step = next(self.parameters()).device, self.rows_at_once
        blocks = (encoded.whole[start : start + step] for start in range(0, len(encoded), step))
        pieces = [self._outputs(modality, torch.from_numpy(rows).to(device)).cpu() for rows in blocks]
        return torch.cat(pieces).double().numpy()

    def _check(self, rows: int) -> None:
        if rows < self.dimensions:
            raise BadSetting(
                f"DCCA needs batches of at least {self.dimensions} pairs, one for each of its dimensions; got {rows}. "
                "Train on more pairs with a larger training.batch, or set fewer dimensions "
                f"(--set dimensions={max(1, rows // 4)})."
            )


Model = DCCA
