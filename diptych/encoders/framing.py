"""How a picture becomes the square that an image network takes: squeezed, or as the network was trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image
from PIL.Image import Resampling

Visible = tuple[float, float, float, float]
"""Left, top, right and bottom of what a network sees of a picture, in pixels."""
INTERPOLATIONS = {"bicubic": Resampling.BICUBIC, "bilinear": Resampling.BILINEAR, "nearest": Resampling.NEAREST}
"""Resamplings by the names that open_clip uses."""


@dataclass(frozen=True)
class Framing:
    """The square of a network's own preprocessing."""

    side: int
    """Rows and columns of the square."""
    shortest: int = 0
    """Pixels to which the shorter side is scaled before the middle is cut out; 0 squeezes the picture instead."""
    resampling: Resampling = Resampling.BICUBIC

    def visible(self, width: int, height: int) -> Visible:
        """Return the part of a picture of this size that lies in the square.

        >>> Framing(side=224, shortest=256).visible(640, 512)
        (96.0, 32.0, 544.0, 480.0)
        """
        if not self.shortest:
            return 0.0, 0.0, float(width), float(height)
        half = min(width, height) * self.side / self.shortest / 2
        return width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half

    def framed(self, picture: Image.Image) -> Image.Image:
        """Return the square of a picture; what lies outside a crop is lost."""
        if not self.shortest:
            return picture.resize((self.side, self.side), self.resampling)
        shorter = min(picture.size)
        width, height = (
            self.shortest if each == shorter else int(self.shortest * each / shorter) for each in picture.size
        )
        scaled = picture.resize((width, height), self.resampling)
        left, top = (width - self.side) // 2, (height - self.side) // 2
        return scaled.crop((left, top, left + self.side, top + self.side))


def framing_of_processor(processor: Mapping[str, Any], *, side: int) -> Framing:
    """Return the framing that a `preprocessor_config.json` describes; `side` is that of the network.

    >>> framing_of_processor({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}, side=224)
    Framing(side=224, shortest=256, resampling=<Resampling.BICUBIC: 3>)
    """
    size, resampling = processor.get("size"), Resampling(processor.get("resample", Resampling.BICUBIC))
    shortest = size if isinstance(size, int) else (size or {}).get("shortest_edge", 0)
    crops = processor.get("do_center_crop", "crop_size" in processor)
    return Framing(side, int(shortest) if crops else 0, resampling)


def framing_of_clip(scaling: Mapping[str, Any], *, side: int) -> Framing:
    """Return the framing that open_clip describes for a network.

    >>> framing_of_clip({"resize_mode": "squash", "interpolation": "bilinear"}, side=256).shortest
    0
    """
    squeezes = scaling.get("resize_mode", "shortest") != "shortest"
    resampling = INTERPOLATIONS.get(scaling.get("interpolation", "bicubic"), Resampling.BICUBIC)
    return Framing(side, 0 if squeezes else side, resampling)
