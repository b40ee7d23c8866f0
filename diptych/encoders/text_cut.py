"""The sentence transformer in two: activations are the hidden states of all tokens, special ones included.

A text item may be several sentences, joined, and a transformer reads each for itself. So every activation has one more
number, 1 where a sentence begins.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from diptych.encoders.bert import Layer
from diptych.encoders.contract import Encoder
from diptych.encoders.cut import Blocks, Stem, Top, TopFeatures, sequential_depths

DIGIT = 1024
"""Token numbers are stored as two digits to this base, exact in half precision."""
NUMBER_DIGITS = 2
TOGETHER = 32
"""Batch size of texts of similar length."""


@runtime_checkable
class Tokenised(Protocol):
    """A text as tokens, the special ones included."""

    @property
    def ids(self) -> list[int]:
        """Their numbers in the vocabulary."""
        ...

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """The span of each in the text."""
        ...


class Sentences(NamedTuple):
    """The sentences of a batch of items, one after the other."""

    states: Float[Tensor, "s t c"]
    mask: Bool[Tensor, "s t"]
    """Tokens that are there and have not been left out."""
    item: Int[Tensor, " s"]
    """The number of the item that each belongs to."""


class TokenNumbers(nn.Module):
    """Numbers of tokens, as activations -> embedded tokens."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings = embeddings

    def forward(self, digits: Float[Tensor, "s t 2"]) -> Float[Tensor, "s t d"]:
        """Return the first hidden states."""
        high, low = digits.round().long().unbind(2)
        embedded: Tensor = self.embeddings(high * DIGIT + low)
        return embedded


