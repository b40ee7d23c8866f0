"""ConSE: a picture's embedding is the weighted mean of the text embeddings of its predicted class names.

Objective: none. With the network's own classifier, p_k = softmax((x W + b) / temperature)_k,

    v(x) = sum_{k in top T} p_k (n_k - m) / sum_{k in top T} p_k        u(y) = y - m

where x is a picture's whole vector, n_k the text encoder's vector of the name of class k and y its vector of a text,
both at unit length, T is `top`, and m the mean of all n_k (0 without `centre`). Similarity is the cosine of v and u.
Nothing is learnt from the pairs: any folder of pictures can be searched at once.

Paper: Norouzi, Mikolov, Bengio, Singer, Shlens, Frome, Corrado and Dean. Zero-Shot Learning by Convex Combination of
Semantic Embeddings. ICLR 2014.
Differs: the paper names classes that were never trained; here whole texts take the place of their names, and a
sentence encoder that of word vectors. A class has one phrase, not the list of its synonyms. `default` takes out what
all names have in common (`centre`), which the paper does not, for sentence vectors share a large part; `paper` leaves
it in. The features are never scaled, as the classifier expects what the network gives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from diptych.data.concepts import Concepts
from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.methods.inputs import Widths
from diptych.methods.module import SideInformation
from diptych.methods.one_space import OneSpace
from diptych.methods.unscaled import Unscaled
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="ConSE: names of what an image network sees, without training",
    paper="Norouzi et al. Zero-Shot Learning by Convex Combination of Semantic Embeddings. ICLR",
    year=2014,
    needs=("concepts",),
    learns="nothing",
)

__all__ = ["CARD", "PRESETS", "SEARCH", "Config", "Conse", "Model", "Widths"]


@dataclass(frozen=True)
class Config(Unscaled):
    """How class names are weighted."""

    top: int = 10
    """T: the number of most probable classes that represent a picture."""
    temperature: float = 1.0
    """Temperature of the classifier's softmax; below 1 the most probable class has more weight."""
    centre: bool = True
    """Subtract the mean embedding of all names from names and texts."""

    def __post_init__(self) -> None:
        if self.top < 1:
            raise BadSetting(f"top must be 1 or more; got {self.top}. The paper's is 10.")
        if not self.temperature > 0:
            raise BadSetting(f"temperature must be above 0; got {self.temperature}. 1 keeps the probabilities.")


PRESETS = {"default": Config(), "paper": Config(centre=False)}

SEARCH = {"top": (3, 10, 30, 100), "temperature": (0.5, 1.0, 2.0), "centre": (True, False)}
"""Values that a hyperparameter search on validation data tries around the preset."""


class Conse(OneSpace):
    """A classifier of whole vectors with the embeddings of its class names, `classes` in its widths."""

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths)
        self.config = config
        self.register_buffer("weight", torch.zeros(widths.image, widths.classes))
        self.register_buffer("bias", torch.zeros(widths.classes))
        self.register_buffer("names", torch.zeros(widths.classes, widths.text))
        self.register_buffer("mean", torch.zeros(widths.text))
        self.weight: Tensor
        self.bias: Tensor
        self.names: Tensor
        self.mean: Tensor

    @classmethod
    def of(cls, config: Config, concepts: Concepts) -> "Conse":
        """Return the model of these concepts, which needs no training features."""
        widths = Widths(image=len(concepts.weight), text=concepts.vectors.shape[1], classes=len(concepts.names))
        model = cls(config, widths)
        model.weight.copy_(torch.from_numpy(concepts.weight))
        model.bias.copy_(torch.from_numpy(concepts.bias))
        names = normalize(torch.from_numpy(concepts.vectors), dim=1)
        if config.centre:
            model.mean.copy_(names.mean(0))
        model.names.copy_(names - model.mean)
        return model

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "Conse":
        """Refuse: without side information there are no concepts."""
        return cls.informed(config, features, SideInformation())

    @classmethod
    def informed(cls, config: Config, features: Features, side_information: SideInformation) -> "Conse":
        """Return the model of the concepts; the features must come from the same encoders."""
        model = cls._of_concepts(config, side_information.concepts)
        model.check("image", features.images)
        model.check("text", features.texts)
        return model

    @classmethod
    def untrained(
        cls,
        config: Config,
        names: Mapping[Modality, str],
        width: Callable[[Modality], int],
        side_information: SideInformation | None,
    ) -> "Conse":
        """Return the model of the concepts, whatever their encoders."""
        return cls._of_concepts(config, side_information.concepts if side_information else None)

    @classmethod
    def _of_concepts(cls, config: Config, concepts: Concepts | None) -> "Conse":
        if concepts is None:
            raise MissingData(
                "ConSE needs the named classes of an image network and got none. Pass them as the concepts of its "
                "side information."
            )
        return cls.of(config, concepts)

    @property
    def width(self) -> int:
        """Dimension of the embedding of a name."""
        return self.widths.text

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return the mean embedding of the likeliest names, weighted by probability, or the centred text embedding."""
        if modality == "text":
            return normalize(whole, dim=1) - self.mean
        scores = (whole @ self.weight + self.bias) / self.config.temperature
        best, classes = scores.topk(min(self.config.top, scores.shape[1]), dim=1)
        probable = torch.zeros_like(scores).scatter(1, classes, best.softmax(1))
        return probable @ self.names


Model = Conse
