"""Towers: a run's encoder and method in one graph, from pixels, tokens or features to the vectors of every space."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from diptych.encoders.contract import Encoder, PixelNetwork
from diptych.encoders.minilm import MiniLM, masked_mean
from diptych.encoders.run import TunedEncoder
from diptych.encoders.text_cut import Sentences, SentenceTop, TextStem
from diptych.encoders.transformers import TransformerText
from diptych.methods.batches import FeatureBatch
from diptych.methods.contract import Method
from diptych.modality import Modality

BATCH, LENGTH = "b", "p"
"""The names of the axes that a graph leaves open."""


class ItemTensors(NamedTuple):
    """The features of a batch of items inside a graph."""

    parts: Float[Tensor, "b p d"] | None
    mask: Bool[Tensor, "b p"] | None
    whole: Float[Tensor, "b d_whole"]


class TowerInput(nn.Module, ABC):
    """What comes before the method in a graph: inputs -> features."""

    begins_at: str
    inputs: tuple[str, ...]
    """Names of the inputs."""

    @abstractmethod
    def forward(self, *inputs: Tensor) -> ItemTensors:
        """Return the features of a batch."""

    @abstractmethod
    def example(self, items: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return random inputs of so many items, the last of which has `length` parts and the others fewer."""

    def open_axes(self) -> dict[str, dict[int, str]]:
        """Return the axes of each input whose size is open."""
        return {name: {0: BATCH} for name in self.inputs}


