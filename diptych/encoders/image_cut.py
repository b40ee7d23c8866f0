"""Image networks in two: the activations are the places of a map, row by row."""

from abc import abstractmethod
from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16
from torch import Tensor, nn
from torch.nn import functional

from diptych.encoders.cut import Blocks, Cut, Stem, Top, TopFeatures, sequential_depths
from diptych.encoders.vision import Grid, ImageNetwork, Wholes
from diptych.errors import BadSetting


class ImageStem(Stem):
    """The first blocks of an image network; without any, the scaled pixels.

    With `both` each place has the channels of the mirrored picture's map after those of the picture's.
    """

    def __init__(self, network: ImageNetwork, first: nn.Module, *, width: int, blocks: Blocks, both: bool) -> None:
        super().__init__(network, blocks=blocks, variant="both" if both else "")
        self._network, self._first, self._width, self._both = network, first, width, both

    @property
    def parts_width(self) -> int:
        """Channels of the map, or of both."""
        return self._width * (1 + self._both)

    @torch.inference_mode()
    def activations(self, prepared: Sequence[Any]) -> list[Float16[np.ndarray, "p c"]]:
        """Return the maps of prepared pictures."""
        images = self._network.scaled(prepared)
        views = [images, images.flip(3)] if self._both else [images]
        maps = [self.maps(view).half().cpu().numpy() for view in views]
        return list(np.concatenate(maps, axis=2))

    def maps(self, images: Float[Tensor, "b 3 side side"]) -> Float[Tensor, "b p c"]:
        """Return the maps of scaled pictures, with gradients."""
        return as_places(self._first(images))


class ImageTop(Top):
    """The last blocks of an image network, whose activations have `width` numbers at each place."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width

    def _view(self, activations: Float[Tensor, "b p _"]) -> Float[Tensor, "b p c"]:
        """Return one view of each picture: its own or, in training, the mirrored one half the time."""
        own, mirrored = activations[..., : self.width], activations[..., self.width :]
        if not (mirrored.shape[2] and self.training and self.augmentation.mirror):
            return own
        return torch.where(self.drawn(own, 1, 1) < 0.5, own, mirrored)


class MapTop(ImageTop):
    """Blocks that run one after the other, from maps, or pixels, to regions and whole."""

    def __init__(self, blocks: nn.Sequential, *, width: int) -> None:
        super().__init__(width=width)
        self.blocks = blocks

    @abstractmethod
    def look(self, maps: Float[Tensor, "b c h w"]) -> tuple[Grid, Wholes]:
        """Return the grid of regions and the whole vectors."""

    def forward(self, activations: Float[Tensor, "b p c"], mask: Bool[Tensor, "b p"]) -> TopFeatures:
        """Return the features of pictures, or of their mirrored ones."""
        maps = self._cropped(as_maps(self._view(activations)))
        grid, whole = self.look(maps)
        regions = grid.flatten(1, 2)
        return TopFeatures(regions, mask.new_ones(regions.shape[:2]), whole)

    def depths(self) -> dict[str, int]:
        """Return for each parameter how many blocks come after its own."""
        return sequential_depths(self.blocks, prefix="blocks")

    def _cropped(self, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Return a random crop of each map, resized to the map's size."""
        smallest = self.augmentation.crop
        if not self.training or smallest >= 1:
            return maps
        size, across, down = self.drawn(maps, 3).unbind(1)
        size = smallest + (1 - smallest) * size
        none = torch.zeros_like(size)
        right, below = ((1 - size) * (2 * place - 1) for place in (across, down))
        theta = torch.stack([torch.stack([size, none, right], 1), torch.stack([none, size, below], 1)], dim=1)
        places = functional.affine_grid(theta, list(maps.shape), align_corners=False)
        return functional.grid_sample(maps, places, padding_mode="border", align_corners=False)


def as_places(values: Float[Tensor, "b *any"]) -> Float[Tensor, "b p c"]:
    """Return maps with their places in one row; tokens are in one already."""
    return values.flatten(2).transpose(1, 2) if values.ndim == 4 else values


def as_maps(activations: Float[Tensor, "b p c"]) -> Float[Tensor, "b c rows rows"]:
    """Return the activations of square maps, channels last in memory."""
    side = isqrt(activations.shape[1])
    return activations.reshape(activations.shape[0], side, side, -1).permute(0, 3, 1, 2)


def image_cut(network: ImageNetwork, first: nn.Module, top: ImageTop, *, blocks: Blocks) -> Cut:
    """Return an image network in two: the frozen blocks give the maps that the others take."""
    if network.flip:
        raise BadSetting(
            f"flip averages the features of two pictures, through which {network.name} cannot learn. Set "
            "image_encoder.flip=false: training mirrors pictures by itself (tune.mirror)."
        )
    stem, mirroring = (ImageStem(network, first, width=top.width, blocks=blocks, both=both) for both in (False, True))
    return Cut(network, blocks, stem, mirroring, top.eval().requires_grad_())
