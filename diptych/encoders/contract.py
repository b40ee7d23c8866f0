"""What every encoder promises, whatever network stands behind it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float16

from diptych.errors import BadSetting
from diptych.files import digest
from diptych.modality import Modality
from diptych.rooms import split_name

EncoderWidths = tuple[int | None, int]
"""How many numbers describe a part (None where there are no parts), and the whole."""
Span = tuple[int, int]
"""First character of a text, character after the last."""


class ItemFeatures(NamedTuple):
    """What an encoder makes of one picture or one text."""

    parts: Float16[np.ndarray, "p d"] | None
    """Regions, row by row from the top left, or words in reading order; None where the encoder has none."""
    whole: Float16[np.ndarray, " d_whole"]
    """The picture or text as one vector."""


class Encoder(ABC):
    """A frozen network, or a table of words, that turns pictures or texts into vectors.

    `prepare` may run in several threads at once, while `encode` works on what was prepared before. Opening an
    encoder loads nothing heavy: the network comes into memory at the first `encode`. Its widths are stated, by the
    code, the weights' shapes or a configuration: no network runs to learn them.
    """

    modality: Modality
    name: str
    """The name that opens it again: `efficientnet-lite2`, `word2vec:PATH`."""
    fingerprint: str
    """Changes with the kind of encoder, its weights, its settings and the version of its code."""
    batch: int
    """How many prepared items `encode` likes at once."""
    sums_parts: bool = False
    """Whether the whole is the sum of the parts, up to a factor and to parts that it does not tell (special tokens)."""

    @property
    @abstractmethod
    def parts_width(self) -> int | None:
        """How many numbers describe a part; None where there are no parts."""

    @property
    @abstractmethod
    def whole_width(self) -> int:
        """How many numbers describe the whole."""

    @abstractmethod
    def prepare(self, item: Any) -> Any:
        """Return what `encode` wants for a picture's path or address, or for a text."""

    @abstractmethod
    def encode(self, prepared: Sequence[Any]) -> list[ItemFeatures]:
        """Return the vectors of prepared items, in their order."""

    def unknown_share(self, texts: Sequence[str]) -> float | None:
        """Return which share of the texts' words this encoder does not know; None where it knows every word."""
        return None

    def spans(self, text: str) -> tuple[Span | None, ...] | None:
        """Return where each part stands in the text, None for a special token; None where this cannot be told."""
        return None


def stated_widths(name: str, widths: EncoderWidths | None) -> EncoderWidths:
    """Return the widths that an encoder states; `BadSetting` where it states none."""
    if widths is None:
        raise BadSetting(
            f"{name} does not state how many numbers it gives. Encode one item first, or choose another encoder."
        )
    return widths


def fingerprint_of(name: str, *, weights: str, config: Any, version: int) -> str:
    """Return 16 hexadecimal digits that name an encoder with these weights and settings.

    The argument of the name (a path) does not count: the same file in another place is the same encoder.
    """
    settings = json.dumps(asdict(config), sort_keys=True)
    return digest(split_name(name)[0], weights, settings, str(version))[:16]
