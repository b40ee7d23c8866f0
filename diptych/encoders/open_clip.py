"""The image tower of any CLIP in open_clip: `open_clip:ViT-B-32/laion2b_s34b_b79k`.

Objective: none. What stands before the last slash is the architecture, after it the tag or file of its weights;
`local-dir:FOLDER` and `hf-hub:NAME` are passed on as they are. The whole is the vector in CLIP's joint space;
regions are the patch tokens of a vision transformer, and other towers have none.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diptych.encoders.arguments import argument_of, import_extra
from diptych.encoders.contract import fingerprint_of
from diptych.encoders.vision import Grid, ImageNetwork, Wholes, as_grid
from diptych.encoders.weights import network_digest
from diptych.rooms import Card

CARD = Card(
    title="The image tower of any CLIP in open_clip",
    paper="Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML",
    year=2021,
    licence="that of the chosen weights",
    needs=("open-clip",),
    learns="nothing",
)

VERSION = 1


@dataclass(frozen=True)
class Config:
    """How pictures are shown to the network."""

    flip: bool = False
    """Average with what is seen in the mirrored picture; takes twice as long."""


class OpenClip(ImageNetwork):
    """The image tower of a CLIP."""

    def __init__(self, name: str, config: Config, tower: Any, scaling: dict[str, Any]) -> None:
        size = scaling["size"]
        super().__init__(
            name,
            fingerprint=fingerprint_of(name, weights=network_digest(tower), config=config, version=VERSION),
            side=int(size if isinstance(size, int) else size[0]),
            mean=tuple(scaling["mean"]),
            std=tuple(scaling["std"]),
            flip=config.flip,
        )
        self._loaded = tower

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        """Return the patch tokens as a grid, where there are any, and the vector in the joint space."""
        seen = self._tower(images)
        if not isinstance(seen, tuple):
            return None, seen
        whole, patches = seen
        return as_grid(patches), whole

    @cached_property
    def _tower(self) -> Any:
        if hasattr(self._loaded, "output_tokens"):
            self._loaded.output_tokens = True
        return self._loaded.to(self.device)


def open_encoder(name: str, config: Config) -> OpenClip:
    """Return the image tower that the name's argument names."""
    open_clip = import_extra("open_clip", extra="open-clip")
    argument = argument_of(name, wanted="name")
    if argument.startswith(("local-dir:", "hf-hub:")):
        model = open_clip.create_model(argument)
    else:
        architecture, _, tag = argument.partition("/")
        model = open_clip.create_model(architecture, pretrained=tag or None, require_pretrained=True)
    return OpenClip(name, config, model.visual.eval(), open_clip.get_model_preprocess_cfg(model))
