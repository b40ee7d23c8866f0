"""Any image network that transformers can open (ViT, DINOv2, ConvNeXt), and both sides of its CLIPs and SigLIPs.

Objective: none. `transformers:NAME` is a name on the hub or a local folder. Regions are the patch tokens or the
last feature map; the whole is the network's pooled vector, or the first token without pooling. Of a dual
encoder, the requested side is opened, and the whole is the vector in the joint space; its words are the text
network's tokens, including special ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isqrt
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from diptych.encoders.arguments import argument_of, import_extra
from diptych.encoders.contract import LATER, EncoderWidths, ItemFeatures, Span, fingerprint_of, stated_widths
from diptych.encoders.cut import Blocks, Cut
from diptych.encoders.framing import framing_of_processor
from diptych.encoders.hub import opened_by
from diptych.encoders.listed_cut import listed_cut
from diptych.encoders.listed_text_cut import listed_text_cut
from diptych.encoders.text_network import States, TextNetwork
from diptych.encoders.token_spans import token_spans
from diptych.encoders.vision import IMAGENET_MEAN, IMAGENET_STD, Grid, ImageNetwork, Wholes, as_grid
from diptych.encoders.weights import network_digest
from diptych.errors import BadSetting
from diptych.rooms import Card

CARD = Card(
    title="Any image network or dual encoder of transformers",
    paper="Wolf et al., Transformers: State-of-the-Art Natural Language Processing, EMNLP demonstrations",
    year=2020,
    licence="that of the chosen weights",
    needs=("transformers",),
    learns="nothing",
)

VERSION = 2
MASK = "attention_mask"
HIDDEN = ("project_dim", "neck_hidden_sizes", "hidden_size", "hidden_sizes", "embed_dims", "hidden_dim", "num_features")
"""Configuration fields for the width of the last hidden states; in a list it is the last."""
POOLED = ("pooler_output_size", "projection_size")
"""Configuration fields for a different width of the pooled vector."""


@dataclass(frozen=True)
class Config:
    """Preprocessing of pictures."""

    side: int = 0
    """Side of the input square in pixels; 0 means the size in the network's configuration."""
    flip: bool = False
    """Average the features with those of the mirrored picture; takes twice as long."""
    as_trained: bool = field(default=False, metadata=LATER)
    """Scale and crop pictures as the network was trained; what lies outside a crop is not seen. Otherwise they are
    squeezed into the square, so that the regions cover all of them."""


@dataclass(frozen=True)
class TextConfig:
    """No settings for texts: the network defines them."""


class TransformerTower(nn.Module):
    """A network of one modality: x -> hidden states and one vector, in the joint space of a dual encoder."""

    def __init__(self, network: nn.Module, projection: nn.Module | None = None) -> None:
        super().__init__()
        self.network = network
        self.projection = projection or nn.Identity()

    def forward(self, **inputs: Tensor) -> tuple[Float[Tensor, "b ..."], Wholes]:
        """Return the last hidden states and the whole vectors."""
        outputs = self.network(**inputs)
        hidden, pooled = outputs.last_hidden_state, getattr(outputs, "pooler_output", None)
        if pooled is None:
            pooled = hidden.mean((2, 3)) if hidden.ndim == 4 else hidden[:, 0]
        return hidden, self.projection(pooled.flatten(1))

    @property
    def widths(self) -> tuple[int, int] | None:
        """The widths of a hidden state and of the whole vector in the configuration, or None."""
        config = self.network.config
        stated = next((value for name in HIDDEN if (value := getattr(config, name, None))), None)
        if stated is None:
            return None
        hidden = stated[-1] if isinstance(stated, list | tuple) else stated
        projected = [layer.out_features for layer in self.projection.modules() if isinstance(layer, nn.Linear)]
        pooled = next((value for name in POOLED if (value := getattr(config, name, None))), hidden)
        return hidden, projected[-1] if projected else pooled


