"""Semantic matching: one logistic regression per modality, compared by the posteriors of the categories.

Objective: for pictures X and texts Y by themselves, with t the item's categories,

    min_{W,b}   C sum_i H(t_i, softmax(W'x_i + b)) + 1/2 ||W||^2,   H(t, p) = -sum_c t_c log p_c

and an item's embedding is p = softmax((W'x + b) / temperature), compared by inner product, cosine, or the inner product
of square roots (the Bhattacharyya coefficient).

Paper: Rasiwasia, Costa Pereira, Coviello, Doyle, Lanckriet, Levy & Vasconcelos, A New Approach to Cross-Modal
Multimedia Retrieval, ACM Multimedia 2010.
Differs: the paper compares posteriors by normalised correlation, L1, L2 and others; here it is one of the three above,
chosen on validation data, as are C and the temperature. Rows are divided by their root mean square length first, so
that C means the same for every encoder. Several categories of one item share t evenly; items without any are excluded.

The minimum has no closed form, but the problem is convex: it is solved to convergence deterministically and without
epochs, so it counts as a method in closed form.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.methods.categories import classifier, labels_of
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import Projections
from diptych.rooms import Card

CARD = Card(
    title="Semantic matching: two logistic regressions, compared by their posteriors",
    paper="Rasiwasia, Costa Pereira, Coviello, Doyle, Lanckriet, Levy and Vasconcelos. A New Approach to Cross-Modal "
    "Multimedia Retrieval. ACM Multimedia",
    year=2010,
    needs=("categories",),
    learns="closed form",
)

__all__ = ["CARD", "PRESETS", "SEARCH", "Config", "Model", "SemanticMatching", "Widths"]


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of semantic matching."""

    image_strength: float = 1.0
    """C of the pictures' regression: the weight of errors relative to regularisation."""
    text_strength: float = 1.0
    """C of the texts' regression."""
    similarity: Literal["inner-product", "cosine", "root"] = "cosine"
    """How posteriors are compared: their `inner-product`, their `cosine`, or the inner product of their `root`s."""
    temperature: float = 0.5
    """Temperature of the softmax: below 1, posteriors are sharper than those of the regression."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""

    def __post_init__(self) -> None:
        for name in ("image_strength", "text_strength", "temperature"):
            if not getattr(self, name) > 0:
                raise BadSetting(f"{name} must be above 0; got {getattr(self, name)}. Set it with --set {name}=...")


class SemanticMatching(Projections):
    """The model: scaled inputs, one linear classifier per modality."""

    cosine: ClassVar[bool] = False
    linear: ClassVar[bool] = False

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths, dimensions=widths.classes)
        self.config = config
        self.register_buffer("image_bias", torch.zeros(widths.classes))
        self.register_buffer("text_bias", torch.zeros(widths.classes))

    image_bias: Tensor
    text_bias: Tensor

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "SemanticMatching":
        """Return the model solved on these training features."""
        text_labels = labels_of(features, wanted_by="semantic matching")
        model = cls(config, Widths.of(features))
        model.inputs.fit(features)
        pictures, texts = (
            classifier(model.inputs.scaled(modality, encoded), labels, strength=strength)
            for modality, encoded, labels, strength in (
                ("image", features.images, np.asarray(features.labels), config.image_strength),
                ("text", features.texts, text_labels, config.text_strength),
            )
        )
        model.keep(pictures.weights, texts.weights)
        model.image_bias.copy_(torch.from_numpy(pictures.bias))
        model.text_bias.copy_(torch.from_numpy(texts.bias))
        return model

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """Return the categories' posteriors, scaled so that inner products are the chosen similarity."""
        bias: Tensor = getattr(self, f"{modality}_bias")
        posteriors = ((super().vectors(modality, whole) + bias) / self.config.temperature).softmax(1)
        if self.config.similarity == "cosine":
            return normalize(posteriors, dim=1)
        return posteriors.sqrt() if self.config.similarity == "root" else posteriors


Model = SemanticMatching

PRESETS = {"default": Config()}

SEARCH = {
    "image_strength": (0.5, 1.0, 3.0, 10.0),
    "text_strength": (0.5, 1.0, 3.0, 10.0),
    "similarity": ("inner-product", "cosine", "root"),
    "temperature": (0.3, 0.5, 0.7, 1.0),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries."""
