"""The image or the text network that a run has tuned: `run:FOLDER`.

Objective: none any more; the run's method has trained its last blocks with its own loss. The folder holds them in
`image_encoder.safetensors` and `text_encoder.safetensors`, with the name and the settings of the network that they
belong to; the blocks before them are that network's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diptych.encoders.arguments import argument_of
from diptych.encoders.contract import Encoder, ItemFeatures, PixelNetwork, Span, fingerprint_of
from diptych.encoders.cut import Blocks, Cut, Top, cut
from diptych.encoders.image_cut import ImageStem
from diptych.encoders.registry import open_encoder as open_any_encoder
from diptych.encoders.tensor_files import load_tensors
from diptych.encoders.weights import fit_state
from diptych.errors import BadCheckpoint, MissingData
from diptych.files import file_digest
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="The tuned image or text network of a run",
    licence="that of the network that was tuned",
    learns="nothing",
)

VERSION = 1
ROWS_AT_ONCE = 32
"""Items whose learnt blocks run together."""


@dataclass(frozen=True)
class Config:
    """No settings: the run has those of its networks."""


TextConfig = Config


@dataclass(frozen=True)
class Base:
    """The network whose last blocks a file holds."""

    name: str
    """The name that opens it."""
    settings: tuple[str, ...]
    """Its settings, such as `side=380`."""
    fingerprint: str
    blocks: Blocks
    """How many of its blocks have learnt."""

    @classmethod
    def of(cls, own: Cut, *, settings: Sequence[str]) -> "Base":
        """Return the record of a network that was opened with these settings and cut."""
        return cls(own.encoder.name, tuple(settings), own.encoder.fingerprint, own.blocks)


class TunedEncoder(Encoder):
    """A network with the last blocks of a run; it is opened on first use."""

    def __init__(self, name: str, file: Path, modality: Modality, config: Config) -> None:
        self.name, self.modality, self.file = name, modality, file
        self.fingerprint = fingerprint_of(name, weights=file_digest(file), config=config, version=VERSION)
        self.tensors, stated = load_tensors(file)
        try:
            self.record = Base(**{**stated, "settings": tuple(stated["settings"])})
        except (TypeError, KeyError) as error:
            raise BadCheckpoint(
                f"{file} does not name the network that it belongs to ({error}). Train again."
            ) from None
        network = open_any_encoder(self.record.name, self.record.settings, modality=modality)
        if not isinstance(network, Encoder) or network.fingerprint != self.record.fingerprint:
            raise BadCheckpoint(
                f"{file} holds the last blocks of {self.record.name}, whose other weights or whose code differ from "
                "those in training. Restore them, or train again."
            )
        self.network, self.batch, self.sums_parts = network, network.batch, network.sums_parts

    @property
    def parts_width(self) -> int | None:
        """Dimension of a part, as of the network before."""
        return self.network.parts_width

    @property
    def whole_width(self) -> int:
        """Dimension of the whole, as of the network before."""
        return self.network.whole_width

    def prepare(self, item: Any) -> Any:
        """Return the network's own input."""
        return self.network.prepare(item)

    @torch.inference_mode()
    def encode(self, prepared: Sequence[Any]) -> list[ItemFeatures]:
        """Return the features of prepared items."""
        activations = self._cut.stem.activations(prepared)
        order = sorted(range(len(activations)), key=lambda k: len(activations[k]))
        features: dict[int, ItemFeatures] = {}
        for start in range(0, len(order), ROWS_AT_ONCE):
            rows = order[start : start + ROWS_AT_ONCE]
            features |= zip(rows, self._features([activations[k] for k in rows]), strict=True)
        return [features[k] for k in range(len(prepared))]

    def visible(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return what the network sees of a picture of this size."""
        return self.network.visible(width, height)

    def unknown_share(self, texts: Sequence[str]) -> float | None:
        """Return the share of out-of-vocabulary words in the texts."""
        return self.network.unknown_share(texts)

    def spans(self, text: str) -> tuple[Span | None, ...] | None:
        """Return the span of each part in the text."""
        return self.network.spans(text)

    @property
    def pixels(self) -> "TunedPixels | None":
        """The tuned image network as a function of its pixels."""
        stem, network = self._cut.stem, self.network.pixels
        return TunedPixels(network, stem, self._cut.top) if isinstance(stem, ImageStem) and network else None

    @cached_property
    def _cut(self) -> Cut:
        """The network in two, with the blocks that have learnt."""
        with torch.inference_mode(mode=False):  # gradients may have to flow through it later
            own = cut(self.network, self.record.blocks)
            fit_state(own.top, self.tensors, self.file)
        self.tensors = {}
        return own

    def _features(self, activations: Sequence[np.ndarray]) -> list[ItemFeatures]:
        device = next(self._cut.top.parameters()).device
        longest = max(map(len, activations))
        values = torch.zeros(len(activations), longest, activations[0].shape[1])
        mask = torch.zeros(len(activations), longest, dtype=torch.bool)
        for k, own in enumerate(activations):
            values[k, : len(own)] = torch.from_numpy(own).float()
            mask[k, : len(own)] = True
        parts, there, whole = self._cut.top(values.to(device), mask.to(device))
        wholes = _half(whole)
        if parts is None:
            return [ItemFeatures(None, own) for own in wholes]
        present = there.cpu().numpy()
        return [ItemFeatures(own[present[k]], wholes[k]) for k, own in enumerate(_half(parts))]


@dataclass(frozen=True)
class TunedPixels:
    """A tuned image network as a function of its pixels; nothing is rounded in between."""

    network: PixelNetwork
    stem: ImageStem
    top: Top

    @property
    def side(self) -> int:
        """Rows and columns of the network's input."""
        return self.network.side

    def scaled(self, prepared: Sequence[Any]) -> Float[Tensor, "b 3 side side"]:
        """Return prepared pictures as the network takes them."""
        return self.network.scaled(prepared)

    def seen(
        self, images: Float[Tensor, "b 3 side side"]
    ) -> tuple[Float[Tensor, "b r d"] | None, Float[Tensor, "b _"]]:
        """Return the regions and the whole vectors of scaled pictures."""
        maps = self.stem.maps(images)
        regions, _, whole = self.top(maps, maps.new_ones(maps.shape[:2], dtype=torch.bool))
        return regions, whole


def _half(values: Tensor) -> Any:
    return values.half().cpu().numpy()


def encoder_file(folder: Path, modality: Modality) -> Path:
    """Return the file of the blocks of a modality's network in a run's folder."""
    return folder / f"{modality}_encoder.safetensors"


def open_encoder(name: str, config: Config) -> TunedEncoder:
    """Return the image network of the run in the folder named by the argument."""
    return _opened(name, "image", config)


def open_text_encoder(name: str, config: Config) -> TunedEncoder:
    """Return the text network of the run in the folder named by the argument."""
    return _opened(name, "text", config)


def _opened(name: str, modality: Modality, config: Config) -> TunedEncoder:
    folder = Path(argument_of(name, kind="folder"))
    if not (file := encoder_file(folder, modality)).is_file():
        raise MissingData(
            f"{folder} holds no {modality} network that a run has tuned: there is no {file.name}. Train one with "
            f"--set tune.{modality}=8, or name the encoder that the run was trained on."
        )
    return TunedEncoder(name, file, modality, config)
