"""Any image network that transformers can open: ViT, DINOv2, the image tower of a CLIP, ConvNeXt.

Objective: none. `transformers:NAME` is a name on the hub or a local folder. Regions are the patch tokens or the
last feature map; the whole is the network's pooled vector, or the first token where it pools none. Of a CLIP the
image tower is used, before the projection into its joint space.
"""

from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Any

from jaxtyping import Float
from torch import Tensor
from transformers import AutoModel
from transformers.image_processing_base import ImageProcessingMixin

from diptych.encoders.arguments import argument_of
from diptych.encoders.contract import fingerprint_of
from diptych.encoders.vision import IMAGENET_MEAN, IMAGENET_STD, Grid, ImageNetwork, Wholes, as_grid
from diptych.encoders.weights import network_digest
from diptych.errors import BadCheckpoint, BadSetting
from diptych.rooms import Card

CARD = Card(
    title="Any image network of transformers",
    paper="Wolf et al., Transformers: State-of-the-Art Natural Language Processing, EMNLP demonstrations",
    year=2020,
    licence="that of the chosen weights",
    learns="nothing",
)

VERSION = 1


@dataclass(frozen=True)
class Config:
    """How pictures are shown to the network."""

    side: int = 0
    """Pixels of the square; 0 is the size in the network's own configuration."""
    flip: bool = False
    """Average with what is seen in the mirrored picture; takes twice as long."""


class Transformer(ImageNetwork):
    """An image network of transformers."""

    def __init__(self, name: str, config: Config, network: Any, scaling: dict[str, Any]) -> None:
        side = config.side or getattr(network.config, "image_size", 0)
        if not side:
            raise BadSetting(f"{name} does not say how large its pictures are. Set it: side=224.")
        super().__init__(
            name,
            fingerprint=fingerprint_of(name, weights=network_digest(network), config=config, version=VERSION),
            side=int(side),
            mean=tuple(scaling.get("image_mean") or IMAGENET_MEAN),
            std=tuple(scaling.get("image_std") or IMAGENET_STD),
            flip=config.flip,
        )
        self._loaded = network

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        """Return the tokens or feature map as a grid, and the pooled vector."""
        seen = self._network(pixel_values=images)
        hidden, pooled = seen.last_hidden_state, getattr(seen, "pooler_output", None)
        if hidden.ndim == 4:
            return hidden.permute(0, 2, 3, 1), (hidden.mean((2, 3)) if pooled is None else pooled.flatten(1))
        leading = hidden.shape[1] - isqrt(hidden.shape[1]) ** 2  # class and register tokens stand before the patches
        return as_grid(hidden[:, leading:]), (hidden[:, 0] if pooled is None else pooled)

    @cached_property
    def _network(self) -> Any:
        return self._loaded.to(self.device)


def open_encoder(name: str, config: Config) -> Transformer:
    """Return the image network in the folder, or of the hub's name, that the name's argument gives."""
    source = argument_of(name, wanted="name")
    try:
        model = AutoModel.from_pretrained(source)
        scaling, _ = ImageProcessingMixin.get_image_processor_dict(source)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadCheckpoint(f"{source} cannot be opened as a network of transformers: {reason}") from error
    return Transformer(name, config, getattr(model, "vision_model", model).eval(), scaling)
