"""CMDN: cross-media multiple deep networks, which learn each modality separately and both jointly.

Objective: two stages. The first makes one separate representation of each modality m from two networks,

    intra-modality    min ||x_m - x̂(c_m)||²                      an autoencoder, c_m = f(x_m)
    inter-modality    max log p(x_image, x_text)                 a belief network, joint units e over both modalities
    joined            max log p([c_m ; e_m])                     a Boltzmann machine; s_m are its hidden units

where e_m are the joint units inferred from modality m alone. The second stacks layers, each a pair of
autoencoders whose codes z_m reconstruct both modalities, are tied to each other and predict the categories:

    min  (1 - t) Σ_m Σ_n ||z_n - ẑ_n(z'_m)||² + t ||z'_image - z'_text||² - w Σ_m log p(categories | z'_m)

with z_m = s_m under the first layer, z'_m the codes of a layer, t `tie` and w `label`. Pictures and texts are
compared by the cosine of the last layer's codes.

Paper: Peng, Huang & Qi, Cross-media Shared Representation by Hierarchical Learning with Multiple Deep Networks,
IJCAI 2016, pages 3846-3853.
Differs: the paper trains one network after the other. Here all learn at once, each on the present output of the one
before it and without a gradient back into that: every term teaches its own network only, and nothing is tuned end
to end. Boltzmann machines learn by one step of contrastive divergence, divided by the count of the numbers seen.
The belief network has one Gaussian machine a modality under its joint one, for standardised inputs; the paper's
goes deeper and reads texts as word counts. What one modality tells of the joint units is inferred by `mean_field`
rounds of means instead of Gibbs sampling, in training as in embedding. The autoencoders read the encoders' vectors,
not the outputs of a belief network below them. A separate representation is taken from a machine over both networks'
outputs as real numbers between 0 and 1. Squared errors are means over numbers; widths, the layers' count, dropout on
the inputs, the weight of the categories and AdamW are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.maths.boltzmann import BoltzmannMachine
from diptych.maths.losses import classification_loss
from diptych.methods.autoencoders import Autoencoder, PairedAutoencoders, PairVectors, code_distance
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.categories import labels_of
from diptych.methods.contract import Representation, Representations
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import OneSpace
from diptych.methods.recipe import Recipe
from diptych.methods.towers import TowerConfig
from diptych.modality import MODALITIES, Modality
from diptych.rooms import Card

CARD = Card(
    title="CMDN: networks within and across modalities, joined and then tied",
    paper="Peng, Huang and Qi. Cross-media Shared Representation by Hierarchical Learning with Multiple Deep Networks. "
    "International Joint Conference on Artificial Intelligence",
    year=2016,
    needs=("categories",),
    learns="gradient",
)

__all__ = ["CARD", "CMDN", "PRESETS", "SEARCH", "BeliefNetwork", "Config", "Model", "Widths"]


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of CMDN."""

    intra: TowerConfig = field(
        default_factory=lambda: TowerConfig(hidden=(256,), activation="tanh", dropout=0.0, input_dropout=0.5)
    )
    """Hidden layers of the autoencoder of each modality; its decoder mirrors them."""
    code: int = 256
    """Dimension of the codes of these autoencoders."""
    joint: int = 256
    """Hidden units of each machine of the belief network."""
    separate: int = 256
    """Dimension of a separate representation."""
    mean_field: int = 2
    """Rounds in which the missing modality and the joint units are inferred from each other."""
    shared: tuple[int, ...] = (128, 64)
    """Widths of the codes of the stacked layers that share both modalities."""
    shared_dropout: float = 0.2
    """Dropout on the inputs of each stacked layer."""
    tie: float = 0.99
    """Weight of the tie between codes relative to reconstruction, from 0 to 1."""
    label: float = 1.0
    """Weight of the category loss."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""
    training: Recipe = field(
        default_factory=lambda: Recipe(epochs=40, learning_rate=0.01, validate_every=10, keep="last")
    )
    """Training recipe."""

    def __post_init__(self) -> None:
        for name in ("code", "joint", "separate", "mean_field"):
            if getattr(self, name) < 1:
                raise BadSetting(f"{name} must be at least 1; got {getattr(self, name)}.")
        if not self.shared or min(self.shared) < 1:
            raise BadSetting(f"shared must be one or more widths of at least 1; got {list(self.shared)}.")
        if not 0 <= self.tie <= 1:
            raise BadSetting(f"tie must lie between 0 and 1; got {self.tie}.")
        if self.label < 0:
            raise BadSetting(f"label must not be negative; got {self.label}. 0 ignores the categories.")
        if not 0 <= self.shared_dropout < 1:
            raise BadSetting(f"shared_dropout must be at least 0 and below 1; got {self.shared_dropout}.")


class BeliefNetwork(nn.Module):
    """A belief network over both modalities: a Gaussian machine for each, and a joint one over their hidden units."""

    def __init__(self, widths: Mapping[Modality, int], hidden: int, *, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds
        self.first = nn.ModuleDict({m: BoltzmannMachine(widths[m], hidden, kind="gaussian") for m in MODALITIES})
        self.joint = BoltzmannMachine(len(MODALITIES) * hidden, hidden, kind="binary")

    def units(self, modality: str, values: Float[Tensor, "b d"]) -> Float[Tensor, "b h"]:
        """Return the hidden units of a modality's own machine."""
        return cast("BoltzmannMachine", self.first[modality]).hidden(values)

    def losses(self, vectors: PairVectors, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the contrastive divergence of the modalities' own machines and that of the joint one."""
        both = torch.cat([self.units(m, vectors[m]) for m in MODALITIES], dim=1)
        machines = {m: cast("BoltzmannMachine", self.first[m]) for m in MODALITIES}
        return {
            "inter": torch.stack([_divergence(machines[m], vectors[m], generator) for m in MODALITIES]).sum(),
            "inter joint": _divergence(self.joint, both, generator),
        }

    def infer(self, modality: str, values: Float[Tensor, "b d"]) -> Float[Tensor, "b h"]:
        """Return the joint units inferred from one modality.

        Means alternate: e = σ(W_m' q_m + W_n' q_n + c), q_n = σ(W_n e + b_n), where q_m are the units of the given
        modality and q_n, those of the missing one, start at σ(b_n).
        """
        given, position = self.units(modality, values), MODALITIES.index(modality)
        missing = self.joint.seen_bias.sigmoid().expand(values.shape[0], -1)
        for _ in range(self.rounds):
            halves = list(missing.chunk(len(MODALITIES), dim=1))
            halves[position] = given
            joint = self.joint.hidden(torch.cat(halves, dim=1))
            missing = self.joint.seen(joint)
        return joint


class CMDN(OneSpace):
    """The model: scaled inputs, the networks of the first stage, and the stacked layers of the second."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        whole: dict[Modality, int] = {"image": widths.image, "text": widths.text}
        self.intra = nn.ModuleDict(
            {m: Autoencoder(whole[m], config.code, {m: whole[m]}, config.intra) for m in MODALITIES}
        )
        self.inter = BeliefNetwork(whole, config.joint, rounds=config.mean_field)
        joined = config.code + config.joint
        self.joined = nn.ModuleDict({m: BoltzmannMachine(joined, config.separate, kind="binary") for m in MODALITIES})
        layers = TowerConfig(hidden=(), input_dropout=config.shared_dropout)
        self.shared, below = nn.ModuleList(), config.separate
        for code in config.shared:
            both = dict.fromkeys(MODALITIES, below)
            self.shared.append(PairedAutoencoders(both, code, variant="full", layers=layers))
            below = code
        self.heads = nn.ModuleList([nn.Linear(code, widths.classes) for code in config.shared])

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "CMDN":
        """Return a randomly initialised model with its input scaling fitted on these training features."""
        labels_of(features, wanted_by="CMDN")
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        return model

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return the scaled vectors and the codes of the modality's own autoencoder."""
        scaled = self.inputs(modality, batch.whole)
        return {"scaled": scaled, "codes": self._autoencoder(modality).encode(scaled)}

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the losses of all networks by name; each depends on its own network, and their sum is minimised."""
        if targets.labels is None:
            raise MissingData("CMDN learns from categories, and this batch has none. Use labelled features.")
        vectors, codes = ({m: rows["common"][m][name] for m in MODALITIES} for name in ("scaled", "codes"))
        errors = [self._autoencoder(m).reconstruction(codes[m], vectors) for m in MODALITIES]
        outputs = {m: self._outputs(m, codes[m], vectors[m]).detach() for m in MODALITIES}
        divergences = [_divergence(self._machine(m), outputs[m], generator) for m in MODALITIES]
        return {
            "intra": torch.stack(errors).sum(),
            **self.inter.losses(vectors, generator),
            "joined": torch.stack(divergences).sum(),
            **self._shared_losses({m: self._separate(m, outputs[m]) for m in MODALITIES}, targets.labels),
        }

    @property
    def width(self) -> int:
        """Dimension of the codes of the last layer."""
        return self.config.shared[-1]

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Return the codes of the last stacked layer."""
        vectors = self._separate(modality, self._outputs(modality, self._autoencoder(modality).encode(whole), whole))
        for layer in self.shared:
            vectors = cast("PairedAutoencoders", layer).coder(modality).encode(vectors)
        return vectors

    def _autoencoder(self, modality: str) -> Autoencoder:
        return cast("Autoencoder", self.intra[modality])

    def _machine(self, modality: str) -> BoltzmannMachine:
        return cast("BoltzmannMachine", self.joined[modality])

    def _outputs(self, modality: str, codes: Float[Tensor, "b k"], vectors: Float[Tensor, "b d"]) -> Tensor:
        """Return the outputs of both first-stage networks for a modality, scaled to [0, 1]."""
        return torch.cat([(codes + 1) / 2, self.inter.infer(modality, vectors)], dim=1)

    def _separate(self, modality: str, outputs: Float[Tensor, "b j"]) -> Float[Tensor, "b s"]:
        """Return the separate representation, scaled to [-1, 1] like the codes of the stacked layers."""
        return 2 * self._machine(modality).hidden(outputs) - 1

    def _shared_losses(self, vectors: PairVectors, labels: Bool[Tensor, "n c"]) -> dict[str, Tensor]:
        """Return the losses of each stacked layer on the current codes of the layer below."""
        terms: dict[str, Tensor] = {}
        for number, (layer, head) in enumerate(zip(self.shared, self.heads, strict=True), start=1):
            below = {modality: values.detach() for modality, values in vectors.items()}
            pair = cast("PairedAutoencoders", layer)
            vectors = pair.codes(below)
            logits = head(torch.cat([vectors[m] for m in MODALITIES]))
            named = classification_loss(logits, labels.repeat(len(MODALITIES), 1), smoothing=0.0)
            tie = self.config.tie
            terms[f"shared {number} reconstruction"] = (1 - tie) * pair.reconstruction(vectors, below)
            terms[f"shared {number} tie"] = tie * code_distance(vectors)
            terms[f"shared {number} label"] = self.config.label * named
        return terms


def _divergence(machine: BoltzmannMachine, seen: Tensor, generator: torch.Generator) -> Float[Tensor, ""]:
    """Return the contrastive divergence of a machine, divided by the number of its visible units."""
    return machine.contrastive_divergence(seen, generator) / seen.shape[1]


Model = CMDN

PRESETS = {"default": Config()}

SEARCH = {
    "label": (0.3, 1.0, 3.0),
    "tie": (0.5, 0.9, 0.99),
    "shared": ((128,), (128, 64)),
    "training.epochs": (40, 60),
    "training.learning_rate": (0.005, 0.01),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""
