"""The base of all image networks: from pixels to a grid of regions and one vector."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from math import isqrt
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from diptych.data.addresses import Picture
from diptych.data.pictures import decode
from diptych.encoders.contract import Encoder, EncoderWidths, ItemFeatures, stated_widths
from diptych.encoders.framing import Framing, Visible
from diptych.modality import Modality

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

TOGETHER = 32
"""Batch size on a GPU, large enough to keep it busy."""

Triple = tuple[float, float, float]
Grid = Float[Tensor, "b rows columns d"]
Wholes = Float[Tensor, "b d_whole"]


def as_grid(patches: Float[Tensor, "b p d"]) -> Grid | None:
    """Return patch tokens as a square grid; None if their number is not a square."""
    side = isqrt(patches.shape[1])
    return patches.reshape(patches.shape[0], side, side, -1) if side * side == patches.shape[1] else None


@contextmanager
def _exact_convolutions() -> Iterator[None]:
    """Disable TF32 convolutions on a GPU, because CPUs and GPUs share one cache."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


class ImageNetwork(Encoder):
    """An image encoder: x -> (x/255 - mean) / std -> regions and whole.

    A picture is resized (bicubic) to a square of `side` pixels, without cropping, so that the regions cover all of
    it, unless a `framing` says how the network was trained. With `flip`, the features of the mirrored picture are
    mirrored back and averaged in.
    """

    modality: Modality = "image"
    _loaded: Any = None
    batch = 4  # activations of more pictures do not fit the CPU cache; a GPU takes `TOGETHER`

    def __init__(
        self,
        name: str,
        *,
        fingerprint: str,
        side: int,
        mean: Triple,
        std: Triple,
        flip: bool,
        framing: Framing | None = None,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.side = side
        self.mean = mean
        self.std = std
        self.flip = flip
        self.framing = framing or Framing(side)
        self._seen: EncoderWidths | None = None  # after the first encoded picture
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.type == "cuda":
            self.batch = TOGETHER

    @abstractmethod
    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        """Return the grid of regions (None without regions) and the whole vector of each scaled picture."""

    @property
    def loaded(self) -> Any:
        """The network that another library has loaded."""
        return self._loaded

    def with_network(self, network: Any) -> "ImageNetwork":
        """Return the same encoder with another network of the same kind."""
        twin = copy(self)
        for cached in ("_network", "_tower"):
            twin.__dict__.pop(cached, None)
        twin._loaded, twin.device = network, next(network.parameters()).device
        return twin

    @property
    @abstractmethod
    def declared_widths(self) -> EncoderWidths | None:
        """The declared widths of a region and of the whole; None if the network declares none."""

    @property
    def parts_width(self) -> int | None:
        """Dimension of a region."""
        return stated_widths(self.name, self._seen or self.declared_widths)[0]

    @property
    def whole_width(self) -> int:
        """Dimension of the whole."""
        return stated_widths(self.name, self._seen or self.declared_widths)[1]

    def prepare(self, item: Picture) -> UInt8[np.ndarray, "side side 3"]:
        """Return the picture's pixels at the network's size."""
        picture = decode(item, side=self.framing.shortest or self.side)
        if picture.size != (self.side, self.side) or self.framing.shortest > self.side:
            picture = self.framing.framed(picture)
        return np.asarray(picture)

    def visible(self, width: int, height: int) -> Visible:
        """Return the part of a picture of this size that lies in the square."""
        return self.framing.visible(width, height)

    def encode(self, prepared: Sequence[UInt8[np.ndarray, "side side 3"]]) -> list[ItemFeatures]:
        """Return the regions and the whole vector of each picture."""
        grid, whole = self._look_twice(prepared)
        self._seen = None if grid is None else grid.shape[-1], whole.shape[-1]
        wholes = whole.half().cpu().numpy()
        if grid is None:
            return [ItemFeatures(None, vector) for vector in wholes]
        regions = grid.flatten(1, 2).half().cpu().numpy()
        return [ItemFeatures(*both) for both in zip(regions, wholes, strict=True)]

    @torch.inference_mode()
    def _look_twice(self, prepared: Sequence[UInt8[np.ndarray, "side side 3"]]) -> tuple[Grid | None, Wholes]:
        images = self.scaled(prepared)
        with _exact_convolutions():
            return self._look(images)

    def _look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        grid, whole = self.look(images)
        if not self.flip:
            return grid, whole
        mirrored_grid, mirrored_whole = self.look(images.flip(3))
        if grid is not None and mirrored_grid is not None:
            grid = (grid + mirrored_grid.flip(2)) / 2
        return grid, (whole + mirrored_whole) / 2

    @property
    def pixels(self) -> "ImageNetwork":
        """The network itself."""
        return self

    def seen(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Float[Tensor, "b r d"] | None, Wholes]:
        """Return the regions and the whole vectors of scaled pictures, with gradients."""
        with _exact_convolutions():
            grid, whole = self._look(images)
        return None if grid is None else grid.flatten(1, 2), whole

    def scaled(self, prepared: Sequence[UInt8[np.ndarray, "side side 3"]]) -> Float[Tensor, "b 3 side side"]:
        """Return the pictures as one tensor, channels last in memory: the faster order for convolutions."""
        pixels = torch.from_numpy(np.stack(prepared)).to(self.device).permute(0, 3, 1, 2).float()
        mean, std = (
            torch.tensor(values, device=self.device).view(1, 3, 1, 1) * 255 for values in (self.mean, self.std)
        )
        return (pixels - mean) / std
