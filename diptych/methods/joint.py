"""Joint: the space that a dual encoder was trained to share, such as that of CLIP or SigLIP, as it is.

Objective: none; others trained both networks on hundreds of millions of pairs. With whole vectors x of a picture and
y of a text in the encoder's joint space,

    s(p, q) = cos(x, y)

Paper: Radford et al. Learning Transferable Visual Models From Natural Language Supervision. ICML 2021.
Differs: pictures are squeezed into the network's square instead of cropped. Several texts of a pair count as their
mean vector.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting
from diptych.methods.contract import NO_SURROUNDINGS, Surroundings
from diptych.methods.inputs import Widths
from diptych.methods.one_space import OneSpace
from diptych.methods.unscaled import Unscaled
from diptych.rooms import Card

CARD = Card(
    title="The joint space of a dual encoder such as CLIP, without training",
    paper="Radford et al. Learning Transferable Visual Models From Natural Language Supervision. ICML",
    year=2021,
    learns="nothing",
)

__all__ = ["CARD", "PRESETS", "SEARCH", "Config", "Joint", "Model", "Widths", "encoders_of"]


@dataclass(frozen=True)
class Config(Unscaled):
    """Which dual encoder a comparison of methods uses."""

    model: str = "transformers:openai/clip-vit-base-patch32"
    """The encoder of pictures and of texts: `transformers:NAME` or `open-clip:NAME`. A benchmark opens it in place of
    the encoders of the other methods; elsewhere the chosen encoders count."""


PRESETS = {"default": Config()}

SEARCH: dict[str, tuple[object, ...]] = {}
"""There is nothing to search."""


def encoders_of(config: Config) -> tuple[str, str]:
    """Return the encoders of pictures and of texts that this method reads in place of the common ones."""
    return config.model, config.model


class Joint(OneSpace):
    """Whole vectors as they are, compared by cosine."""

    @classmethod
    def fitted(cls, config: Config, features: Features, surroundings: Surroundings = NO_SURROUNDINGS) -> "Joint":
        """Return the model, after checking that both modalities come from one dual encoder."""
        images, texts = (_encoder_of(encoded) for encoded in (features.images, features.texts))
        widths = Widths.of(features)
        if images != texts or images in ("", "given") or widths.image != widths.text:
            raise BadSetting(
                "joint compares pictures and texts in the space of one dual encoder; got pictures of "
                f"{images or 'an unnamed encoder'} and texts of {texts or 'an unnamed encoder'}. Choose one for both, "
                f"such as --image-encoder {config.model} --text-encoder {config.model}."
            )
        return cls(config, widths)

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return the whole vectors."""
        return whole


def _encoder_of(encoded: Encoded) -> str:
    """Return the name of the encoder that made these vectors, without its fingerprint."""
    return encoded.encoder.rpartition("@")[0]


Model = Joint
