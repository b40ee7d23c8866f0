"""KCCA: canonical correlation analysis in the feature spaces of two kernels.

Objective: with K_x the pictures' and K_y the texts' centred kernel matrices over the n training pairs,

    max tr(A' K_x K_y B)   subject to   A' (K_x^2 + k K_x) A = B' (K_y^2 + l K_y) B = I

where k, l are `kappa` times the mean eigenvalue of K_x, K_y (their trace over n). An item's embedding is its centred
kernel values with the training items times A (pictures) or B (texts), compared by cosine. With the linear kernel,
d numbers an item and kappa = ridge n / d this is CCA with that ridge.

Beyond `exact_up_to` pairs the directions are spanned by `landmarks` of them, drawn by a fixed seed (Nystroem): kernel
values are then taken with these alone, and centred over all training items.

Paper: Hardoon, Szedmak & Shawe-Taylor, Canonical Correlation Analysis: An Overview with Application to Learning
Methods, Neural Computation 16(12), 2004; Williams & Seeger, NIPS 2000 (Nystroem).
Differs: the paper shortens its kernels by partial Gram-Schmidt; here they are exact, or spanned by landmarks.
`weighting` is ours: it multiplies each direction by a power of its canonical correlation; 0 leaves it out.
"""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.maths.correlation import canonical_directions, whitening
from diptych.maths.kernels import Kernel, KernelName, Spanned, landmarks, spanned
from diptych.methods import inputs
from diptych.methods.inputs import InputConfig
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import OneSpace
from diptych.modality import MODALITIES
from diptych.rooms import Card

CARD = Card(
    title="KCCA: canonical correlation analysis with kernels",
    paper="Hardoon, Szedmak and Shawe-Taylor. Canonical Correlation Analysis: An Overview with Application to "
    "Learning Methods. Neural Computation 16(12)",
    year=2004,
    learns="closed form",
)


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of KCCA."""

    kernel: KernelName = "rbf"
    """`linear`, `polynomial` or `rbf`; the same for both modalities, each with its own scale."""
    degree: int = 3
    """Degree of the polynomial kernel."""
    bandwidth: float = 1.0
    """Width of the rbf kernel, as a multiple of the median distance between training items."""
    kappa: float = 3.0
    """Regularisation, as a multiple of the kernel matrix's mean eigenvalue."""
    dimensions: int = 50
    """Number of directions kept, the most correlated first."""
    weighting: float = 2.0
    """Each direction is multiplied by its correlation to this power."""
    exact_up_to: int = 5000
    """Largest number of training pairs that are all used as anchors; the solution takes cubic time."""
    landmarks: int = 1000
    """Number of anchors for more training pairs."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""

    def __post_init__(self) -> None:
        for name in ("degree", "dimensions", "landmarks"):
            if getattr(self, name) < 1:
                raise BadSetting(f"{name} must be 1 or more; got {getattr(self, name)}.")
        if not self.bandwidth > 0:
            raise BadSetting(f"bandwidth must be above 0; got {self.bandwidth}. 1 is the median distance.")
        for name in ("kappa", "weighting", "exact_up_to"):
            if not getattr(self, name) >= 0:
                raise BadSetting(f"{name} must not be negative; got {getattr(self, name)}. 0 turns it off.")


PRESETS = {"default": Config(), "unweighted": Config(dimensions=20, weighting=0.0)}
PARTNER_PRESETS = {"default": Config(dimensions=384, weighting=1.0)}
"""Finding one partner takes more directions than telling categories apart."""

SEARCH = {
    "kernel": ("linear", "polynomial", "rbf"),
    "bandwidth": (0.5, 1.0, 2.0),
    "kappa": (0.3, 1.0, 3.0, 10.0),
    "dimensions": (20, 50, 100),
    "weighting": (0.0, 1.0, 2.0),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries around the preset."""


@dataclass(frozen=True)
class Widths(inputs.Widths):
    """The input widths of KCCA."""

    pairs: int
    """Number of training pairs; a model stores all of them or its landmarks."""

    @classmethod
    def of(cls, features: Features) -> "Widths":
        """Return the widths of these features."""
        whole = inputs.Widths.of(features)
        return cls(whole.image, whole.text, whole.classes, len(features.texts))


class Anchored(nn.Module):
    """One modality's directions: items by their kernel values with the anchors, y = (k(x) - offset) A."""

    def __init__(self, kernel: Kernel, *, count: int, width: int, kept: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.register_buffer("anchors", torch.zeros(count, width))
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))
        self.register_buffer("offset", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("coefficients", torch.zeros(count, kept, dtype=torch.float64))
        self.anchors: Tensor
        self.scale: Tensor
        self.offset: Tensor
        self.coefficients: Tensor

    def span(self, items: Float64[Tensor, "n d"], config: Config) -> Spanned:
        """Select the anchors among the training items and return the space that they span."""
        anchors = items[landmarks(len(items), size=len(self.anchors))]
        self.anchors.copy_(anchors)
        self.scale.fill_(self.kernel.scale(items, bandwidth=config.bandwidth))
        kernel, gram = (self.kernel.between(rows, anchors, scale=self.scale).numpy() for rows in (items, anchors))
        space = spanned(kernel, gram, regularisation=config.kappa)
        self.offset.copy_(torch.from_numpy(space.offset))
        return space

    def keep(self, coefficients: Float64[np.ndarray, "m k"]) -> None:
        """Store the solved coefficients; with fewer directions than dimensions, the last stay 0."""
        self.coefficients.zero_()[:, : coefficients.shape[1]] = torch.from_numpy(coefficients)

    def forward(self, whole: Float[Tensor, "b d"]) -> Float64[Tensor, "b k"]:
        """Return the embeddings of scaled items."""
        kernel = self.kernel.between(whole.double(), self.anchors.double(), scale=self.scale)
        return (kernel - self.offset) @ self.coefficients


class KCCA(OneSpace):
    """Both modalities' directions, spanned by the same training pairs."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        count = widths.pairs if widths.pairs <= config.exact_up_to else min(config.landmarks, widths.pairs)
        kept, kernel = min(config.dimensions, count), Kernel(config.kernel, degree=config.degree)
        self.sides = nn.ModuleDict(
            {m: Anchored(kernel, count=count, width=getattr(widths, m), kept=kept) for m in MODALITIES}
        )

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "KCCA":
        """Return the model solved on these training features."""
        model = cls(config, Widths.of(features))
        images, texts = model.fit_inputs(features)
        image, text = (cast("Anchored", model.sides[modality]) for modality in MODALITIES)
        x = image.span(torch.from_numpy(images), config)
        y = text.span(torch.from_numpy(texts), config)
        cross = x.scores.T @ y.scores / len(texts)
        directions = canonical_directions(whitening(x.metric), whitening(y.metric), cross, count=config.dimensions)
        weighted = directions.weighted(config.weighting)
        image.keep(weighted.x)
        text.keep(weighted.y)
        return model

    @property
    def width(self) -> int:
        """Number of directions kept."""
        return cast("Anchored", self.sides["image"]).coefficients.shape[1]

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return the centred kernel values with the anchors times the coefficients."""
        vectors: Tensor = self.sides[modality](whole)
        return vectors


Model = KCCA
