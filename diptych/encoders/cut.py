"""A network in two: first blocks that stay frozen, and last ones that can learn.

The output of the frozen blocks, the *activations*, is what the feature cache holds: a `Stem` is an encoder whose parts
are activations. A `Top` is a module from activations to the features of the whole network. Augmentation takes place in
the top: in training it takes the mirrored picture half the time, crops maps, and leaves out sentences and words.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Shaped
from torch import Tensor, nn

from diptych.encoders.contract import Encoder, ItemFeatures
from diptych.errors import BadSetting
from diptych.files import digest
from diptych.maths.sharing import SharesRows

Blocks = int | Literal["all"]
"""How many of a network's last blocks learn; `all` includes what comes before the first block."""


@dataclass(frozen=True)
class Augmentation:
    """What a top changes at random in training."""

    mirror: bool = False
    """Take the mirrored picture half the time."""
    crop: float = 1.0
    """The smallest side of a random crop of a picture's map, as a share; 1 does not crop."""
    sentences: float = 0.0
    """Share of an item's sentences that are left out; one at least stays."""
    words: float = 0.0
    """Share of a sentence's word pieces that are left out; one at least stays."""


class TopFeatures(NamedTuple):
    """The features of a batch of items, as the whole network gives them."""

    parts: Float[Tensor, "b q d"] | None
    """None if the network has no parts; likewise the mask."""
    mask: Bool[Tensor, "b q"] | None
    whole: Float[Tensor, "b d_whole"]


class Top(SharesRows, nn.Module, ABC):
    """The last blocks of a network: activations -> parts and whole.

    Normalisations keep their statistics, and random draws cover the whole of a batch that processes share.
    """

    augmentation: Augmentation = Augmentation()

    @abstractmethod
    def forward(self, activations: Float[Tensor, "b p c"], mask: Bool[Tensor, "b p"]) -> TopFeatures:
        """Return the features of a batch of items."""

    @abstractmethod
    def depths(self) -> Mapping[str, int]:
        """Return for each parameter how many blocks come after its own."""

    def drawn(self, like: Shaped[Tensor, "b *any"], *shape: int) -> Float[Tensor, "b *shape"]:
        """Return uniform numbers for this process's own rows, drawn for the whole batch."""
        rows = self.share.rows(len(like))
        return torch.rand(rows, *shape)[self.share.own(rows)].to(like.device)


class Stem(Encoder):
    """The first blocks of a network, as an encoder whose parts are activations and whose whole is their mean."""

    def __init__(self, encoder: Encoder, *, blocks: Blocks, variant: str = "") -> None:
        self.encoder = encoder
        self.modality, self.name, self.batch = encoder.modality, encoder.name, encoder.batch
        self._blocks = blocks
        self.fingerprint = digest(encoder.fingerprint, "before the last", str(blocks), variant)[:16]

    @property
    def label(self) -> str:
        """What is encoded, for progress messages."""
        where = "before all blocks" if self._blocks == "all" else f"before the last {self._blocks} blocks"
        return f"{self.encoder.label}, {where}"

    @abstractmethod
    def activations(self, prepared: Sequence[Any]) -> list[Float16[np.ndarray, "p c"]]:
        """Return the activations of prepared items."""

    def prepare(self, item: Any) -> Any:
        """Return the encoder's own input."""
        return self.encoder.prepare(item)

    def encode(self, prepared: Sequence[Any]) -> list[ItemFeatures]:
        """Return the activations of prepared items, and their means."""
        return [ItemFeatures(own, _mean(own)) for own in self.activations(prepared)]

    @property
    def whole_width(self) -> int:
        """Width of an activation."""
        return cast("int", self.parts_width)


def _mean(activations: Float16[np.ndarray, "p c"]) -> Float16[np.ndarray, " c"]:
    mean: Float16[np.ndarray, " c"] = activations.mean(0, dtype=np.float32).astype(np.float16)
    return mean


@dataclass(frozen=True)
class Cut:
    """A network in two."""

    encoder: Encoder
    """The whole network."""
    blocks: Blocks
    """How many of its blocks learn."""
    stem: Stem
    """The frozen blocks."""
    mirroring: Stem
    """The same, which gives the activations of the mirrored picture after those of each picture."""
    top: Top
    """The blocks that learn, a copy with the network's own weights."""


@runtime_checkable
class CuttableEncoder(Protocol):
    """An encoder that can be cut in two."""

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two, of which the last blocks can learn; raise `BadSetting` if it has fewer."""
        ...


def cut(encoder: Encoder, blocks: Blocks) -> Cut:
    """Return a network in two; raise `BadSetting` if its blocks cannot be listed or are fewer."""
    if isinstance(encoder, CuttableEncoder):
        return encoder.cut(blocks)
    raise not_listed(encoder)


def not_listed(encoder: Encoder) -> BadSetting:
    """Return the error for a network whose blocks cannot be listed."""
    known = "efficientnet-lite0" if encoder.modality == "image" else "minilm"
    return BadSetting(
        f"{encoder.name} cannot be cut in two, because its blocks cannot be listed, so it stays frozen. Set "
        f"tune.{encoder.modality}=0, or choose another encoder, such as {known}."
    )


def checked_blocks(encoder: Encoder, blocks: int, *, there: int) -> int:
    """Return the number of blocks that learn; raise `BadSetting` if the network has fewer."""
    if not 0 < blocks <= there:
        raise BadSetting(
            f"{encoder.name} has {there} blocks; got tune.{encoder.modality}={blocks}. Set 1 to {there}, or all."
        )
    return blocks


def sequential_depths(blocks: nn.Module, *, prefix: str) -> dict[str, int]:
    """Return the depths of the parameters of blocks that run one after the other, for `Top.depths`."""
    last = len(list(blocks.children())) - 1
    return {f"{prefix}.{name}": last - int(name.partition(".")[0]) for name, _ in blocks.named_parameters()}
