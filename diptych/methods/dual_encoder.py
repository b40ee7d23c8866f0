"""Dual encoder: one network per modality on whole vectors, trained by contrast.

Objective: with v and u the unit-length outputs for the pictures and texts of a batch and t a learnt temperature,

    min  - 1/b sum_i 1/|P(i)| sum_{j in P(i)} log softmax_j(<v_i, u_j> / t)     and the same for texts

P(i) are the matches of item i: its partners, or where categories count all items that share one. With partners alone it
is InfoNCE, which CLIP and sentence-transformers minimise. Pictures and texts are compared by cosine.

Paper: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021; with categories
Khosla et al., Supervised Contrastive Learning, NeurIPS 2020.
Differs: the authors train both encoders; here the networks, linear in `default`, read the same frozen features as every
other method. It is the simplest method that learns from pairs by gradient, the control for all others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import log
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.maths.losses import COLDEST, contrastive_loss
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.contract import Representation, Representations
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import OneSpace
from diptych.methods.pair_losses import matches_of
from diptych.methods.recipe import Recipe
from diptych.methods.towers import Tower, TowerConfig, towers_of
from diptych.modality import MODALITIES
from diptych.rooms import Card

CARD = Card(
    title="Dual encoder: linear maps or small networks of whole vectors, trained by contrast",
    paper="Radford et al. Learning Transferable Visual Models From Natural Language Supervision. ICML",
    year=2021,
    learns="gradient",
)

__all__ = ["CARD", "PRESETS", "SEARCH", "Config", "DualEncoder", "Model", "Widths"]


def _linear() -> TowerConfig:
    return TowerConfig(hidden=(), activation="gelu", dropout=0.3, input_dropout=0.4)


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of the dual encoder."""

    dimensions: int = 512
    """Dimensions of the space."""
    temperature: float = 0.07
    """Temperature at the start of training; it is learnt, down to .01."""
    image_tower: TowerConfig = field(default_factory=_linear)
    """The network over pictures."""
    text_tower: TowerConfig = field(default_factory=_linear)
    """The network over texts."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""
    training: Recipe = field(default_factory=lambda: Recipe(epochs=12, keep="last"))
    """Training recipe."""

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise BadSetting(f"dimensions must be at least 1; got {self.dimensions}.")
        if not self.temperature > 0:
            raise BadSetting(f"temperature must be above 0; got {self.temperature}.")


class DualEncoder(OneSpace):
    """The model: scaled inputs, one tower per modality, and a temperature."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        self.towers = towers_of(widths, config.dimensions, image=config.image_tower, text=config.text_tower)
        self.scale = nn.Parameter(torch.tensor(-log(config.temperature)))

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "DualEncoder":
        """Return a randomly initialised model with its input scaling fitted on these training features."""
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        return model

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return the unit-length outputs of a network."""
        return {"vectors": normalize(self.vectors(modality, self.inputs(modality, batch.whole)), dim=1)}

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the contrastive loss of the batch."""
        images, texts = (rows["common"][modality]["vectors"] for modality in MODALITIES)
        temperature = torch.exp(-self.scale.clamp(max=COLDEST))
        return {"contrastive": contrastive_loss(images @ texts.T, matches_of(targets), temperature=temperature)}

    @property
    def width(self) -> int:
        """Dimensions of the space."""
        return self.config.dimensions

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return the outputs of a network for scaled whole vectors."""
        outputs: Tensor = self.towers[modality](whole)
        return outputs

    def span(self, modality: str) -> Mapping[str, Float[np.ndarray, "d_s m"]]:
        """Return the columns of a network's last map, which span every vector."""
        return {"common": cast("Tower", self.towers[modality]).span()}


Model = DualEncoder

DEFAULT = Config()
PRESETS = {"default": DEFAULT}
PARTNER_PRESETS = {"default": replace(DEFAULT, training=Recipe(epochs=8, min_steps=80, batch=400, keep="last"))}
"""Larger batches, which hold more mismatches."""

SEARCH = {
    "image_tower.hidden": ((), (512,), (1024,)),
    "text_tower.hidden": ((), (512,), (1024,)),
    "image_tower.input_dropout": (0.2, 0.4, 0.6),
    "text_tower.input_dropout": (0.2, 0.4, 0.6),
    "temperature": (0.05, 0.07, 0.1),
    "training.learning_rate": (5e-4, 1e-3, 2e-3),
    "training.epochs": (8, 12, 16),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""