class FromFeatures(TowerInput):
    """The features themselves, as the encoder gives them."""

    begins_at = "features"

    def __init__(self, *, parts: int | None, whole: int) -> None:
        super().__init__()
        self.widths = parts, whole
        self.inputs = ("whole",) if parts is None else ("parts", "mask", "whole")

    def forward(self, *inputs: Tensor) -> ItemTensors:
        """Return the inputs."""
        return ItemTensors(None, None, *inputs) if len(inputs) == 1 else ItemTensors(*inputs)

    def example(self, items: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return random features."""
        parts, whole = self.widths
        vectors = torch.randn(items, whole, generator=generator)
        if parts is None:
            return (vectors,)
        return torch.randn(items, length, parts, generator=generator), lengths(items, length), vectors

    def open_axes(self) -> dict[str, dict[int, str]]:
        """Return the batch, and the number of parts."""
        return {name: {0: BATCH} if name == "whole" else {0: BATCH, 1: LENGTH} for name in self.inputs}


class FromPixels(TowerInput):
    """An image network with its scaling, which is affine in every channel; features are rounded as the cache does."""

    begins_at, inputs = "pixels", ("pixels",)

    def __init__(self, encoder: Encoder, network: PixelNetwork) -> None:
        super().__init__()
        self.seen, self.side = network.seen, network.side
        plain = np.zeros((self.side, self.side, 3), dtype=np.uint8)
        scaled = network.scaled([plain, plain + np.uint8(255)])
        with torch.no_grad():
            network.seen(scaled)  # loads the networks, which a graph cannot contain
        black, white = scaled[:, :, :1, :1]
        self.register_buffer("offset", black[None].clone())
        self.register_buffer("gain", ((white - black) / 255)[None].clone())
        self.offset: Tensor
        self.gain: Tensor
        self.networks = nn.ModuleList(networks_in(encoder))

    def forward(self, *inputs: UInt8[Tensor, "b side side 3"]) -> ItemTensors:
        """Return regions, all of which are there, and the whole."""
        parts, whole = self.seen(inputs[0].permute(0, 3, 1, 2).float() * self.gain + self.offset)
        if parts is None:
            return ItemTensors(None, None, rounded(whole))
        return ItemTensors(rounded(parts), torch.ones_like(parts[:, :, 0]) > 0, rounded(whole))

    def example(self, items: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return random pixels."""
        return (torch.randint(0, 256, (items, self.side, self.side, 3), generator=generator, dtype=torch.uint8),)


class FromTokens(TowerInput):
    """A text network, from the numbers of tokens and which of them are the text's own."""

    begins_at, inputs = "tokens", ("ids", "mask")
    vocabulary: int = 1000
    """Numbers of tokens that random inputs have."""
    fixed: int | None = None
    """The one length of all texts; None if it is open."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks_in(encoder))

    def example(self, items: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return random tokens."""
        mask = lengths(items, min(max(length, 3), self.fixed or length + 3))
        padded = torch.zeros(items, (self.fixed or mask.shape[1]) - mask.shape[1], dtype=torch.bool)
        mask = torch.cat([mask, padded], dim=1)
        return torch.randint(1, self.vocabulary, mask.shape, generator=generator) * mask, mask

    def open_axes(self) -> dict[str, dict[int, str]]:
        """Return the batch, and the number of tokens unless it is fixed."""
        return {name: {0: BATCH} if self.fixed else {0: BATCH, 1: LENGTH} for name in self.inputs}


class FromWordPieces(FromTokens):
    """MiniLM: the parts are the word pieces, without the two special tokens."""

    def __init__(self, encoder: MiniLM) -> None:
        network = encoder.network  # loads it, which a graph cannot contain
        super().__init__(encoder)
        self.network = network

    def forward(self, *inputs: Tensor) -> ItemTensors:
        """Return the word pieces' hidden states and the normalised mean of all."""
        ids, mask = inputs
        hidden = self.network(ids, mask)
        pieces = torch.cat([mask[:, 2:], mask[:, :1] < 0], dim=1)
        return words_between(hidden[:, 1:], pieces, nn.functional.normalize(masked_mean(hidden, mask)))


class FromTunedText(FromTokens):
    """MiniLM with the last layers that a run has tuned."""

    def __init__(self, encoder: TunedEncoder, stem: TextStem, top: SentenceTop) -> None:
        super().__init__(encoder)
        self.first, self.last = stem._states, top.read

    def forward(self, *inputs: Tensor) -> ItemTensors:
        """Return the word pieces' hidden states and the whole; activations are rounded as the cache does."""
        ids, mask = inputs
        item = torch.arange(ids.shape[0])
        read = self.last(Sentences(rounded(self.first(ids, mask)), mask, item))
        return words_between(cast("Tensor", read.hidden), read.words, read.wholes)


class FromDualTokens(FromTokens):
    """The text side of a dual encoder, which reads all texts at one length."""

    def __init__(self, encoder: TransformerText) -> None:
        super().__init__(encoder)
        self.read, self.fixed = encoder.read, encoder.longest
        self.vocabulary = int(encoder.loaded.network.config.vocab_size)

    def forward(self, *inputs: Tensor) -> ItemTensors:
        """Return the hidden states of the text's own tokens, and the whole."""
        ids, mask = inputs
        states, whole = self.read(ids, mask)
        return ItemTensors(None if states is None else rounded(states), mask, rounded(whole))


class TowerGraph(nn.Module):
    """Inputs -> one vector a space."""

    def __init__(self, method: Method, modality: Modality, beginning: TowerInput) -> None:
        super().__init__()
        self.method, self.modality, self.beginning = method, modality, beginning
        self.spaces = tuple(method.spaces)
        self.takes_parts = any(method.takes_parts(space, modality) for space in self.spaces)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the vectors in each space."""
        parts, mask, whole = self.beginning(*inputs)
        batch = FeatureBatch(whole, parts, mask) if self.takes_parts else FeatureBatch(whole)
        found: Mapping[str, Any] = self.method.embed(self.modality, batch)
        return tuple(found[space].vectors for space in self.spaces)


def tower_input(encoder: Any, modality: Modality) -> TowerInput | None:
    """Return what leads from pixels or tokens to the features of an encoder; None if its code is no graph."""
    if not isinstance(encoder, Encoder):
        return None
    if modality == "image":
        network = encoder.pixels
        return None if network is None else FromPixels(encoder, network)
    if isinstance(encoder, MiniLM):
        return FromWordPieces(encoder)
    if isinstance(encoder, TunedEncoder) and isinstance(encoder.network, MiniLM):
        own = encoder._cut
        return FromTunedText(encoder, cast("TextStem", own.stem), cast("SentenceTop", own.top))
    return FromDualTokens(encoder) if isinstance(encoder, TransformerText) else None


def rounded(values: Tensor) -> Tensor:
    """Return values as half precision keeps them."""
    return values.half().float()


def lengths(items: int, longest: int) -> Bool[Tensor, "b p"]:
    """Return masks of one part more for each item up to the longest, which the last one has."""
    own = (longest - torch.arange(items - 1, -1, -1)).clamp_min(min(3, longest))
    return torch.arange(longest) < own[:, None]


def words_between(
    hidden: Float[Tensor, "b t d"], pieces: Bool[Tensor, "b t"], whole: Float[Tensor, "b d"]
) -> ItemTensors:
    """Return the hidden states of word pieces; a text without any has one part of zeros."""
    there = pieces.unsqueeze(2).to(hidden.dtype)
    first = torch.arange(hidden.shape[1], device=hidden.device) == 0
    mask = pieces | (first & ~pieces.any(1, keepdim=True))
    return ItemTensors(rounded(hidden) * there, mask, rounded(whole))


def networks_in(thing: Any, known: set[int] | None = None) -> Iterator[nn.Module]:
    """Yield the networks that an encoder holds, whose weights a graph must know as its own."""
    known = set() if known is None else known
    if id(thing) in known:
        return
    known.add(id(thing))
    if isinstance(thing, nn.Module):
        yield thing
    elif type(thing).__module__.startswith("diptych.encoders"):
        for each in vars(thing).values():
            yield from networks_in(each, known)
