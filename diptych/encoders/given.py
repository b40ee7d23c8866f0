"""The precomputed vectors of a data set, in place of an encoder.

Objective: none; Wikipedia's 128 numbers a picture and 10 a text, say, are used as they are. There are no parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diptych.data.features import Encoded
from diptych.data.pairs import DataSet
from diptych.encoders.arguments import refuse_argument
from diptych.errors import MissingData
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(title="The vectors that came with the data set", learns="nothing")


@dataclass(frozen=True)
class Config:
    """No settings."""


class Given:
    """Returns a data set's own vectors, without parts."""

    name = "given"

    def encode(self, dataset: DataSet, rows: Sequence[int], modality: Modality) -> Encoded:
        """Return the precomputed vectors of the given pairs; raise `MissingData` if there are none."""
        if modality not in dataset.vectors:
            there = ", ".join(dataset.vectors) or "none"
            raise MissingData(
                f"{dataset.name} came with no precomputed {modality} vectors (it has: {there}). "
                f"Choose an encoder with --{modality}-encoder."
            )
        whole = np.asarray(dataset.vectors[modality])[np.asarray(rows, dtype=np.int64)].astype(np.float32)
        return Encoded(whole, encoder=self.signature(dataset))

    def signature(self, dataset: DataSet) -> str:
        """Return the origin of the vectors."""
        return f"{self.name}@{dataset.name}"


def open_encoder(name: str, config: Config) -> Given:
    """Return the source of a data set's own vectors."""
    refuse_argument(name)
    return Given()
