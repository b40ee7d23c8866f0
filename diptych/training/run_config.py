"""The config and the result of a run, as stored in config.json and result.json."""

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
from diptych.relevance import Relevant, TextItems

PACKAGES = ("torch", "numpy")
"""Packages whose versions are recorded with a run, besides diptych and Python."""


@dataclass(frozen=True)
class DataRecord:
    """The data set of a run: how it was specified, and its content."""

    source: str
    """Where it lies: its name, a URL or an absolute path (`DataSource.located`); a relative one in older runs."""
    name: str
    split_seed: int | None
    """The given seed; None for the data set's own splits."""
    fingerprint: str
    """Digest of the ids, texts, categories and precomputed vectors."""
    splits: str
    """Digest of the assignment of ids to splits."""
    columns: tuple[str, ...] = ()
    """What the columns of its manifest mean (`DataSource.columns`)."""

    @classmethod
    def of(cls, dataset: DataSet, source: str, *, split_seed: int | None, columns: Sequence[str] = ()) -> "DataRecord":
        """Return the record of a data set specified as `source`."""
        pairs, splits = fingerprint(dataset), splits_fingerprint(dataset)
        return cls(source, dataset.name, split_seed, pairs, splits, tuple(columns))

    def describes(self, dataset: DataSet) -> bool:
        """Return whether a data set is the one trained on: it has the same name or, renamed, the same pairs."""
        return dataset.name == self.name or fingerprint(dataset) == self.fingerprint

    def differences(self, dataset: DataSet, *, by_default: bool = False, splits: bool = True) -> list[str]:
        """Return the differences of a data set from this record, also those of its `splits`.

        Data that somebody named have none if they are another data set; those found `by_default`, where the data of
        training lay, are always compared.
        """
        if not (by_default or self.describes(dataset)):
            return []
        notes = {
            "the data set has changed since it was trained on": fingerprint(dataset) != self.fingerprint,
            "trained under another split: some of these pairs were trained on": splits
            and splits_fingerprint(dataset) != self.splits,
        }
        return [note for note, differs in notes.items() if differs]


@dataclass(frozen=True)
class EncoderRecord:
    """An encoder: how it was specified, and its fingerprint."""

    name: str
    fingerprint: str | None
    """None for precomputed vectors, which the data set's fingerprint covers."""

    @classmethod
    def of(cls, name: str, encoder: FeatureSource) -> "EncoderRecord":
        """Return the record of an encoder specified by this name."""
        return cls(name, None if isinstance(encoder, Given) else encoder.fingerprint)


@dataclass(frozen=True)
class EncoderRecords:
    """The image and the text encoder of a run."""

    image: EncoderRecord
    text: EncoderRecord
    settings: tuple[str, ...]
    """Settings of both, as `image_encoder.NAME=VALUE`."""

    @property
    def both(self) -> tuple[EncoderRecord, EncoderRecord]:
        """The record of the image encoder and that of the text encoder."""
        return self.image, self.text

    @classmethod
    def of(
        cls, encoders: tuple[FeatureSource, FeatureSource], *, names: tuple[str, str], settings: Sequence[str]
    ) -> "EncoderRecords":
        """Return the records of two encoders specified by these names and settings."""
        image, text = (EncoderRecord.of(name, encoder) for name, encoder in zip(names, encoders, strict=True))
        return cls(image, text, tuple(settings))


@dataclass(frozen=True)
class RunConfig:
    """Everything that determines the result of a run."""

    method: str
    preset: str
    settings: Mapping[str, Any]
    """The method's config from `dataclasses.asdict`, or its JSON form."""
    data: DataRecord
    encoders: EncoderRecords
    seed: int
    versions: Mapping[str, str]
    """Versions of diptych, Python and `PACKAGES`."""
    relevant: Relevant = "category"
    """What counted as right."""
    texts: TextItems = "joined"
    """What a text item was."""


@dataclass(frozen=True)
class RunResult:
    """The choices of a run on validation data, and the data needed to open its model."""

    widths: Mapping[str, int]
    """The fields of the method's `Widths`."""
    spaces: tuple[str, ...]
    classes: tuple[str, ...]
    """The categories known in training."""
    epoch: int
    """The epoch whose weights were kept; 0 for a method without epochs."""
    fusion: FusionRecord


def versions() -> dict[str, str]:
    """Return the versions of the software that computes a run."""
    return {"diptych": __version__, "python": platform.python_version(), **{p: version(p) for p in PACKAGES}}


def fingerprint(dataset: DataSet) -> str:
    """Return a digest of a data set's ids, texts, categories and precomputed vectors."""
    pairs = [repr((pair.id, pair.texts, pair.categories)) for pair in dataset.pairs]
    vectors = [part for name in sorted(dataset.vectors) for part in (name, dataset.vectors[name].tobytes())]
    return digest(*pairs, *vectors)


def splits_fingerprint(dataset: DataSet) -> str:
    """Return a digest of the assignment of ids to splits."""
    return digest(*(repr((name, _ids(dataset, rows))) for name, rows in sorted(dataset.splits.items())))


def _ids(dataset: DataSet, rows: Sequence[int]) -> list[str]:
    return sorted(dataset.pairs[row].id for row in rows)
