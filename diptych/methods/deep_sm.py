"""Deep-SM: deep semantic matching with networks that predict categories.

Objective: one network per modality is trained to predict the categories of its items,

    min  - sum_k t_k log p_k(x) - sum_k t_k log p_k(y)    p(x) = softmax(f(x))    p(y) = softmax(g(y))

where t is shared evenly by a pair's categories. The posteriors p are the space: <p(x), p(y)> is the probability that
two categories, one drawn from each, are the same. Which text belongs to which picture is never used.

Paper: Wei, Zhao, Lu, Wei, Liu, Zhu & Yan, Cross-Modal Retrieval With CNN Visual Features: A New Baseline, IEEE
Transactions on Cybernetics 47(2):449-460, 2017.
Differs: the authors fine-tune an ImageNet network on the pictures, as the preset `end-to-end` does with its last
blocks; in `default` both networks read the same frozen features as every other method, through a hidden layer with
dropout on its inputs and outputs. The softmax cross-entropy, its soft targets for several categories, the inner product
of posteriors (the cosine by `similarity`), the optimiser and all widths are our choices, made on validation data.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.maths.losses import classification_loss
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.categories import labels_of
from diptych.methods.contract import Representation, Representations
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig, TuneConfig
from diptych.methods.one_space import OneSpace
from diptych.methods.recipe import Recipe
from diptych.methods.towers import TowerConfig, towers_of
from diptych.rooms import Card

CARD = Card(
    title="Deep-SM: networks that name categories, compared by their posteriors",
    paper="Wei, Zhao, Lu, Wei, Liu, Zhu and Yan. Cross-Modal Retrieval With CNN Visual Features: A New Baseline. "
    "IEEE Transactions on Cybernetics 47(2)",
    year=2017,
    needs=("categories",),
    learns="gradient",
)

__all__ = ["CARD", "PRESETS", "SEARCH", "Config", "DeepSM", "Model", "Widths"]


def _tower() -> TowerConfig:
    return TowerConfig(activation="tanh", input_dropout=0.7)


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of Deep-SM."""

    image_tower: TowerConfig = field(default_factory=_tower)
    """The network over pictures."""
    text_tower: TowerConfig = field(default_factory=_tower)
    """The network over texts."""
    smoothing: float = 0.0
    """Share of the target spread over all categories."""
    similarity: Literal["inner product", "cosine"] = "inner product"
    """How posteriors are compared; the cosine ignores how confident a network is."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""
    training: Recipe = field(default_factory=lambda: Recipe(epochs=15, keep="last"))
    """Training recipe."""

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 1:
            raise BadSetting(f"smoothing must lie between 0 and 1; got {self.smoothing}.")


PRESETS = {"default": Config(), "end-to-end": Config(tune=TuneConfig(image=4, crop=0.7))}

SEARCH = {
    "image_tower.input_dropout": (0.5, 0.7),
    "text_tower.input_dropout": (0.5, 0.7),
    "smoothing": (0.0, 0.1),
    "training.epochs": (15, 30, 60),
    "training.learning_rate": (5e-4, 1e-3, 2e-3),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""


class DeepSM(OneSpace):
    """The model: scaled inputs, one tower per modality from whole vectors to categories."""

    cosine: ClassVar[bool] = False

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        self.towers = towers_of(widths, widths.classes, image=config.image_tower, text=config.text_tower)

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "DeepSM":
        """Return a randomly initialised model with its input scaling fitted on these training features."""
        labels_of(features, wanted_by="Deep-SM")
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        return model

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return the logits of the categories."""
        return {"logits": self.towers[modality](self.inputs(modality, batch.whole))}

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the cross-entropy of each modality by name; their sum is minimised."""
        labels, smoothing = targets.labels, self.config.smoothing
        if labels is None:
            raise MissingData("Deep-SM learns from categories, and this batch has none. Use labelled features.")
        return {
            f"{modality} classification": classification_loss(own["logits"], labels, smoothing=smoothing)
            for modality, own in rows["common"].items()
        }

    @property
    def width(self) -> int:
        """Number of categories."""
        return self.widths.classes

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """Return the posteriors of the categories, with unit length if they are compared by cosine."""
        posteriors: Tensor = self.towers[modality](whole).softmax(1)
        return normalize(posteriors, dim=1) if self.config.similarity == "cosine" else posteriors


Model = DeepSM
