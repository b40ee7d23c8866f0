"""Both sides of any CLIP in open_clip: `open_clip:ViT-B-32/laion2b_s34b_b79k`.

Objective: none. The part before the last slash is the architecture, the part after it the tag or file of its weights;
`local-dir:FOLDER` and `hf-hub:NAME` are passed through. The whole is the vector in CLIP's joint space;
regions are the patch tokens of a vision transformer, and other towers, the text's among them, have no parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from diptych.encoders.arguments import argument_of, import_extra
from diptych.encoders.contract import LATER, EncoderWidths, ItemFeatures, fingerprint_of, stated_widths
from diptych.encoders.cut import Blocks, Cut
from diptych.encoders.framing import framing_of_clip
from diptych.encoders.hub import opened_by
from diptych.encoders.listed_cut import listed_cut
from diptych.encoders.listed_text_cut import listed_text_cut
from diptych.encoders.text_network import TextNetwork
from diptych.encoders.vision import Grid, ImageNetwork, Wholes, as_grid
from diptych.encoders.weights import network_digest
from diptych.rooms import Card

CARD = Card(
    title="Any CLIP in open_clip: its image tower or its text tower",
    paper="Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML",
    year=2021,
    licence="that of the chosen weights",
    needs=("open-clip",),
    learns="nothing",
)

VERSION = 1


@dataclass(frozen=True)
class Config:
    """Preprocessing of pictures."""

    flip: bool = False
    """Average the features with those of the mirrored picture; takes twice as long."""
    as_trained: bool = field(default=False, metadata=LATER)
    """Scale and crop pictures as the network was trained; what lies outside a crop is not seen. Otherwise they are
    squeezed into the square, so that the regions cover all of them."""


@dataclass(frozen=True)
class TextConfig:
    """No settings for texts: the network defines them."""


class OpenClip(ImageNetwork):
    """The image tower of a CLIP."""

    def __init__(self, name: str, config: Config, tower: Any, scaling: dict[str, Any], width: int | None) -> None:
        size = scaling["size"]
        side = int(size if isinstance(size, int) else size[0])
        super().__init__(
            name,
            fingerprint=fingerprint_of(name, weights=network_digest(tower), config=config, version=VERSION),
            side=side,
            mean=tuple(scaling["mean"]),
            std=tuple(scaling["std"]),
            flip=config.flip,
            framing=framing_of_clip(scaling, side=side) if config.as_trained else None,
        )
        self._loaded, self._width = tower, width

    @property
    def declared_widths(self) -> EncoderWidths | None:
        """The widths of a vision transformer's final normalisation and of the joint space."""
        if self._width is None or getattr(self._loaded, "attn_pool", None) is not None:
            return None  # it does not declare how many tokens attention pooling returns
        tokens = self._loaded.ln_post.normalized_shape[0] if hasattr(self._loaded, "output_tokens") else None
        return tokens, self._width

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        """Return the patch tokens as a grid, if any, and the vector in the joint space."""
        outputs = self._tower(images)
        if not isinstance(outputs, tuple):
            return None, outputs
        whole, patches = outputs
        return as_grid(patches), whole

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two."""
        return listed_cut(self, blocks)

    @cached_property
    def _tower(self) -> Any:
        if hasattr(self._loaded, "output_tokens"):
            self._loaded.output_tokens = True
        return self._loaded.to(self.device)


class OpenClipText(TextNetwork):
    """The text tower of a CLIP: whole vectors only."""

    masks_words = False

    def __init__(self, name: str, config: TextConfig, towers: Any, tokenizer: Any) -> None:
        super().__init__(name, towers)
        self._width = joint_width(towers)
        self.tokenizer = tokenizer
        del towers.visual
        self.fingerprint = fingerprint_of(name, weights=network_digest(towers), config=config, version=VERSION)

    @property
    def parts_width(self) -> None:
        """None: there are no parts."""
        return

    @property
    def whole_width(self) -> int:
        """Dimension of the text, the same as of the picture."""
        return stated_widths(self.name, None if self._width is None else (None, self._width))[1]

    def prepare(self, item: str) -> Tensor:
        """Return the text's tokens, cut and padded to the length that the network was trained on."""
        tokens: Tensor = self.tokenizer([item])[0]
        return tokens

    @torch.inference_mode()
    def encode(self, prepared: Sequence[Tensor]) -> list[ItemFeatures]:
        """Return each text's vector in the joint space."""
        _, wholes = self.read(*self.tokens(prepared))
        return [ItemFeatures(None, whole) for whole in wholes.half().cpu().numpy()]

    def tokens(self, prepared: Sequence[Tensor]) -> tuple[Int[Tensor, "b t"], Bool[Tensor, "b t"]]:
        """Return the token numbers, all of which the network reads, padding included."""
        ids = torch.stack(list(prepared)).to(self.device)
        return ids, torch.ones_like(ids, dtype=torch.bool)

    def read(self, ids: Int[Tensor, "b t"], mask: Bool[Tensor, "b t"]) -> tuple[None, Wholes]:
        """Return the vectors in the joint space."""
        return None, self._tower.encode_text(ids)

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two."""
        return listed_text_cut(self, blocks)

    @cached_property
    def _tower(self) -> Any:
        return self._loaded.to(self.device)


def joint_width(model: Any) -> int | None:
    """Return the dimension of the joint space of a two-tower network; None if it is not declared."""
    projection = getattr(model, "text_projection", None)
    if isinstance(projection, nn.Linear):
        return projection.out_features
    if projection is not None:
        return int(projection.shape[1])
    return getattr(getattr(model, "text", None), "output_dim", None)


def open_encoder(name: str, config: Config) -> OpenClip:
    """Return the image tower named by the argument."""
    open_clip, model, _ = _opened(name)
    return OpenClip(name, config, model.visual, open_clip.get_model_preprocess_cfg(model), joint_width(model))


def open_text_encoder(name: str, config: TextConfig) -> OpenClipText:
    """Return the text tower named by the argument."""
    open_clip, model, architecture = _opened(name)
    with opened_by("open_clip", architecture):
        tokenizer = open_clip.get_tokenizer(architecture)
    return OpenClipText(name, config, model, tokenizer)


def _opened(name: str) -> tuple[Any, Any, str]:
    """Return the package, the two-tower network, and its name without the weights."""
    open_clip = import_extra("open_clip", extra="open-clip")
    argument = argument_of(name, kind="name")
    whole_name = argument.startswith(("local-dir:", "hf-hub:"))
    architecture, _, tag = (argument, "", "") if whole_name else argument.partition("/")
    weights = {} if whole_name else {"pretrained": tag or None, "require_pretrained": True}
    with opened_by("open_clip", argument):
        return open_clip, open_clip.create_model(architecture, **weights).eval(), architecture
