"""Prepare a requested training: its config, encoded pairs and run folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.fusion import ROOM as FUSION
from diptych.methods.module import MethodModule, open_method, preset_of
from diptych.progress import Progress
from diptych.relevance import Relevant
from diptych.settings import override, set_torch_threads, thread_count
from diptych.training.data_source import DataSource, LearningFeatures, SplitData
from diptych.training.learning import Training
from diptych.training.run import TrainingRun
from diptych.training.run_config import RunConfig, versions
from diptych.training.side_information import side_information_of

ENCODERS = ("image_encoder", "text_encoder")
"""Setting groups that belong to an encoder, not to the method."""
EPOCHS = "training.epochs="
NO_MORE_EPOCHS = "training.min_steps=0"
"""What setting the epochs implies: no preset's minimum of steps raises them."""


class Prepared(NamedTuple):
    """A training whose run has started."""

    config: RunConfig
    training: Training
    val: Features


@dataclass(frozen=True)
class TrainingRequest:
    """The method to train, and its data."""

    method: str
    preset: str
    settings: tuple[str, ...]
    """Changes to the preset."""
    source: DataSource
    split_seed: int | None

    @property
    def module(self) -> MethodModule:
        """The method's module."""
        return open_method(self.method)

    def chosen(self, relevant: Relevant) -> Any:
        """Return the method's preset for what counts as right, changed by the settings."""
        counted = any(setting.startswith(EPOCHS) for setting in self.settings)
        exactly = (NO_MORE_EPOCHS,) if counted and self.module.CARD.learns == "gradient" else ()
        chosen = override(preset_of(self.module, self.preset, relevant), (*exactly, *self.settings))
        if chosen.tune.modalities and self.module.CARD.learns != "gradient":
            raise BadSetting(
                f"{self.method} does not learn by gradient, so its encoders cannot learn with it. Set tune.image=0 and "
                "tune.text=0, or give it the tuned encoders of another run: --image-encoder run:RUN."
            )
        FUSION.open(chosen.fusion)  # refuse an unknown rule before anything is encoded
        return chosen

    def config(self, data: SplitData, *, seed: int) -> RunConfig:
        """Return the config of a run with this seed, on the data of `source`."""
        settings, records = asdict(self.chosen(data.relevant)), (data.data_record(), data.encoder_records())
        return RunConfig(self.method, self.preset, settings, *records, seed, versions(), data.relevant, data.texts)

    def training(self, data: SplitData, features: LearningFeatures, *, progress: Progress | None = None) -> Training:
        """Return the training with its data."""
        chosen = self.chosen(data.relevant)
        known = side_information_of(self.module, chosen, data.dataset, data.encoders, progress=progress)
        tuning = data.tuning(chosen.tune, features, progress=progress) if chosen.tune.modalities else None
        return Training(self.method, chosen, features.train, features.classes, known, tuning)

    def prepare(self, run: TrainingRun, *, resume: bool) -> Prepared | None:
        """Prepare the training and start its run in the folder; return None if the run is finished.

        The first process reads and writes; all receive its result.
        """
        if run.processes.count > 1 and self.module.CARD.learns != "gradient":
            raise BadSetting(f"{self.method} does not learn by gradient and runs in one process. Omit --processes.")
        return run.processes.first(self._prepare, run, resume=resume)

    def _prepare(self, run: TrainingRun, *, resume: bool) -> Prepared | None:
        data = self.source.open(self.split_seed, progress=run.progress)
        config = self.config(data, seed=run.seed)
        run.folder.admit(config, resume=resume or run.processes.restarted)
        if run.folder.finished:
            run.folder.tidy()
            return None
        # with several processes, the others wait while the first encodes
        set_torch_threads(thread_count() if run.processes.count > 1 else None)
        features = data.learning_features(progress=run.progress)
        training = self.training(data, features, progress=run.progress)
        if self.module.CARD.learns == "gradient":
            run.processes.share(min(len(features.train.texts), training.chosen.training.batch))
        run.folder.begin(config)
        return Prepared(config, training, training.validated(features.val))


def divided_settings(settings: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Separate the settings of a method from those of encoders.

    >>> divided_settings(["training.epochs=3", "image_encoder.side=64"])
    (('training.epochs=3',), ('image_encoder.side=64',))
    """
    of_encoders = tuple(each for each in settings if each.partition(".")[0] in ENCODERS)
    return tuple(each for each in settings if each not in of_encoders), of_encoders
