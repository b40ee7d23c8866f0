"""Where a training's features come from: a data set and the encoders that read it, by name and then opened."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from diptych.data.features import Features
from diptych.data.given_vectors import with_vectors
from diptych.data.pairs import DataSet
from diptych.data.sources import open_data
from diptych.encoders.encoding import FeatureSource, encode_dataset
from diptych.encoders.registry import open_encoders
from diptych.progress import Progress
from diptych.training.known_categories import with_known_categories
from diptych.training.run_config import DataRecord, EncoderRecords


class LearningFeatures(NamedTuple):
    """What is encoded for a training: no test item."""

    train: Features
    """Labelled with the categories that training knows."""
    classes: tuple[str, ...]
    """The names of these."""
    val: Features


@dataclass(frozen=True)
class DataSource:
    """A data set and its encoders as they are asked for: everything that decides what methods see."""

    data: str
    """The data set's name or path."""
    data_root: Path | None
    vectors: Path | None
    """A file of precomputed features, or None."""
    image_encoder: str
    text_encoder: str
    encoder_settings: tuple[str, ...] = ()

    @property
    def encoders(self) -> tuple[str, str]:
        """The names of the encoders of pictures and of texts."""
        return self.image_encoder, self.text_encoder

    def open(self, split_seed: int | None) -> "SplitData":
        """Return the data set with its own splits, or with those that a seed draws."""
        encoders = open_encoders(*self.encoders, self.encoder_settings)
        dataset = open_data(self.data, root=self.data_root, split_seed=split_seed)
        if self.vectors:
            dataset = with_vectors(dataset, self.vectors)
        return SplitData(self, split_seed, dataset, encoders)


@dataclass(frozen=True)
class SplitData:
    """A data set under one split, with the encoders that read it."""

    source: DataSource
    split_seed: int | None
    dataset: DataSet
    encoders: tuple[FeatureSource, FeatureSource]

    def features(self, split: str, *, progress: Progress | None = None) -> Features:
        """Return a split's pairs, encoded."""
        return encode_dataset(self.dataset, self.dataset.split(split), *self.encoders, progress=progress)

    def learning_features(self, *, progress: Progress | None = None) -> LearningFeatures:
        """Return training and validation pairs, encoded; a split that is missing is refused before the first is."""
        rows = [self.dataset.split(split) for split in ("train", "val")]
        train, val = (encode_dataset(self.dataset, part, *self.encoders, progress=progress) for part in rows)
        return LearningFeatures(*with_known_categories(train, self.dataset.classes), val)

    def data_record(self) -> DataRecord:
        """Return which data set this is."""
        return DataRecord.of(self.dataset, self.source.data, split_seed=self.split_seed)

    def encoder_records(self) -> EncoderRecords:
        """Return which encoders read it."""
        return EncoderRecords.of(self.encoders, names=self.source.encoders, settings=self.source.encoder_settings)
