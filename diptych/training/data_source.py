"""The source of training features: a data set and its encoders, by name and opened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from diptych.data.features import Features
from diptych.data.given_vectors import with_vectors
from diptych.data.pairs import DataSet
from diptych.data.sources import open_data
from diptych.encoders.cut import Cut, cut
from diptych.encoders.encoding import FeatureSource, encode_dataset
from diptych.encoders.given import Given
from diptych.encoders.passed import EncoderLike, checked_encoder, name_of
from diptych.encoders.registry import open_encoders, settings_of
from diptych.encoders.run import Base
from diptych.entrance import fit_fields, fitted
from diptych.errors import BadSetting
from diptych.methods.module import TuneConfig
from diptych.modality import MODALITIES, Modality
from diptych.progress import Progress
from diptych.relevance import Relevant, TextItems, relevance, text_items
from diptych.training.known_categories import with_known_categories
from diptych.training.locating import located, located_encoder
from diptych.training.run_config import DataRecord, EncoderRecords
from diptych.training.tuned_method import EncoderTuning


class LearningFeatures(NamedTuple):
    """The features for training and validation; no test items."""

    train: Features
    """Training features, labelled with the known categories."""
    classes: tuple[str, ...]
    """The names of the known categories."""
    val: Features


@dataclass(frozen=True)
class DataSource:
    """A data set and its encoders, as requested: everything that determines the input of methods."""

    data: str
    """The data set's name or path."""
    data_root: Path | None
    vectors: Path | None
    """A file of precomputed features, or None."""
    image_encoder: EncoderLike
    """Its name, or an object."""
    text_encoder: EncoderLike
    encoder_settings: tuple[str, ...] = ()
    relevant: Relevant | None = None
    """What counts as right; None for the category if there are categories, otherwise the partner."""
    texts: TextItems | None = None
    """What a text item is; None for every text where partners count, otherwise the joined texts of a pair."""
    columns: tuple[str, ...] = ()
    """What the columns of a manifest mean, if their names do not say so: `text=title`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", str(fitted(str | Path, self.data, "data")))
        fit_fields(self)
        checked_encoder(self.image_encoder, "image"), checked_encoder(self.text_encoder, "text")

    def located(self) -> "DataSource":
        """Return the same source, found again from any working directory: local paths are absolute."""
        image_encoder, text_encoder = (
            located_encoder(each) if isinstance(each, str) else each for each in (self.image_encoder, self.text_encoder)
        )
        data = located(self.data, self.data_root)
        return replace(self, data=data, image_encoder=image_encoder, text_encoder=text_encoder)

    @property
    def encoders(self) -> tuple[str, str]:
        """The names of the image and the text encoder."""
        return name_of(self.image_encoder), name_of(self.text_encoder)

    def open(self, split_seed: int | None, *, progress: Progress | None = None) -> "SplitData":
        """Return the data set with its own splits, or with splits drawn by a seed."""
        encoders = open_encoders(self.image_encoder, self.text_encoder, self.encoder_settings)
        dataset = open_data(
            self.data, root=self.data_root, split_seed=split_seed, columns=self.columns, progress=progress
        )
        if self.vectors:
            dataset = with_vectors(dataset, self.vectors)
        return SplitData(self, split_seed, dataset, encoders)


@dataclass(frozen=True)
class SplitData:
    """A data set under one split, with its encoders."""

    source: DataSource
    split_seed: int | None
    dataset: DataSet
    encoders: tuple[FeatureSource, FeatureSource]

    @property
    def relevant(self) -> Relevant:
        """What counts as right on these data."""
        return relevance(self.source.relevant, categories=bool(self.dataset.classes))

    @property
    def texts(self) -> TextItems:
        """What a text item is."""
        return text_items(self.source.texts, self.relevant)

    def features(self, split: str, *, progress: Progress | None = None) -> Features:
        """Encode the pairs of a split."""
        return self._encoded(self.dataset.split(split), progress)

    def learning_features(self, *, progress: Progress | None = None) -> LearningFeatures:
        """Encode training and validation pairs, after checking that both splits exist.

        `BadFeature` if all training pictures or all training texts are the same.
        """
        rows = [self.dataset.split(split) for split in ("train", "val")]
        train, val = (self._encoded(part, progress) for part in rows)
        train.images.check_varied("pictures")
        train.texts.check_varied("texts")
        return LearningFeatures(*with_known_categories(train, self.dataset.classes), val)

    def tuning(self, config: TuneConfig, known: LearningFeatures, *, progress: Progress | None = None) -> EncoderTuning:
        """Return what tuning needs: the encoders in two, and the activations of training and validation pairs."""
        settings = settings_of(self.source.encoder_settings)
        cuts: dict[Modality, Cut] = {}
        for modality, encoder in zip(MODALITIES, self.encoders, strict=True):
            if modality in config.modalities:
                if isinstance(encoder, Given):
                    raise BadSetting(
                        f"precomputed vectors (`given`) have no network that could learn. Set tune.{modality}=0, or "
                        f"name an encoder: --{modality}-encoder."
                    )
                cuts[modality] = cut(encoder, getattr(config, modality))
        sides = []
        for split, mirror, own in (("train", config.mirror, known.train), ("val", False, known.val)):
            stems = {m: each.mirroring if mirror else each.stem for m, each in cuts.items()}
            encoders = (stems.get("image", self.encoders[0]), stems.get("text", self.encoders[1]))
            found = self._encoded(self.dataset.split(split), progress, encoders=encoders)
            sides.append(replace(found, labels=own.labels))
        bases = {m: Base.of(each, settings=settings[m]) for m, each in cuts.items()}
        return EncoderTuning({m: each.top for m, each in cuts.items()}, bases, *sides)

    def data_record(self) -> DataRecord:
        """Return the record of the data set."""
        return DataRecord.of(self.dataset, self.source.data, split_seed=self.split_seed, columns=self.source.columns)

    def encoder_records(self) -> EncoderRecords:
        """Return the records of its encoders."""
        return EncoderRecords.of(self.encoders, names=self.source.encoders, settings=self.source.encoder_settings)

    def _encoded(
        self,
        rows: Sequence[int],
        progress: Progress | None,
        *,
        encoders: tuple[FeatureSource, FeatureSource] | None = None,
    ) -> Features:
        see, read = encoders or self.encoders
        joined = self.texts == "joined"
        features = encode_dataset(self.dataset, rows, see, read, progress=progress, join_texts=joined)
        return replace(features, relevant=self.relevant)
