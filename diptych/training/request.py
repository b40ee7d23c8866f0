"""From what is asked for to what a training begins with: a config, encoded pairs, a folder that admits the run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch

from diptych.data.features import Features
from diptych.errors import BadSetting, UnknownName
from diptych.methods.module import MethodModule, open_method
from diptych.progress import Progress
from diptych.settings import override, thread_count
from diptych.training.data_source import DataSource, LearningFeatures, SplitData
from diptych.training.learning import Training
from diptych.training.run import TrainingRun
from diptych.training.run_config import RunConfig, versions
from diptych.training.side_information import side_information_of

ENCODERS = ("image_encoder", "text_encoder")
"""Groups of settings that belong to an encoder and not to the method."""


class Prepared(NamedTuple):
    """A training whose run has begun."""

    config: RunConfig
    training: Training
    val: Features


@dataclass(frozen=True)
class TrainingRequest:
    """Which method is to be trained, and on what."""

    method: str
    preset: str
    settings: tuple[str, ...]
    """Changes of the preset."""
    source: DataSource
    split_seed: int | None

    @property
    def module(self) -> MethodModule:
        """The method's file."""
        return open_method(self.method)

    @cached_property
    def chosen(self) -> Any:
        """The method's preset, changed by the settings."""
        presets = self.module.PRESETS
        if self.preset not in presets:
            raise UnknownName.among("presets", self.preset, presets)
        return override(presets[self.preset], self.settings)

    def config(self, data: SplitData, *, seed: int) -> RunConfig:
        """Return the config of a run from this seed, on the data that `source` opens."""
        settings, records = asdict(self.chosen), (data.data_record(), data.encoder_records())
        return RunConfig(self.method, self.preset, settings, *records, seed, versions())

    def training(self, data: SplitData, features: LearningFeatures, *, progress: Progress | None = None) -> Training:
        """Return the training itself, with all that it learns from."""
        known = side_information_of(self.module, self.chosen, data.dataset, data.encoders, progress=progress)
        return Training(self.method, self.chosen, features.train, features.classes, known)

    def prepare(self, run: TrainingRun, *, resume: bool) -> Prepared | None:
        """Return what the training begins with, and begin its run in the folder; None where that is finished.

        The first process reads and writes; all have what it made of it.
        """
        if run.processes.count > 1 and self.module.CARD.learns != "gradient":
            raise BadSetting(f"{self.method} does not learn by gradient: one process does it. Leave out --processes.")
        return run.processes.first(self._prepare, run, resume=resume)

    def _prepare(self, run: TrainingRun, *, resume: bool) -> Prepared | None:
        data = self.source.open(self.split_seed)
        config = self.config(data, seed=run.seed)
        run.folder.admit(config, resume=resume or run.processes.restarted)
        if run.folder.finished:
            run.folder.tidy()
            return None
        torch.set_num_threads(thread_count())
        features = data.learning_features(progress=run.progress)
        training = self.training(data, features, progress=run.progress)
        if self.module.CARD.learns == "gradient":
            run.processes.share(min(len(features.train.texts), self.chosen.training.batch))
        run.folder.begin(config)
        return Prepared(config, training, features.val)


def divided_settings(settings: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the settings of a method, and those of encoders.

    >>> divided_settings(["training.epochs=3", "image_encoder.side=64"])
    (('training.epochs=3',), ('image_encoder.side=64',))
    """
    of_encoders = tuple(each for each in settings if each.partition(".")[0] in ENCODERS)
    return tuple(each for each in settings if each not in of_encoders), of_encoders
