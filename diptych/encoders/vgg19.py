"""VGG-19, the image network of the MCSM paper: pool5 as regions, fc7 as the whole.

Objective: none; trained by others to tell the 1,000 classes of ImageNet apart. `vgg19:PATH` points at a state dict
with the names of torchvision's vgg19 (`features.0.weight` to `classifier.3.bias`), `.pth` or `.safetensors`.
Regions are the 7 x 7 x 512 map after the last pooling, the whole is ReLU(fc7), 4096 numbers. Widths are read from
the file.

Differs: the whole picture is squeezed into the square, without a crop.
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diptych.encoders.arguments import file_argument
from diptych.encoders.contract import EncoderWidths, fingerprint_of
from diptych.encoders.cut import Blocks, Cut, checked_blocks
from diptych.encoders.image_cut import MapTop, image_cut
from diptych.encoders.vision import IMAGENET_MEAN, IMAGENET_STD, Grid, ImageNetwork, Wholes
from diptych.encoders.weights import fit_state, read_state
from diptych.errors import BadCheckpoint, BadSetting
from diptych.files import file_digest
from diptych.maths.dropout import Dropout
from diptych.rooms import Card

CARD = Card(
    title="VGG-19, the network of the MCSM paper",
    paper="Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR",
    year=2015,
    licence="that of the weight file",
    learns="nothing",
)

VERSION = 1
CONVOLUTIONS = (2, 2, 4, 4, 4)
"""How many before each pooling."""
GRID = 7
STRIDE = 32
FC6, DROPOUT, FC7 = 0, 2, 3
"""Their positions in torchvision's classifier."""
CONV5_4 = 34
"""The position of the last convolution."""


@dataclass(frozen=True)
class Config:
    """Preprocessing of pictures."""

    side: int = 224
    """Side of the input square in pixels; for larger ones the last map is averaged down to 7 x 7."""
    flip: bool = False
    """Average the features with those of the mirrored picture; takes twice as long."""


class Vgg19(ImageNetwork):
    """VGG-19 up to fc7."""

    def __init__(self, name: str, config: Config, weights: Path) -> None:
        fingerprint = fingerprint_of(name, weights=file_digest(weights), config=config, version=VERSION)
        super().__init__(
            name, fingerprint=fingerprint, side=config.side, mean=IMAGENET_MEAN, std=IMAGENET_STD, flip=config.flip
        )
        self.weights = weights

    @property
    def declared_widths(self) -> EncoderWidths:
        """The channels of the last convolution and the outputs of fc7, from the file."""
        features, classifier = (cast("nn.Sequential", self._network[part]) for part in ("features", "classifier"))
        return cast("nn.Conv2d", features[CONV5_4]).out_channels, cast("nn.Linear", classifier[FC7]).out_features

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid, Wholes]:
        """Return pool5 and fc7."""
        maps = self._network["avgpool"](self._network["features"](images))
        return maps.permute(0, 2, 3, 1), self._network["classifier"](maps.flatten(1))

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two; its blocks are 16 convolutions, fc6 and fc7.

        If fc7 learns alone, the activations are pool5 all the same, and fc6 stays frozen among the last blocks.
        """
        layers = list(cast("nn.Sequential", self._network["features"]))
        starts = [*_convolution_positions(), len(layers), len(layers)]
        learning = len(starts) if blocks == "all" else checked_blocks(self, blocks, there=len(starts))
        start = starts[-learning]
        first, last = nn.Sequential(*layers[:start]), nn.Sequential(*deepcopy(layers[start:]))
        width = [3, *(each.out_channels for each in first if isinstance(each, nn.Conv2d))][-1]
        own = image_cut(self, first, VggTop(last, deepcopy(self._network["classifier"]), width=width), blocks=blocks)
        if learning == 1:
            cast("VggTop", own.top).classifier[FC6].requires_grad_(False)
        return own

    @cached_property
    def _network(self) -> nn.ModuleDict:
        state = read_state(self.weights)
        layers = {name: tensor for name, tensor in state.items() if not name.startswith("classifier.6.")}
        try:
            widths = [state[f"features.{k}.weight"].shape[0] for k in _convolution_positions()]
            hidden = [state[f"classifier.{k}.weight"].shape[0] for k in (FC6, FC7)]
        except KeyError as error:
            raise BadCheckpoint(f"{self.weights} is not a VGG-19: it lacks {error}. Use torchvision's.") from error
        with torch.inference_mode(mode=False):  # gradients may have to flow through it later
            network = build(widths, hidden)
            fit_state(network, layers, self.weights)
            return network.eval().to(self.device)


class VggTop(MapTop):
    """The last convolutions of VGG-19, fc6 and fc7, with the dropout between them that it was trained with."""

    def __init__(self, blocks: nn.Sequential, classifier: nn.Module, *, width: int) -> None:
        super().__init__(blocks, width=width)
        self.classifier = cast("nn.Sequential", classifier)
        self.classifier[DROPOUT] = Dropout(0.5)
        self.pool = nn.AdaptiveAvgPool2d(GRID)

    def look(self, maps: Float[Tensor, "b c h w"]) -> tuple[Grid, Wholes]:
        """Return pool5 and fc7."""
        pooled = self.pool(self.blocks(maps))
        return pooled.permute(0, 2, 3, 1), self.classifier(pooled.flatten(1))

    def depths(self) -> dict[str, int]:
        """Return for each parameter how many blocks come after its own."""
        convolutions = [k for k, layer in enumerate(self.blocks) if isinstance(layer, nn.Conv2d)]
        after = {k: 1 + len(convolutions) - place for place, k in enumerate(convolutions)}
        depths = {f"blocks.{name}": after[int(name.partition(".")[0])] for name, _ in self.blocks.named_parameters()}
        for name, _ in self.classifier.named_parameters():
            depths[f"classifier.{name}"] = int(name.startswith(f"{FC6}."))
        return depths


def build(widths: list[int], hidden: list[int]) -> nn.ModuleDict:
    """Return an untrained VGG-19 up to fc7 with the given widths of its 16 convolutions and of fc6 and fc7."""
    layers: list[nn.Module] = []
    channels, remaining = 3, iter(widths)
    for count in CONVOLUTIONS:
        for _ in range(count):
            width = next(remaining)
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    fc6, fc7 = nn.Linear(channels * GRID * GRID, hidden[0]), nn.Linear(hidden[0], hidden[1])
    classifier = nn.Sequential(fc6, nn.ReLU(inplace=True), nn.Dropout(), fc7, nn.ReLU(inplace=True))
    parts = {"features": nn.Sequential(*layers), "avgpool": nn.AdaptiveAvgPool2d(GRID), "classifier": classifier}
    return nn.ModuleDict(parts)


def _convolution_positions() -> list[int]:
    """Return the positions of the convolutions among torchvision's layers: 0, 2, 5, 7, 10, ..."""
    positions, position = [], 0
    for count in CONVOLUTIONS:
        positions += [position + 2 * k for k in range(count)]
        position += 2 * count + 1
    return positions


def open_encoder(name: str, config: Config) -> Vgg19:
    """Return VGG-19 with the weight file named by the argument."""
    if config.side < STRIDE:
        raise BadSetting(f"side must be at least {STRIDE} pixels; got {config.side}.")
    return Vgg19(name, config, file_argument(name))
