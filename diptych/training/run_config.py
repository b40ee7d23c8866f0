"""What a run is and what it chose, as its files config.json and result.json hold it."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from diptych import __version__
from diptych.data.pairs import DataSet
from diptych.encoders.encoding import FeatureSource
from diptych.encoders.given import Given
from diptych.files import digest
from diptych.fusion.record import FusionRecord

PACKAGES = ("torch", "numpy")
"""Packages whose versions are kept with a run, beside diptych's and Python's."""


@dataclass(frozen=True)
class DataRecord:
    """Which data set a run learns from: how it was asked for, and what it held."""

    source: str
    """The name or the path that was asked for."""
    name: str
    split_seed: int | None
    """The one asked for; None for the splits that the data set has of itself."""
    fingerprint: str
    """Changes with the ids, texts, categories and precomputed vectors."""
    splits: str
    """Changes with which ids are in which split."""

    @classmethod
    def of(cls, dataset: DataSet, source: str, *, split_seed: int | None) -> "DataRecord":
        """Return the record of a data set that was asked for as `source`."""
        return cls(source, dataset.name, split_seed, fingerprint(dataset), splits_fingerprint(dataset))

    def differences(self, dataset: DataSet) -> list[str]:
        """Return how a data set differs from this one, if it has the same name."""
        if dataset.name != self.name:
            return []
        notes = {
            "the data set has changed since it was trained on": fingerprint(dataset) != self.fingerprint,
            "trained under another split: some of these pairs were trained on": splits_fingerprint(dataset)
            != self.splits,
        }
        return [note for note, differs in notes.items() if differs]


@dataclass(frozen=True)
class EncoderRecord:
    """An encoder as it was asked for, and what its weights are."""

    name: str
    fingerprint: str | None
    """None for vectors that came with the data: the data set's own fingerprint covers them."""

    @classmethod
    def of(cls, name: str, encoder: FeatureSource) -> "EncoderRecord":
        """Return the record of an encoder that was asked for by this name."""
        return cls(name, None if isinstance(encoder, Given) else encoder.fingerprint)


@dataclass(frozen=True)
class EncoderRecords:
    """The encoders of pictures and of texts that a run reads with."""

    image: EncoderRecord
    text: EncoderRecord
    settings: tuple[str, ...]
    """Of both, as `image_encoder.NAME=VALUE`."""

    @classmethod
    def of(
        cls, encoders: tuple[FeatureSource, FeatureSource], *, names: tuple[str, str], settings: Sequence[str]
    ) -> "EncoderRecords":
        """Return the records of two encoders that were asked for by these names and settings."""
        image, text = (EncoderRecord.of(name, encoder) for name, encoder in zip(names, encoders, strict=True))
        return cls(image, text, tuple(settings))


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the result of a run."""

    method: str
    preset: str
    settings: Mapping[str, Any]
    """The method's config as `dataclasses.asdict` gives it, or as JSON holds that."""
    data: DataRecord
    encoders: EncoderRecords
    seed: int
    versions: Mapping[str, str]
    """Of diptych, Python and `PACKAGES`."""


@dataclass(frozen=True)
class RunResult:
    """What a run chose on validation data, and what it takes to open its model."""

    widths: Mapping[str, int]
    """The fields of the method's `Widths`."""
    spaces: tuple[str, ...]
    classes: tuple[str, ...]
    """The categories that training knows."""
    epoch: int
    """The one whose weights were kept; 0 for a method without epochs."""
    fusion: FusionRecord


def versions() -> dict[str, str]:
    """Return the versions of what computes a run."""
    return {"diptych": __version__, "python": platform.python_version(), **{p: version(p) for p in PACKAGES}}


def fingerprint(dataset: DataSet) -> str:
    """Return a digest of a data set's ids, texts, categories and precomputed vectors."""
    pairs = [repr((pair.id, pair.texts, pair.categories)) for pair in dataset.pairs]
    vectors = [part for name in sorted(dataset.vectors) for part in (name, dataset.vectors[name].tobytes())]
    return digest(*pairs, *vectors)


def splits_fingerprint(dataset: DataSet) -> str:
    """Return a digest of which ids are in which split."""
    return digest(*(repr((name, _ids(dataset, rows))) for name, rows in sorted(dataset.splits.items())))


def _ids(dataset: DataSet, rows: Sequence[int]) -> list[str]:
    return sorted(dataset.pairs[row].id for row in rows)
