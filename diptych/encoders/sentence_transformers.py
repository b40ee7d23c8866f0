"""Any text network of sentence-transformers: `sentence-transformers:NAME`, a name on the hub or a local folder.

Objective: none. Parts are the network's token vectors (special tokens included, as the network gives them), the
whole is its sentence vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from diptych.encoders.arguments import argument_of, import_extra
from diptych.encoders.contract import Encoder, EncoderWidths, ItemFeatures, Span, fingerprint_of, stated_widths
from diptych.encoders.hub import opened_by
from diptych.encoders.token_spans import token_spans
from diptych.encoders.weights import network_digest
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="Any text network of sentence-transformers",
    paper="Reimers and Gurevych, Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks, EMNLP",
    year=2019,
    licence="that of the chosen weights",
    needs=("sentence-transformers",),
    learns="nothing",
)

VERSION = 1


@dataclass(frozen=True)
class Config:
    """No settings: the network defines them."""


class SentenceNetwork(Encoder):
    """A network of sentence-transformers."""

    modality: Modality = "text"
    batch = 256

    def __init__(self, name: str, config: Config, network: Any) -> None:
        self.name = name
        self.network = network
        self.sums_parts = any(getattr(module, "pooling_mode", None) == "mean" for module in network.children())
        self.fingerprint = fingerprint_of(name, weights=network_digest(network), config=config, version=VERSION)

    @property
    def parts_width(self) -> int | None:
        """Dimension of a token."""
        return stated_widths(self.name, self._widths)[0]

    @property
    def whole_width(self) -> int:
        """Dimension of the text."""
        return stated_widths(self.name, self._widths)[1]

    @property
    def _widths(self) -> EncoderWidths | None:
        """The declared widths of the last module before pooling and of the network."""
        before = takewhile(lambda module: not hasattr(module, "pooling_mode"), self.network.children())
        tokens = [module.get_embedding_dimension() for module in before if hasattr(module, "get_embedding_dimension")]
        whole = self.network.get_embedding_dimension()
        return (tokens[-1], whole) if tokens and tokens[-1] and whole else None

    def prepare(self, item: str) -> str:
        """Return the text as it is."""
        return item

    def encode(self, prepared: Sequence[str]) -> list[ItemFeatures]:
        """Return the token vectors and the sentence vector of each text."""
        rows = self.network.encode(list(prepared), output_value=None, show_progress_bar=False)
        return [ItemFeatures(_half(row["token_embeddings"]), _half(row["sentence_embedding"])) for row in rows]

    def spans(self, text: str) -> tuple[Span | None, ...] | None:
        """Return the span of each token in the text; None for special tokens."""
        return token_spans(self.network.tokenizer, text, longest=self.network.max_seq_length)


def _half(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy().astype(np.float16)


def open_encoder(name: str, config: Config) -> SentenceNetwork:
    """Return the network in the folder, or with the hub name, given by the argument."""
    package = import_extra("sentence_transformers", extra="sentence-transformers")
    source = argument_of(name, kind="name")
    with opened_by("sentence-transformers", source):
        network = package.SentenceTransformer(source, trust_remote_code=False)
    return SentenceNetwork(name, config, network)
