"""word2vec: one vector per word, trained to predict neighbouring words; the text side of the MCSM paper.

Objective: none; pretrained. `word2vec:PATH` is a table in word2vec's own formats: binary if the file name ends in
`.bin`, text otherwise.
"""

from dataclasses import dataclass
from functools import partial

from diptych.encoders.arguments import file_argument
from diptych.encoders.contract import fingerprint_of
from diptych.encoders.vector_files import read_binary, read_text
from diptych.encoders.word_vectors import WordVectors
from diptych.files import file_digest
from diptych.rooms import Card

CARD = Card(
    title="word2vec word vectors from a file",
    paper="Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality, NeurIPS",
    year=2013,
    licence="that of the file",
    learns="nothing",
)

VERSION = 1


@dataclass(frozen=True)
class Config:
    """The words to read."""

    limit: int = 0
    """Number of words to read from the start of the table, where the frequent ones are; 0 reads all."""


def open_encoder(name: str, config: Config) -> WordVectors:
    """Return the table in the file named by the argument."""
    path = file_argument(name)
    read = partial(read_binary if path.suffix == ".bin" else read_text, path, limit=config.limit)
    fingerprint = fingerprint_of(name, weights=file_digest(path), config=config, version=VERSION)
    return WordVectors(name, fingerprint=fingerprint, read=read)
