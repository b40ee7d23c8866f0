"""Any image network of timm, by its name there: `timm:vit_small_patch14_dinov2`.

Objective: none. Regions are the last feature map or the patch tokens, the whole is what timm pools before its
classifier. Weights come from timm's hub (or its local cache), from `hf-hub:NAME` or from `local-dir:FOLDER`, the
scaling from the model's own settings.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diptych.encoders.arguments import argument_of, import_extra
from diptych.encoders.contract import EncoderWidths, fingerprint_of
from diptych.encoders.cut import Blocks, Cut
from diptych.encoders.hub import opened_by
from diptych.encoders.listed_cut import listed_cut
from diptych.encoders.vision import Grid, ImageNetwork, Wholes, as_grid
from diptych.encoders.weights import network_digest
from diptych.errors import UnknownName
from diptych.rooms import Card

CARD = Card(
    title="Any image network of timm",
    paper="Wightman, PyTorch Image Models",
    year=2019,
    licence="that of the chosen weights",
    needs=("timm",),
    learns="nothing",
)

VERSION = 1


@dataclass(frozen=True)
class Config:
    """Preprocessing of pictures."""

    flip: bool = False
    """Average the features with those of the mirrored picture; takes twice as long."""


class Timm(ImageNetwork):
    """A timm model without its classifier."""

    def __init__(self, name: str, config: Config, network: Any, scaling: dict[str, Any]) -> None:
        super().__init__(
            name,
            fingerprint=fingerprint_of(name, weights=network_digest(network), config=config, version=VERSION),
            side=int(scaling["input_size"][-1]),
            mean=tuple(scaling["mean"]),
            std=tuple(scaling["std"]),
            flip=config.flip,
        )
        self._loaded = network

    @property
    def declared_widths(self) -> EncoderWidths:
        """The widths of the features and of the pooled vector, as declared by timm; few networks differ from them."""
        width = int(self._loaded.num_features)
        return width, int(getattr(self._loaded, "head_hidden_size", None) or width)

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        """Return the feature map, or the patch tokens as a grid, and the pooled vector."""
        features = self._network.forward_features(images)
        whole = self._network.forward_head(features, pre_logits=True)
        return self._grid(features), whole

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two."""
        return listed_cut(self, blocks)

    @cached_property
    def _network(self) -> Any:
        return self._loaded.to(self.device)

    def _grid(self, features: Float[Tensor, "..."]) -> Grid | None:
        width = self._network.num_features
        if features.ndim == 4:
            return features if features.shape[-1] == width else features.permute(0, 2, 3, 1)
        patches = features[:, getattr(self._network, "num_prefix_tokens", 0) :]
        return as_grid(patches)


def open_encoder(name: str, config: Config) -> Timm:
    """Return the timm model named by the argument."""
    timm = import_extra("timm", extra="timm")
    model = argument_of(name, kind="name")
    if ":" not in model and not timm.is_model(model.partition(".")[0]):
        raise UnknownName.among("timm", model, timm.list_models())
    with opened_by("timm", model):
        network = timm.create_model(model, pretrained=True, num_classes=0).eval()
    return Timm(name, config, network, timm.data.resolve_model_data_config(network))
