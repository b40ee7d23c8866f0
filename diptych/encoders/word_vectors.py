"""Text encoding with a table of word vectors, shared by GloVe and word2vec.

A word is a run of letters, marks and digits (of any script, after NFC). It is looked up as written and then in lower
case. Out-of-vocabulary words are skipped and counted by `unknown_share`.
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
    """A vocabulary with access to its vectors."""

    positions: Mapping[str, int]
    width: int
    fetch: Callable[[Sequence[int]], Float32[np.ndarray, "t d"]]
    """Returns the vectors at given positions."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in any language, in reading order.

    >>> words_of("A cat's nap, 猫の昼寝!")
    ['A', 'cat', 's', 'nap', '猫の昼寝']
    """
    composed = unicodedata.normalize("NFC", text)
    return [composed[start:stop] for start, stop in word_spans(composed)]


def word_spans(text: str) -> list[Span]:
    """Return the spans of the words in a text, without NFC normalisation."""
    runs = groupby(range(len(text)), key=lambda k: unicodedata.category(text[k])[0] in WORD_CATEGORIES)
    places = [list(run) for in_word, run in runs if in_word]
    return [(run[0], run[-1] + 1) for run in places]


class WordVectors(Encoder):
    """Words -> their vectors; text -> the mean of its known words.

    A text without known words has one part and a whole of zeros.
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
        """The word table, loaded on first use."""
        return self._read()

    @property
    def parts_width(self) -> int:
        """Dimension of a word."""
        return self.table.width

    @property
    def whole_width(self) -> int:
        """Dimension of the text, the same as of a word."""
        return self.table.width

    def prepare(self, item: str) -> str:
        """Return the text as it is."""
        return item

    def encode(self, prepared: Sequence[str]) -> list[ItemFeatures]:
        """Return the vectors of each text's known words, and their mean."""
        return [self._encode_text(text) for text in prepared]

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Return the share of out-of-vocabulary words; 1 without words."""
        is_known = [self._find(word) is not None for text in texts for word in words_of(text)]
        return 1 - sum(is_known) / len(is_known) if is_known else 1.0

    def spans(self, text: str) -> tuple[Span, ...] | None:
        """Return the span of each known word; the single part of a text without known words spans all of it.

        Returns None if NFC normalisation changes the words of the text.
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
