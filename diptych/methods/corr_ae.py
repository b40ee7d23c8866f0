"""Corr-AE: correspondence autoencoders with similar codes for a picture and its text.

Objective: two autoencoders, trained together,

    min  (1 - α) (L_image + L_text) + α ||f(x) - g(y)||²

with codes f(x) and g(y) of picture x and text y. What each code reconstructs makes three variants:

    plain    L_image = ||x - x̂(f(x))||²                            L_text = ||y - ŷ(g(y))||²
    cross    L_image = ||y - ŷ(f(x))||²                            L_text = ||x - x̂(g(y))||²
    full     L_image = ||x - x̂(f(x))||² + ||y - ŷ(f(x))||²         L_text = ||x - x̂(g(y))||² + ||y - ŷ(g(y))||²

Pictures and texts are compared by the cosine of their codes.

Paper: Feng, Wang & Li, Cross-modal Retrieval with Correspondence Autoencoder, ACM Multimedia 2014, pages 7-16.
Differs: the original stacks two restricted Boltzmann machines under each autoencoder, pre-trained one after the
other; here one hidden layer, its mirror in the decoders, and no pre-training: all weights start random and learn
together by AdamW. Units are tanh with linear outputs, for standardised inputs of either sign. Squared errors are
means over numbers, so that the wider modality does not outweigh the other and α means the same at every width of
a code. Dropout on the inputs is ours: each code is learnt from half of them and has to reconstruct all. `plain`,
`cross` and `full` tie by α = .2; `default` is the variant and the α that were best on validation data.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.methods.autoencoders import PairedAutoencoders, Variant, code_distance
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.contract import Representation, Representations
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import OneSpace
from diptych.methods.recipe import Recipe
from diptych.methods.towers import TowerConfig
from diptych.modality import MODALITIES
from diptych.rooms import Card

CARD = Card(
    title="Corr-AE: two autoencoders whose codes agree",
    paper="Feng, Wang and Li. Cross-modal Retrieval with Correspondence Autoencoder. ACM Multimedia",
    year=2014,
    learns="gradient",
)

__all__ = ["CARD", "PRESETS", "SEARCH", "Config", "CorrespondenceAutoencoders", "Model", "Widths"]


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of Corr-AE."""

    variant: Variant = "cross"
    """What a code reconstructs: its own modality (`plain`), the other (`cross`) or both (`full`)."""
    alpha: float = 0.5
    """Weight of the tie between codes relative to reconstruction; at least 0 and below 1."""
    code: int = 128
    """Dimension of the codes."""
    layers: TowerConfig = field(
        default_factory=lambda: TowerConfig(hidden=(256,), activation="tanh", dropout=0.0, input_dropout=0.5)
    )
    """Hidden layers of both encoders; decoders mirror them."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""
    training: Recipe = field(default_factory=lambda: Recipe(epochs=40, validate_every=5, keep="last"))
    """Training recipe."""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha < 1:
            raise BadSetting(
                f"alpha must be at least 0 and below 1; got {self.alpha}. At 1 nothing is reconstructed, and equal "
                "codes for all items would be optimal."
            )
        if self.code < 1:
            raise BadSetting(f"code must be at least 1; got {self.code}.")


class CorrespondenceAutoencoders(OneSpace):
    """The model: scaled inputs, an autoencoder of each modality, codes of one width."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        self.autoencoders = PairedAutoencoders(
            {"image": widths.image, "text": widths.text}, config.code, variant=config.variant, layers=config.layers
        )

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "CorrespondenceAutoencoders":
        """Return a randomly initialised model with its input scaling fitted on these training features."""
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        return model

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return the scaled vectors, which are the reconstruction targets, and their codes."""
        scaled = self.inputs(modality, batch.whole)
        return {"scaled": scaled, "codes": self.autoencoders.coder(modality).encode(scaled)}

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the weighted losses of reconstruction and of the tie; their sum is minimised."""
        vectors, codes = ({m: rows["common"][m][name] for m in MODALITIES} for name in ("scaled", "codes"))
        alpha = self.config.alpha
        return {
            "reconstruction": (1 - alpha) * self.autoencoders.reconstruction(codes, vectors),
            "tie": alpha * code_distance(codes),
        }

    @property
    def width(self) -> int:
        """Dimension of the codes."""
        return self.config.code

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Return the codes of scaled whole vectors."""
        return self.autoencoders.coder(modality).encode(whole)


Model = CorrespondenceAutoencoders

DEFAULT = Config()
PRESETS = {
    "default": DEFAULT,
    "plain": replace(DEFAULT, variant="plain", alpha=0.2),
    "cross": replace(DEFAULT, variant="cross", alpha=0.2),
    "full": replace(DEFAULT, variant="full", alpha=0.2),
}

SEARCH = {
    "variant": ("plain", "cross", "full"),
    "alpha": (0.2, 0.5, 0.8),
    "code": (64, 128, 256),
    "layers.input_dropout": (0.2, 0.5),
    "training.epochs": (25, 40, 60),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""
