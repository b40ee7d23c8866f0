"""Texts through a table of word vectors: what GloVe and word2vec share.

A word is an unbroken run of letters, marks and digits (of any script, after NFC). It is looked up as it is
written and, failing that, in lower case. Words that the table lacks are left out and counted by `unknown_share`.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from jaxtyping import Float32

from diptych.encoders.contract import Encoder, ItemFeatures, Span
from diptych.modality import Modality

WORD_CATEGORIES = "LMN"
"""Letters, marks and numbers, as the first letters of Unicode's general categories."""


@dataclass(frozen=True)
class WordTable:
    """Words and where their vectors stand."""

    positions: Mapping[str, int]
    width: int
    fetch: Callable[[Sequence[int]], Float32[np.ndarray, "t d"]]
    """Returns the vectors at some positions."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in any language, in reading order.

    >>> words_of("A cat's nap, 猫の昼寝!")
    ['A', 'cat', 's', 'nap', '猫の昼寝']
    """
    composed = unicodedata.normalize("NFC", text)
    return [composed[start:stop] for start, stop in word_spans(composed)]


def word_spans(text: str) -> list[Span]:
    """Return where the words of a text stand, without composing it first."""
    runs = groupby(range(len(text)), key=lambda k: unicodedata.category(text[k])[0] in WORD_CATEGORIES)
    places = [list(run) for in_word, run in runs if in_word]
    return [(run[0], run[-1] + 1) for run in places]


class WordVectors(Encoder):
    """Words -> their vectors; text -> the mean of its known words.

    A text without a known word gets one part and a whole of zeros.
    """

    modality: Modality = "text"
    batch = 256
    sums_parts = True

    def __init__(self, name: str, *, fingerprint: str, read: Callable[[], WordTable]) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._read = read

    @cached_property
    def table(self) -> WordTable:
        """The words, read at first use."""
        return self._read()

    @property
    def parts_width(self) -> int:
        """How many numbers describe a word."""
        return self.table.width

    @property
    def whole_width(self) -> int:
        """As many as describe a word."""
        return self.table.width

    def prepare(self, item: str) -> str:
        """Return the text as it is."""
        return item

    def encode(self, prepared: Sequence[str]) -> list[ItemFeatures]:
        """Return the vectors of each text's known words, and their mean."""
        return [self._encode_text(text) for text in prepared]

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Return which share of all words the table lacks; 1 where there is no word at all."""
        is_known = [self._find(word) is not None for text in texts for word in words_of(text)]
        return 1 - sum(is_known) / len(is_known) if is_known else 1.0

    def spans(self, text: str) -> tuple[Span, ...] | None:
        """Return where each known word stands; the part of zeros of a text without one is all of it.

        None where composing the text, which comes before its words are found, changes which these are.
        """
        words = [(span, unicodedata.normalize("NFC", text[slice(*span)])) for span in word_spans(text)]
        if [word for _, word in words] != words_of(text):
            return None
        return tuple(span for span, word in words if self._find(word) is not None) or ((0, len(text)),)

    def _encode_text(self, text: str) -> ItemFeatures:
        positions = [place for word in words_of(text) if (place := self._find(word)) is not None]
        parts = self.table.fetch(positions) if positions else np.zeros((1, self.table.width), dtype=np.float32)
        return ItemFeatures(parts.astype(np.float16), parts.mean(0).astype(np.float16))

    def _find(self, word: str) -> int | None:
        place = self.table.positions.get(word)
        return place if place is not None else self.table.positions.get(word.lower())
