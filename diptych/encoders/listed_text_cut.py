"""Text networks of other libraries in two, if their layers can be listed (`diptych.encoders.listed_cut`).

An activation is the hidden state of a token before the first learning layer, the token's number, and whether it is the
text's own: in the learning part the network reads the tokens again, for its masks and for the place of its vector, and
the first learning layer starts with the given states. Padding has activations too, because some networks read it.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor
from torch.nn.functional import pad

from diptych.encoders.cut import Blocks, Cut, Stem, checked_blocks, not_listed
from diptych.encoders.listed_cut import Before, ListedNetwork, listed_blocks
from diptych.encoders.text_cut import DIGIT, Read, Sentences, SentenceTop
from diptych.encoders.text_network import TextNetwork

BESIDE = 3
"""Numbers beside the hidden state: two digits of the token's number, and whether it is the text's own."""


class ListedTextStem(Stem):
    """The first layers of a network; without any, the tokens' numbers."""

    def __init__(self, network: TextNetwork, first: Before | None, *, width: int, blocks: Blocks) -> None:
        super().__init__(network, blocks=blocks)
        self._network, self._first, self._width = network, first, width

    @property
    def parts_width(self) -> int:
        """Width of a hidden state, what stands beside it, and the mark of a sentence's beginning."""
        return self._width + BESIDE + 1

    @torch.inference_mode()
    def activations(self, prepared: Sequence[Any]) -> list[Float16[np.ndarray, "p c"]]:
        """Return the states of all tokens of each text, padding included."""
        ids, mask = self._network.tokens(prepared)
        states = torch.zeros(*ids.shape, 0) if self._first is None else self._first(ids, mask).cpu()
        digits = torch.stack([ids // DIGIT, ids % DIGIT, mask], dim=2).cpu()
        marked = pad(torch.cat([states, digits.to(states.dtype)], dim=2), (0, 1))
        marked[:, 0, -1] = 1
        return list(marked.half().numpy())


class ListedTextTop(SentenceTop):
    """The last layers of a network and what follows them."""

    def __init__(self, encoder: TextNetwork, *, kept: int) -> None:
        super().__init__()
        self.drops_words = encoder.masks_words
        self.network = deepcopy(encoder.loaded)
        self._listed = ListedNetwork(self.network, kept=kept)
        self._reading = (encoder.with_network(self.network),)

    def read(self, sentences: Sentences) -> Read:
        """Return the hidden states of sentences, their vectors, and which tokens are words."""
        states, beside = sentences.states[..., :-BESIDE], sentences.states[..., -BESIDE:]
        high, low, own = beside.round().long().unbind(2)
        mask = sentences.mask & (own > 0)
        with self._listed.starting_with(states):
            hidden, wholes = self._reading[0].read(high * DIGIT + low, mask)
        return Read(hidden, wholes, mask)

    def own(self, states: Float[Tensor, "s t c"], lengths: Int[Tensor, " s"]) -> Int[Tensor, " s"]:
        """Return the number of the texts' own tokens."""
        return (states[..., -1] > 0.5).sum(1)

    def depths(self) -> Mapping[str, int]:
        """Return for each parameter how many layers come after its own; 0 for what follows the layers."""
        return self._listed.depths([name for name, _ in self.named_parameters()], prefix="network.")


def listed_text_cut(encoder: TextNetwork, blocks: Blocks) -> Cut:
    """Return a text network of another library in two; with `all` it reads tokens."""
    found = listed_blocks(encoder.loaded)
    if found is None:
        raise not_listed(encoder)
    listed = found[1]
    kept = 0 if blocks == "all" else checked_blocks(encoder, blocks, there=len(listed))
    first = Before(encoder, encoder.read, listed[len(listed) - kept]) if kept else None
    stem = ListedTextStem(encoder, first, width=0 if first is None else _width(encoder, first), blocks=blocks)
    return Cut(encoder, blocks, stem, stem, ListedTextTop(encoder, kept=kept).eval().requires_grad_())


@torch.inference_mode()
def _width(encoder: TextNetwork, first: Before) -> int:
    """Return the width of the states of an empty text."""
    ids, mask = encoder.tokens([encoder.prepare("")])
    states: Float[Tensor, "*any"] = first(ids, mask)
    if states.shape[:2] != ids.shape or states.ndim != 3:
        raise not_listed(encoder)
    return int(states.shape[2])