class TextStem(Stem):
    """The first layers of the transformer; without any, the tokens' numbers."""

    def __init__(
        self, encoder: Encoder, embeddings: nn.Module | None, layers: nn.ModuleList, *, width: int, blocks: Blocks
    ) -> None:
        super().__init__(encoder, blocks=blocks)
        self._embeddings, self._layers, self._width = embeddings, layers, width

    @property
    def parts_width(self) -> int:
        """Width of a hidden state, and one for the mark of a sentence's beginning."""
        return self._width + 1

    @torch.inference_mode()
    def activations(self, prepared: Sequence[Tokenised]) -> list[Float16[np.ndarray, "p c"]]:
        """Return the states of each text's tokens."""
        states: dict[int, Float16[np.ndarray, "p c"]] = {}
        for rows in alike_in_length(prepared):
            ids, mask = token_batch([prepared[k] for k in rows])
            marked = pad(self._states(ids, mask).cpu(), (0, 1))
            marked[:, 0, -1] = 1
            halves = marked.half().numpy()
            states |= {k: halves[at, : len(prepared[k].ids)] for at, k in enumerate(rows)}
        return [states[k] for k in range(len(prepared))]

    def _states(self, ids: Int[Tensor, "b t"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t c"]:
        if self._embeddings is None:
            return torch.stack([ids // DIGIT, ids % DIGIT], dim=2).float()
        device = next(self._embeddings.parameters()).device
        attended = None if mask.all() else mask[:, None, None].to(device)
        hidden: Tensor = self._embeddings(ids.to(device))
        for layer in self._layers:
            hidden = layer(hidden, attended)
        return hidden


def alike_in_length(encodings: Sequence[Tokenised]) -> Iterator[list[int]]:
    """Yield the numbers of texts of similar length, which share a batch."""
    order = sorted(range(len(encodings)), key=lambda k: len(encodings[k].ids))
    yield from (order[start : start + TOGETHER] for start in range(0, len(order), TOGETHER))


def token_batch(encodings: Sequence[Tokenised]) -> tuple[Int[Tensor, "b t"], Bool[Tensor, "b t"]]:
    """Return the tokens of texts, padded with zeros to the longest, and a mask that is true on real ones."""
    longest = max(len(encoding.ids) for encoding in encodings)
    ids = torch.zeros(len(encodings), longest, dtype=torch.long)
    mask = torch.zeros(len(encodings), longest, dtype=torch.bool)
    for k, encoding in enumerate(encodings):
        ids[k, : len(encoding.ids)] = torch.tensor(encoding.ids)
        mask[k, : len(encoding.ids)] = True
    return ids, mask


class Read(NamedTuple):
    """What a network gives for sentences."""

    hidden: Float[Tensor, "s t d"] | None
    """The last hidden states; None without words."""
    wholes: Float[Tensor, "s d_whole"]
    words: Bool[Tensor, "s t"]
    """Tokens whose hidden states are parts of the item."""


class SentenceTop(Top):
    """The last layers of a text network, which reads each sentence of an item for itself.

    The whole of an item is the mean of its sentences', its parts are the words of all of them.
    """

    drops_words: bool = True
    """Whether words can be left out."""

    @abstractmethod
    def read(self, sentences: Sentences) -> Read:
        """Return what the network gives for sentences."""

    def own(self, states: Float[Tensor, "s t c"], lengths: Int[Tensor, " s"]) -> Int[Tensor, " s"]:
        """Return how many of the sentences' tokens come before their padding, of which activations may have some."""
        return lengths

    def forward(self, activations: Float[Tensor, "b p c"], mask: Bool[Tensor, "b p"]) -> TopFeatures:
        """Return the features of texts."""
        sentences, items = self._kept(activations, mask), len(mask)
        hidden, wholes, words = self.read(sentences)
        counts = wholes.new_zeros(items).index_add(0, sentences.item, wholes.new_ones(len(wholes)))
        whole = wholes.new_zeros(items, wholes.shape[1]).index_add(0, sentences.item, wholes) / counts[:, None]
        if hidden is None:
            return TopFeatures(None, None, whole)
        return TopFeatures(*_words(hidden, words, sentences.item, items=items), whole)

    def _kept(self, activations: Float[Tensor, "b p c"], mask: Bool[Tensor, "b p"]) -> Sentences:
        """Return the sentences of the items, in training without those and the words that are left out."""
        begins = mask & (activations[..., -1] > 0.5)
        number, item = (begins.flatten().cumsum(0).view_as(begins) - 1)[mask], begins.nonzero()[:, 0]
        lengths = torch.bincount(number, minlength=len(item))
        place = torch.arange(len(number), device=mask.device) - (lengths.cumsum(0) - lengths)[number]
        states = activations.new_zeros(len(item), int(lengths.max()), activations.shape[2] - 1)
        states[number, place] = activations[..., :-1][mask]
        there = torch.arange(states.shape[1], device=mask.device) < lengths[:, None]
        if self.training and self.augmentation.words:
            draws = states.new_zeros(there.shape)
            draws[number, place] = self.drawn(mask, mask.shape[1])[mask]
            there = _without_words(there, self.own(states, lengths), draws, share=self.augmentation.words)
        if self.training and self.augmentation.sentences:
            draws = self.drawn(mask, mask.shape[1])[begins]
            most = draws.new_zeros(len(mask)).scatter_reduce(0, item, draws, "amax")
            kept = (draws >= self.augmentation.sentences) | (draws == most[item])
            states, there, item = states[kept], there[kept], item[kept]
        return Sentences(states, there, item)


class TextTop(SentenceTop):
    """The last layers of the sentence transformer, from hidden states or numbers of tokens."""

    def __init__(self, embeddings: nn.Module | None, layers: nn.ModuleList) -> None:
        super().__init__()
        self.embeddings = None if embeddings is None else TokenNumbers(embeddings)
        self.layers = layers

    def read(self, sentences: Sentences) -> Read:
        """Return the hidden states, their normalised mean, and the tokens between the two special ones."""
        mask = sentences.mask
        hidden: Tensor = sentences.states if self.embeddings is None else self.embeddings(sentences.states)
        attended = None if mask.all() else mask[:, None, None]
        for layer in self.layers:
            hidden = cast("Layer", layer)(hidden, attended)
        weights = mask.unsqueeze(2).to(hidden.dtype)
        wholes = normalize((hidden * weights).sum(1) / weights.sum(1), dim=1)
        places = torch.arange(mask.shape[1], device=mask.device)
        last = (mask * places).amax(1, keepdim=True)
        return Read(hidden, wholes, mask & (places > 0) & (places < last))

    def depths(self) -> Mapping[str, int]:
        """Return for each parameter how many layers come after its own."""
        first = {name: len(self.layers) for name, _ in self.named_parameters() if name.startswith("embeddings.")}
        return first | sequential_depths(self.layers, prefix="layers")


def _without_words(
    there: Bool[Tensor, "s t"], lengths: Int[Tensor, " s"], draws: Float[Tensor, "s t"], *, share: float
) -> Bool[Tensor, "s t"]:
    """Leave out the inner tokens whose draw is below the share, but for the largest of a sentence."""
    places = torch.arange(there.shape[1], device=there.device)
    inner = (places > 0) & (places < lengths[:, None] - 1)
    largest = draws.masked_fill(~inner, -1).amax(1, keepdim=True)
    return there & (~inner | (draws >= share) | (draws == largest))


def _words(
    hidden: Float[Tensor, "s t d"], pieces: Bool[Tensor, "s t"], item: Int[Tensor, " s"], *, items: int
) -> tuple[Float[Tensor, "b q d"], Bool[Tensor, "b q"]]:
    """Return the hidden states of the items' word pieces, padded; a sentence without any has one part of zeros."""
    lacking = ~pieces.any(1)
    pieces = pieces.clone()
    pieces[lacking, 0] = True
    hidden = torch.where(lacking[:, None, None], torch.zeros_like(hidden), hidden)
    owner = item[:, None].expand_as(pieces)[pieces]
    lengths = torch.bincount(owner, minlength=items)
    place = torch.arange(len(owner), device=item.device) - (lengths.cumsum(0) - lengths)[owner]
    words = hidden.new_zeros(items, int(lengths.max()), hidden.shape[2])
    words = words.index_put((owner, place), hidden[pieces])
    return words, torch.arange(words.shape[1], device=item.device) < lengths[:, None]