class Transformer(ImageNetwork):
    """An image network of transformers."""

    def __init__(self, name: str, config: Config, tower: TransformerTower, scaling: dict[str, Any]) -> None:
        side = config.side or getattr(tower.network.config, "image_size", 0)
        if not side:
            raise BadSetting(f"{name} does not declare its input size. Set it: side=224.")
        super().__init__(
            name,
            fingerprint=fingerprint_of(name, weights=network_digest(tower), config=config, version=VERSION),
            side=int(side),
            mean=tuple(scaling.get("image_mean") or IMAGENET_MEAN),
            std=tuple(scaling.get("image_std") or IMAGENET_STD),
            flip=config.flip,
            framing=framing_of_processor(scaling, side=int(side)) if config.as_trained else None,
        )
        self._loaded = tower

    @property
    def declared_widths(self) -> EncoderWidths | None:
        """The widths in the network's configuration."""
        widths: EncoderWidths | None = self._loaded.widths
        return widths

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        """Return the tokens or feature map as a grid, and the pooled vector."""
        hidden, whole = self._tower(pixel_values=images)
        if hidden.ndim == 4:
            return hidden.permute(0, 2, 3, 1), whole
        leading = hidden.shape[1] - isqrt(hidden.shape[1]) ** 2  # class and register tokens precede the patches
        return as_grid(hidden[:, leading:]), whole

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two."""
        return listed_cut(self, blocks)

    @cached_property
    def _tower(self) -> TransformerTower:
        tower: TransformerTower = self._loaded.to(self.device)
        return tower


class TransformerText(TextNetwork):
    """The text side of a dual encoder, on texts truncated and padded to its training length."""

    def __init__(self, name: str, config: TextConfig, tower: TransformerTower, tokenizer: Any) -> None:
        super().__init__(name, tower)
        self.tokenizer = tokenizer
        self.longest = int(tower.network.config.max_position_embeddings)  # type: ignore[union-attr,arg-type]
        self.masks_words = MASK in tokenizer.model_input_names
        self.fingerprint = fingerprint_of(name, weights=network_digest(tower), config=config, version=VERSION)

    @property
    def parts_width(self) -> int | None:
        """Dimension of a token."""
        return stated_widths(self.name, self._loaded.widths)[0]

    @property
    def whole_width(self) -> int:
        """Dimension of the text, the same as of the picture."""
        return stated_widths(self.name, self._loaded.widths)[1]

    def prepare(self, item: str) -> str:
        """Return the text as it is."""
        return item

    @torch.inference_mode()
    def encode(self, prepared: Sequence[str]) -> list[ItemFeatures]:
        """Return each text's tokens and its vector in the joint space."""
        ids, mask = self.tokens(prepared)
        hidden, whole = self.read(ids, mask)
        lengths = mask.sum(1).tolist()
        parts, wholes = hidden.half().cpu().numpy(), whole.half().cpu().numpy()
        return [ItemFeatures(parts[k, : lengths[k]], wholes[k]) for k in range(len(prepared))]

    def tokens(self, prepared: Sequence[str]) -> tuple[Int[Tensor, "b t"], Bool[Tensor, "b t"]]:
        """Return the token numbers, padded to the training length, and which of them are the text's own."""
        tokens = self.tokenizer(
            list(prepared),
            padding="max_length",
            truncation=True,
            max_length=self.longest,
            return_attention_mask=True,
            return_tensors="pt",
        )
        return tokens["input_ids"].to(self.device), tokens[MASK].bool().to(self.device)

    def read(self, ids: Int[Tensor, "b t"], mask: Bool[Tensor, "b t"]) -> tuple[States, Wholes]:
        """Return the hidden states and the vectors in the joint space."""
        masked = {MASK: mask.long()} if self.masks_words else {}
        states, whole = self._tower(input_ids=ids, **masked)
        return states, whole

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two."""
        return listed_text_cut(self, blocks)

    def spans(self, text: str) -> tuple[Span | None, ...] | None:
        """Return the span of each token in the text; None for special tokens."""
        return token_spans(self.tokenizer, text, longest=self.longest)

    @cached_property
    def _tower(self) -> TransformerTower:
        tower: TransformerTower = self._loaded.to(self.device)
        return tower


def open_encoder(name: str, config: Config) -> Transformer:
    """Return the image network in the folder, or with the hub name, given by the argument."""
    library, source = import_extra("transformers", extra="transformers"), argument_of(name, kind="name")
    processing = import_extra("transformers.image_processing_base", extra="transformers")
    with opened_by("transformers", source):
        model = library.AutoModel.from_pretrained(source, trust_remote_code=False).eval()
        scaling, _ = processing.ImageProcessingMixin.get_image_processor_dict(source)
    projection = getattr(model, "visual_projection", None)
    return Transformer(name, config, TransformerTower(getattr(model, "vision_model", model), projection), scaling)


def open_text_encoder(name: str, config: TextConfig) -> TransformerText:
    """Return the text side of the dual encoder in that folder, or of that name on the hub."""
    library, source = import_extra("transformers", extra="transformers"), argument_of(name, kind="name")
    with opened_by("transformers", source):
        model = library.AutoModel.from_pretrained(source, trust_remote_code=False).eval()
        if not (hasattr(model, "text_model") and hasattr(model, "vision_model")):
            raise BadSetting(
                f"as an encoder of texts {name} must name a dual encoder such as CLIP or SigLIP; it is a "
                f"{type(model).__name__}. For other text networks, use --text-encoder sentence-transformers:NAME."
            )
        tokenizer = library.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    projection = getattr(model, "text_projection", None)
    return TransformerText(name, config, TransformerTower(model.text_model, projection), tokenizer)
