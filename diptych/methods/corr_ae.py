"""Corr-AE: correspondence autoencoders."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.methods.autoencoders import PairedAutoencoders, Variant, tie
from diptych.methods.contract import NO_SURROUNDINGS, Batch, Surroundings
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.one_space import OneSpace
from diptych.methods.recipe import Recipe
from diptych.methods.towers import TowerConfig
from diptych.rooms import Card

CARD = Card(
    title="Corr-AE: two autoencoders whose codes agree",
    paper="Feng, Wang and Li. Cross-modal Retrieval with Correspondence Autoencoder. ACM Multimedia",
    year=2014,
    learns="gradient",
)


@dataclass(frozen=True)
class Config:
    """Everything that Corr-AE can be told."""

    variant: Variant = "plain"
    alpha: float = 0.2
    code: int = 256
    layers: TowerConfig = TowerConfig(hidden=(512,), activation="tanh", dropout=0.0, input_dropout=0.5)
    image: InputConfig = InputConfig(power=0.5, centre=True)
    """Scaling of picture features."""
    text: InputConfig = InputConfig(centre=True)
    """Scaling of text features."""
    training: Recipe = Recipe(epochs=40, keep="last", validate_every=5)


class CorrespondenceAutoencoders(OneSpace):
    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        self.autoencoders = PairedAutoencoders(
            {"image": widths.image, "text": widths.text}, config.code, variant=config.variant, layers=config.layers
        )

    @classmethod
    def fitted(
        cls, config: Config, features: Features, surroundings: Surroundings = NO_SURROUNDINGS
    ) -> "CorrespondenceAutoencoders":
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        return model

    def objective(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        vectors = {m: self.inputs(m, s.whole) for m, s in (("image", batch.images), ("text", batch.texts))}
        codes, alpha = self.autoencoders.codes(vectors), self.config.alpha
        return {
            "reconstruction": (1 - alpha) * self.autoencoders.reconstruction(codes, vectors),
            "tie": alpha * tie(codes),
        }

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        return self.autoencoders.encode(modality, whole)


Model = CorrespondenceAutoencoders
PRESETS = {"default": Config()}
SEARCH = {"image.power": (0.5, 1.0)}
