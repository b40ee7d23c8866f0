"""A picture as a grid of cells of pixels, for attribution through the image network.

A cell is a part like a region, so every way that attributes a score to parts applies: the score follows the network
from the pixels. A part that is removed has the network's mean colour, the zero of its scaled pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor
from torch.nn import functional

from diptych.data.addresses import Picture
from diptych.encoders.contract import Encoder, PixelNetwork
from diptych.errors import BadSetting
from diptych.methods.batches import FeatureBatch
from diptych.methods.contract import TraceableMethod
from diptych.methods.embeddings import device_of

ROWS = 14
"""Rows and columns of cells."""


@dataclass(frozen=True)
class Pixels:
    """One picture as a sequence of cells, each of which holds its scaled pixels."""

    method: TraceableMethod
    network: PixelNetwork
    scaled: FeatureBatch
    """The picture as input to the spaces."""
    values: Float[Tensor, "p _"]
    together: int
    """Pictures scored in one batch."""
    follows: bool = True
    """The whole vector is computed from the cells."""

    @classmethod
    def of(cls, method: TraceableMethod, encoder: Encoder, picture: Picture) -> "Pixels":
        """Return a picture as a method's input; `BadSetting` if gradients cannot flow through its encoder."""
        network = encoder.pixels
        if network is None:
            raise BadSetting(
                f"{encoder.name} is not a network that explanations can follow to the pixels. Explain its regions, "
                "without pixels."
            )
        with torch.no_grad():
            images = network.scaled([encoder.prepare(picture)])
            scaled = _features(method, network, images)
        cell = _cell(network)
        spare = ROWS * cell - network.side  # the last cells reach beyond a picture that does not divide evenly
        padded = functional.pad(images, (0, spare, 0, spare))
        values = functional.unfold(padded, cell, stride=cell)[0].T.contiguous()
        return cls(method, network, scaled, values, encoder.batch)

    def side(self, values: Float[Tensor, "b p _"]) -> FeatureBatch:
        """Return pictures of these cells, as input to the spaces."""
        cell, side = _cell(self.network), self.network.side
        images = functional.fold(values.transpose(1, 2), (ROWS * cell, ROWS * cell), cell, stride=cell)
        return _features(self.method, self.network, images[:, :, :side, :side])

    def over_cells(self, regions: Float[np.ndarray, " r"]) -> Float32[np.ndarray, " p"]:
        """Return the values of a square grid of regions at the middle of each cell."""
        rows = round(len(regions) ** 0.5)
        place: Int[np.ndarray, " _"] = ((np.arange(ROWS) + 0.5) / ROWS * rows).astype(int)
        spread: Float32[np.ndarray, " p"] = regions.reshape(rows, rows)[np.ix_(place, place)].ravel().astype(np.float32)
        return spread


def _cell(network: PixelNetwork) -> int:
    """Return the pixels along a side of a cell."""
    return -(-network.side // ROWS)


def _features(method: TraceableMethod, network: PixelNetwork, images: Float[Tensor, "b 3 h w"]) -> FeatureBatch:
    """Return pictures as input to a method's spaces."""
    regions, whole = network.seen(images)
    device = device_of(method)
    mask = None if regions is None else torch.ones(regions.shape[:2], dtype=torch.bool, device=device)
    own = None if regions is None else regions.to(device)
    return method.scaled("image", FeatureBatch(whole.to(device), own, mask))
