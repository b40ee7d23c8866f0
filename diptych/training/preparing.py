"""From what is asked for to what a training begins with: a config, encoded pairs, a folder that admits the run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch

from diptych.data.features import Features
from diptych.data.opening import open_data
from diptych.encoders.encoding import encode_dataset
from diptych.encoders.registry import open_encoders
from diptych.errors import UnknownName
from diptych.methods import ROOM
from diptych.methods.contract import Surroundings
from diptych.progress import Progress
from diptych.settings import override, thread_count
from diptych.training.categories import with_known_categories
from diptych.training.processes import Processes
from diptych.training.run_config import data_config, encoders_config, run_config
from diptych.training.run_folder import RunFolder
from diptych.training.surroundings import surroundings_of

ENCODERS = ("image_encoder", "text_encoder")
"""Groups of settings that belong to an encoder and not to the method."""


class Prepared(NamedTuple):
    """What a training begins with."""

    config: Mapping[str, Any]
    train: Features
    val: Features
    classes: tuple[str, ...]
    surroundings: Surroundings


@dataclass(frozen=True)
class Order:
    """What is to be trained, on what, from which seed."""

    method: str
    data: str
    preset: str
    seed: int
    split_seed: int | None
    settings: Sequence[str]
    """Of the method, and of the encoders."""
    encoders: tuple[str, str]
    data_root: Path | None

    @property
    def module(self) -> ModuleType:
        """The method's file."""
        return ROOM.open(self.method)

    @cached_property
    def chosen(self) -> Any:
        """The method's preset, changed by the settings that are its own."""
        presets = self.module.PRESETS
        if self.preset not in presets:
            raise UnknownName.among("presets", self.preset, presets)
        return override(presets[self.preset], [each for each in self.settings if not _of_encoder(each)])

    def prepare(
        self, folder: RunFolder, *, resume: bool, processes: Processes, progress: Progress | None
    ) -> Prepared | None:
        """Return what the training begins with, and begin its run in the folder; None where that is finished."""
        own = [each for each in self.settings if _of_encoder(each)]
        encoders = open_encoders(*self.encoders, own)
        dataset = open_data(self.data, root=self.data_root, split_seed=self.split_seed)
        rows = [dataset.split(split) for split in ("train", "val")]
        config = run_config(
            self.method,
            self.preset,
            settings=asdict(self.chosen),
            data=data_config(dataset, self.data, split_seed=self.split_seed),
            encoders=encoders_config(encoders, names=self.encoders, settings=own),
            seed=self.seed,
        )
        folder.admit(config, resume=resume or processes.restarted)
        if folder.finished:
            folder.tidy()
            return None
        torch.set_num_threads(thread_count())
        train, val = (encode_dataset(dataset, part, *encoders, progress=progress) for part in rows)
        train, classes = with_known_categories(train, dataset.classes)
        surroundings = surroundings_of(self.module, self.chosen, dataset, encoders, progress=progress)
        if self.module.CARD.learns == "gradient":
            processes.share(min(len(train.texts), self.chosen.training.batch))
        folder.begin(config)
        return Prepared(config, train, val, classes, surroundings)


def _of_encoder(setting: str) -> bool:
    return setting.partition(".")[0] in ENCODERS
