"""The folder of one training run.

config.json             method, preset, every setting, encoders, data and its fingerprint, versions, seeds
metrics.jsonl           one line per epoch: losses by name, validation metric, learning rate, seconds
model.safetensors       the kept weights of the run (the best on validation, or the last)
image_encoder.safetensors, text_encoder.safetensors
                        the blocks of the encoders that have learnt too, if `tune` is set
posteriors.safetensors  the classifiers beside a method that names no categories itself, if `posteriors.share` is set
checkpoint.safetensors  the training state to resume from; removed when training has ended
result.json             the choices on validation data: epoch, fusion weight; written last
training.png            losses and validation MAP by epoch, where Matplotlib is installed
tensorboard/            the same as events, if requested
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from diptych.encoders.run import encoder_file
from diptych.errors import BadCheckpoint
from diptych.files import json_of, record_of, write_json, written_atomically
from diptych.modality import MODALITIES, Modality
from diptych.training.locating import located, located_encoder
from diptych.training.run_config import RunConfig, RunResult

Record = TypeVar("Record")


class RunFolder:
    """Reads and writes the files of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.json"
        self.metrics_file = path / "metrics.jsonl"
        self.model_file = path / "model.safetensors"
        self.encoder_files: Mapping[Modality, Path] = {
            modality: encoder_file(path, modality) for modality in MODALITIES
        }
        self.posteriors_file = path / "posteriors.safetensors"
        self.checkpoint_file = path / "checkpoint.safetensors"
        self.result_file = path / "result.json"
        self.curve_file = path / "training.png"
        self.files = (
            self.config_file, self.metrics_file, self.model_file, *self.encoder_files.values(),
            self.posteriors_file, self.checkpoint_file, self.result_file, self.curve_file,
        )  # fmt: skip

    @property
    def weights_files(self) -> list[Path]:
        """The files with the weights of a finished run."""
        files = (self.model_file, self.posteriors_file, *self.encoder_files.values())
        return [file for file in files if file.exists()]

    @property
    def tuned(self) -> tuple[Modality, ...]:
        """The modalities whose encoder has learnt with the method."""
        return tuple(modality for modality, file in self.encoder_files.items() if file.exists())

    @property
    def finished(self) -> bool:
        """Whether training has ended and its result is written."""
        return self.result_file.is_file()

    def admit(self, config: RunConfig, *, resume: bool) -> None:
        """Refuse a folder that already holds a run, unless the run is resumed with the same config."""
        if not self.config_file.exists():
            return
        if not resume:
            raise BadCheckpoint(
                f"{self.path} already holds a run. Continue it with --resume, or choose another folder."
            )
        if changed := differences(_located(self.config()), _located(config)):
            raise BadCheckpoint(
                f"{self.path} holds a run with other settings ({changed[0]}). Resume it with the settings it was "
                "started with, or choose another folder."
            )

    def begin(self, config: RunConfig) -> None:
        """Create the folder and write the run's config."""
        if not self.config_file.exists():
            write_json(self.config_file, asdict(config))
        self.tidy()

    def tidy(self) -> None:
        """Remove leftovers of an interruption: partial files, and the checkpoint of a finished run."""
        for file in self.files:
            for leftover in self.path.glob(f".{file.name}.*"):
                leftover.unlink()
        if self.finished:
            self.checkpoint_file.unlink(missing_ok=True)

    def end(self, result: RunResult) -> None:
        """Write the result, which finishes the run, and remove the checkpoint."""
        write_json(self.result_file, asdict(result))
        self.tidy()

    def config(self) -> RunConfig:
        """Return the run's config."""
        return self._read(self.config_file, RunConfig)

    def result(self) -> RunResult:
        """Return the choices of the run on validation data."""
        return self._read(self.result_file, RunResult)

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics of the epochs so far."""
        if not self.metrics_file.exists():
            return []
        try:
            return [json.loads(line) for line in self.metrics_file.read_text(encoding="utf-8").splitlines()]
        except ValueError as error:
            raise BadCheckpoint(
                f"{self.metrics_file} must hold one JSON object per line ({error}). Copy it again, or train again."
            ) from None

    def write_metrics(self, metrics: list[dict[str, Any]]) -> None:
        """Replace the metrics, with one line per epoch."""
        with written_atomically(self.metrics_file) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in metrics), encoding="utf-8")

    def _read(self, file: Path, kind: type[Record]) -> Record:
        try:
            return record_of(kind, json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            state = "is not a finished run" if self.config_file.exists() else "is not a run folder"
            raise BadCheckpoint(f"{self.path} {state}: it has no {file.name}. Train it: diptych train.") from None
        except (ValueError, RecursionError) as error:
            raise BadCheckpoint(f"{file} is not valid JSON ({error}). Copy it again, or train again.") from None
        except KeyError as missing:
            raise BadCheckpoint(f"{file} must hold an object with {missing}. Copy it again, or train again.") from None


def _located(config: RunConfig) -> dict[str, Any]:
    """Return a config as a JSON object in which relative paths, which older runs have, are absolute."""
    value = json_of(config)
    value["data"]["source"] = located(config.data.source)
    for modality, encoder in zip(MODALITIES, config.encoders.both, strict=True):
        value["encoders"][modality]["name"] = located_encoder(encoder.name)
    return value


def differences(old: dict[str, Any], new: dict[str, Any], *, prefix: str = "") -> list[str]:
    """Return one line for each differing setting, with dotted names for nested ones.

    >>> differences({"a": {"b": 1}}, {"a": {"b": 2}})
    ['a.b was 1 and is now 2']
    """
    lines: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, prefix=f"{prefix}{name}.")
        elif before != after:
            lines.append(f"{prefix}{name} was {before!r} and is now {after!r}")
    return lines
