"""Joint: the shared space of a dual encoder such as CLIP or SigLIP, without further training.

Objective: none; others trained both networks on hundreds of millions of pairs. With whole vectors x of a picture and
y of a text in the encoder's joint space,

    s(p, q) = cos(x, y)

Paper: Radford et al. Learning Transferable Visual Models From Natural Language Supervision. ICML 2021.
Differs: several texts of a pair count as their mean vector. Collections and benchmarks prepare pictures as the network
was trained, cropped or squeezed (`image_encoder.as_trained`); a training does so if it is set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting
from diptych.methods.inputs import Widths
from diptych.methods.module import SideInformation
from diptych.methods.one_space import OneSpace
from diptych.methods.unscaled import Unscaled
from diptych.modality import MODALITIES, Modality
from diptych.rooms import Card

CARD = Card(
    title="The joint space of a dual encoder such as CLIP, without training",
    paper="Radford et al. Learning Transferable Visual Models From Natural Language Supervision. ICML",
    year=2021,
    learns="nothing",
)

__all__ = ["CARD", "PRESETS", "SEARCH", "Config", "Joint", "Model", "Widths"]


@dataclass(frozen=True)
class Config(Unscaled):
    """The dual encoder that a benchmark uses."""

    model: str = "transformers:openai/clip-vit-base-patch32"
    """The encoder of pictures and of texts: `transformers:NAME` or `open-clip:NAME`. A benchmark opens it in place of
    the encoders of the other methods; elsewhere the chosen encoders count."""

    @property
    def encoders(self) -> tuple[str, str]:
        """The dual encoder, for pictures and for texts."""
        return self.model, self.model


PRESETS = {"default": Config()}

SEARCH: dict[str, tuple[object, ...]] = {}
"""No hyperparameters."""


class Joint(OneSpace):
    """Unscaled whole vectors, compared by cosine."""

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "Joint":
        """Return the model for the encoder of these features."""
        sides: dict[Modality, Encoded] = {"image": features.images, "text": features.texts}
        names = {modality: _encoder_of(encoded) for modality, encoded in sides.items()}
        return cls.untrained(config, names, lambda modality: sides[modality].whole.shape[1], None)

    @classmethod
    def untrained(
        cls,
        config: Config,
        names: Mapping[Modality, str],
        width: Callable[[Modality], int],
        side_information: SideInformation | None,
    ) -> "Joint":
        """Return the model, after checking that both modalities come from one dual encoder."""
        images, texts = (names[modality] for modality in MODALITIES)
        widths = Widths(width("image"), width("text"), classes=0)
        if images != texts or images in ("", "given") or widths.image != widths.text:
            raise BadSetting(
                "joint compares pictures and texts in the space of one dual encoder; got pictures of "
                f"{images or 'an unnamed encoder'} and texts of {texts or 'an unnamed encoder'}. Choose one for both, "
                f"such as --image-encoder {config.model} --text-encoder {config.model}."
            )
        return cls(config, widths)

    @property
    def width(self) -> int:
        """Dimension of the encoder's vectors."""
        return self.widths.image

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return the whole vectors."""
        return whole


def _encoder_of(encoded: Encoded) -> str:
    """Return the name of the encoder of these vectors, without its fingerprint."""
    return encoded.encoder.rpartition("@")[0]


Model = Joint
