"""Encoders small enough to know what they give, which count what they do."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from diptych.encoders.contract import Encoder, ItemFeatures
from diptych.modality import Modality


class Quarters(Encoder):
    """Gives the mean colours of a picture's four quarters, and of the whole; counts the pictures it decodes."""

    modality: Modality = "image"
    name = "quarters"
    fingerprint = "0123456789abcdef"
    batch = 3

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.decoded: list[Path] = []

    @property
    def parts_width(self) -> int:
        return 3

    @property
    def whole_width(self) -> int:
        return 3

    def prepare(self, item: Path) -> Any:
        self.decoded.append(item)
        return np.asarray(Image.open(item).convert("RGB"), dtype=np.float32)

    def encode(self, prepared: Sequence[Any]) -> list[ItemFeatures]:
        time.sleep(self.seconds)
        return [self._vectors(pixels) for pixels in prepared]

    def _vectors(self, pixels: Any) -> ItemFeatures:
        half = len(pixels) // 2
        quarters = [pixels[y : y + half, x : x + half].mean((0, 1)) for y in (0, half) for x in (0, half)]
        return ItemFeatures(np.stack(quarters).astype(np.float16), pixels.mean((0, 1)).astype(np.float16))


class Letters(Encoder):
    """Gives each word its length and its first letter's number, and the sum of these for the text."""

    modality: Modality = "text"
    name = "letters"
    fingerprint = "fedcba9876543210"
    batch = 2

    def __init__(self) -> None:
        self.encoded: list[str] = []

    @property
    def parts_width(self) -> int:
        return 2

    @property
    def whole_width(self) -> int:
        return 2

    def prepare(self, item: str) -> str:
        return item

    def encode(self, prepared: Sequence[str]) -> list[ItemFeatures]:
        self.encoded += prepared
        words = [np.array([(len(w), ord(w[0])) for w in text.split()], dtype=np.float16) for text in prepared]
        return [ItemFeatures(each, each.sum(0)) for each in words]


def save_pictures(folder: Path, count: int) -> list[Path]:
    """Return `count` different pictures of noise, 8 x 8, saved without loss."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    paths = [folder / f"{k}.png" for k in range(count)]
    for path, pixels in zip(paths, noise, strict=True):
        Image.fromarray(pixels).save(path)
    return paths
