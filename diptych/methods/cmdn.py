"""CMDN: draft."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diptych.data.features import Features
from diptych.maths.boltzmann import BoltzmannMachine
from diptych.maths.losses import classification_loss
from diptych.methods.autoencoders import Autoencoder, PairedAutoencoders, tie
from diptych.methods.categories import labels_of
from diptych.methods.contract import NO_SURROUNDINGS, Batch, Surroundings
from diptych.methods.inputs import InputConfig, Widths, MODALITIES
from diptych.methods.one_space import OneSpace
from diptych.methods.recipe import Recipe
from diptych.methods.towers import TowerConfig
from diptych.rooms import Card

CARD = Card(
    title="CMDN: cross-media multiple deep networks",
    paper="Peng, Huang and Qi. Cross-media Shared Representation by Hierarchical Learning with Multiple Deep Networks. "
    "International Joint Conference on Artificial Intelligence",
    year=2016,
    needs=("categories",),
    learns="gradient",
)
__all__ = ["Widths"]


@dataclass(frozen=True)
class Config:
    intra: int = 256
    inter: int = 256
    separate: int = 256
    shared: tuple[int, ...] = (128, 64)
    tie: float = 0.99
    label: float = 1.0
    mean_field: int = 5
    end_to_end: bool = False
    scale: float = 0.01
    layers: TowerConfig = TowerConfig(hidden=(256,), activation="tanh", dropout=0.0, input_dropout=0.5)
    image: InputConfig = InputConfig(power=0.5, centre=True)
    """Scaling of picture features."""
    text: InputConfig = InputConfig(centre=True)
    """Scaling of text features."""
    training: Recipe = Recipe(epochs=40, keep="last", validate_every=10)


class CMDN(OneSpace):
    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        w = {m: getattr(widths, m) for m in MODALITIES}
        self.intra = nn.ModuleDict({m: Autoencoder(w[m], config.intra, {m: w[m]}, config.layers) for m in w})
        self.first = nn.ModuleDict({m: BoltzmannMachine(w[m], config.inter, kind="gaussian") for m in w})
        self.joint = BoltzmannMachine(2 * config.inter, config.inter, kind="binary")
        self.join = nn.ModuleDict({m: BoltzmannMachine(config.intra + config.inter, config.separate, kind="binary") for m in w})
        sizes = (config.separate, *config.shared)
        self.shared = nn.ModuleList(
            PairedAutoencoders(dict.fromkeys(MODALITIES, a), b, variant="full", layers=TowerConfig(hidden=(), input_dropout=0.2))
            for a, b in zip(sizes, sizes[1:])
        )
        self.heads = nn.ModuleList(nn.Linear(b, widths.classes) for b in config.shared)

    @classmethod
    def fitted(cls, config: Config, features: Features, surroundings: Surroundings = NO_SURROUNDINGS) -> "CMDN":
        labels_of(features, wanted_by="CMDN")
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        return model

    def inter(self, m, x):
        q = self.first[m].hidden(x)
        other = torch.sigmoid(self._half(self.joint.seen_bias, m, True)).expand_as(q)
        for _ in range(self.config.mean_field):
            both = torch.cat([q, other] if m == "image" else [other, q], 1)
            h = self.joint.hidden(both)
            other = self._half(self.joint.seen(h), m, True)
        return h

    def _half(self, t, m, other):
        w = self.config.inter
        return t[..., w:] if (m == "image") == other else t[..., :w]

    def separate(self, m, x):
        intra = (self.intra[m].encode(x) + 1) / 2
        return torch.cat([intra, self.inter(m, x)], 1)

    def objective(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        c = self.config
        x = {m: self.inputs(m, s.whole) for m, s in (("image", batch.images), ("text", batch.texts))}
        terms = {}
        codes = {m: self.intra[m].encode(x[m]) for m in x}
        terms["intra"] = sum(self.intra[m].reconstruction(codes[m], x) for m in x)
        terms["first"] = c.scale * sum(self.first[m].contrastive_divergence(x[m], generator) for m in x)
        q = torch.cat([self.first[m].hidden(x[m]) for m in x], 1)
        terms["joint"] = c.scale * self.joint.contrastive_divergence(q, generator)
        both = {m: self.separate(m, x[m]).detach() for m in x}
        terms["join"] = c.scale * sum(self.join[m].contrastive_divergence(both[m], generator) for m in x)
        z = {m: self.join[m].hidden(both[m]).detach() * 2 - 1 for m in x}
        for k, (layer, head) in enumerate(zip(self.shared, self.heads)):
            codes = layer.codes(z)
            terms[f"rec {k}"] = (1 - c.tie) * layer.reconstruction(codes, z)
            terms[f"tie {k}"] = c.tie * tie(codes)
            terms[f"label {k}"] = c.label * classification_loss(
                torch.cat([head(codes[m]) for m in x]), batch.labels.repeat(2, 1), smoothing=0.0
            )
            z = codes if c.end_to_end else {m: v.detach() for m, v in codes.items()}
        return terms

    def vectors(self, modality, whole):
        z = self.join[modality].hidden(self.separate(modality, whole)) * 2 - 1
        for layer in self.shared:
            z = layer.encode(modality, z)
        return z


Model = CMDN
PRESETS = {"default": Config()}
SEARCH = {"image.power": (0.5, 1.0)}
