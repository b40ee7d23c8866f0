"""The interface of every encoder, whatever its network."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float16
from torch import Tensor

from diptych.errors import BadSetting
from diptych.files import digest
from diptych.modality import Modality
from diptych.rooms import split_name

EncoderWidths = tuple[int | None, int]
"""The dimensions of a part (None without parts) and of the whole."""
LATER = {"later": True}
"""The metadata of a setting that an encoder got after runs had recorded its fingerprint."""
Span = tuple[int, int]
"""The first character of a span, and the one after its last."""


class ItemFeatures(NamedTuple):
    """The features of one picture or one text."""

    parts: Float16[np.ndarray, "p d"] | None
    """Regions, row by row from the top left, or words in reading order; None if the encoder has no parts."""
    whole: Float16[np.ndarray, " d_whole"]
    """The picture or text as one vector."""


@runtime_checkable
class PixelNetwork(Protocol):
    """An image network as a function of scaled pixels, through which gradients flow."""

    @property
    def side(self) -> int:
        """Rows and columns of its input."""
        ...

    def scaled(self, prepared: Sequence[Any]) -> Float[Tensor, "b 3 side side"]:
        """Return prepared pictures as the network takes them; zero is its mean colour."""
        ...

    def seen(
        self, images: Float[Tensor, "b 3 side side"]
    ) -> tuple[Float[Tensor, "b r d"] | None, Float[Tensor, "b _"]]:
        """Return the regions (None without regions) and the whole vectors."""
        ...


class Encoder(ABC):
    """A frozen network, or a word table, that encodes pictures or texts as vectors.

    `prepare` may run in several threads while `encode` processes earlier items. Opening an encoder is cheap: the
    network is loaded at the first `encode`. Widths are known from the code, the shapes of the weights or a
    configuration, without running the network.
    """

    modality: Modality
    name: str
    """The name that opens it: `efficientnet-lite2`, `word2vec:PATH`."""
    fingerprint: str
    """Changes with the kind of encoder, its weights, its settings and the version of its code."""
    batch: int
    """Preferred batch size of `encode`."""
    sums_parts: bool = False
    """Whether the whole is the sum of the parts, up to a factor and to hidden parts (special tokens)."""

    @property
    def label(self) -> str:
        """What is encoded, for progress messages."""
        return f"{self.modality}s with {split_name(self.name)[0]}"

    @property
    @abstractmethod
    def parts_width(self) -> int | None:
        """Dimension of a part; None without parts."""

    @property
    @abstractmethod
    def whole_width(self) -> int:
        """Dimension of the whole."""

    @abstractmethod
    def prepare(self, item: Any) -> Any:
        """Return the input of `encode` for a picture's path or URL, or for a text."""

    @abstractmethod
    def encode(self, prepared: Sequence[Any]) -> list[ItemFeatures]:
        """Return the features of prepared items, in order."""

    @property
    def pixels(self) -> PixelNetwork | None:
        """The image network as a function of its pixels; None if gradients cannot flow through it."""
        return None

    def visible(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of what the network sees of a picture of this size: all of it."""
        return 0.0, 0.0, float(width), float(height)

    def unknown_share(self, texts: Sequence[str]) -> float | None:
        """Return the share of out-of-vocabulary words in the texts; None for an open vocabulary."""
        return None

    def spans(self, text: str) -> tuple[Span | None, ...] | None:
        """Return the span of each part in the text, None for a special token; None if spans are not available."""
        return None


def stated_widths(name: str, widths: EncoderWidths | None) -> EncoderWidths:
    """Return the widths that an encoder declares; raise `BadSetting` if it declares none."""
    if widths is None:
        raise BadSetting(f"{name} does not declare its dimensions. Encode one item first, or choose another encoder.")
    return widths


def fingerprint_of(name: str, *, weights: str, config: Any, version: int) -> str:
    """Return 16 hexadecimal digits that identify an encoder with these weights and settings.

    The argument in the name (a path) is ignored: the same file at another path is the same encoder. A setting that was
    added `LATER` counts once it is changed, so that runs of before still know their encoder.
    """
    added = {
        each.name for each in fields(config) if each.metadata == LATER and getattr(config, each.name) == each.default
    }
    settings = json.dumps({name: value for name, value in asdict(config).items() if name not in added}, sort_keys=True)
    return digest(split_name(name)[0], weights, settings, str(version))[:16]
