"""The files of a run that others receive, and what a received folder may hold.

A run that somebody hands over is read, never executed: its weights are safetensors, all else is JSON, and the networks
it stands on are those of the receiver, opened by name. A folder may still be made to do harm by its size, by links or
by the paths that it names, so these are checked before anything is opened.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from reprlib import repr as short
from types import MappingProxyType
from typing import Any, cast, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit, urlunsplit

from diptych.data.addresses import is_url
from diptych.data.sources import named_set
from diptych.encoders.passed import Passed
from diptych.entrance import fitted
from diptych.errors import BadCheckpoint, BadSetting
from diptych.files import json_of
from diptych.rooms import split_name
from diptych.training.locating import LOCAL_FOLDER
from diptych.training.run_config import RunConfig, RunResult
from diptych.training.run_folder import RunFolder

CARD_FILE = "README.md"
EVALUATION_FILE = "evaluation.json"
RECORDS = {"config.json": 2**20, "result.json": 2**24}
"""The files of JSON that opening a run reads, with the bytes that they may have."""
WEIGHTS = (
    "model.safetensors", "posteriors.safetensors", "image_encoder.safetensors", "text_encoder.safetensors",
)  # fmt: skip
SHOWN = (CARD_FILE, EVALUATION_FILE, "metrics.jsonl", "training.png")
"""What is handed over for people to read."""
FILES = (*RECORDS, *WEIGHTS, *SHOWN)
"""All that is handed over, and all that is taken from the hub."""
LENDER = "run"
"""The encoder that is the tuned network of another run."""


def shared_config(config: RunConfig) -> dict[str, Any]:
    """Return a run's config as others may see it: folders of this machine are reduced to their last name."""
    value = json_of(config)
    value["data"]["source"] = without_folders(config.data.source)
    for modality in ("image", "text"):
        value["encoders"][modality]["name"] = encoder_without_folders(value["encoders"][modality]["name"])
    return value


def without_folders(source: str) -> str:
    """Return where data lay, without the folders of a machine and without the secrets of a URL.

    >>> without_folders("/home/ann/museum"), without_folders("coco:/data/coco"), without_folders("openmoji")
    ('museum', 'coco', 'openmoji')
    >>> without_folders("s3://ann:secret@shop/cats?key=1")
    's3://shop/cats'
    """
    if is_url(source):
        parts = urlsplit(source)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return named_set(source)[0] or Path(source).name


def encoder_without_folders(name: str) -> str:
    """Return an encoder's name without the folders of a machine.

    >>> encoder_without_folders("vgg19:/home/ann/vgg19.pth"), encoder_without_folders("transformers:openai/clip")
    ('vgg19:vgg19.pth', 'transformers:openai/clip')
    """
    head, argument = split_name(name)
    path = Path(argument.removeprefix(LOCAL_FOLDER))
    return f"{head}:{path.name}" if path.is_absolute() else name


def lenders(config: RunConfig) -> Iterator[tuple[str, Path]]:
    """Yield the modalities whose network another run has tuned, and that run's file of it."""
    for modality, encoder in zip(("image", "text"), config.encoders.both, strict=True):
        head, argument = split_name(encoder.name)
        if head == LENDER:
            yield modality, Path(argument) / f"{modality}_encoder.safetensors"


def checked(folder: RunFolder, passed: Passed = MappingProxyType({})) -> RunFolder:
    """Return the folder of a received run; `BadCheckpoint` if it could do harm or is damaged.

    The encoders `passed` are the receiver's own.
    """
    for name in (*RECORDS, *WEIGHTS):
        _check_place(folder.path / name)
    for name, largest in RECORDS.items():
        file = folder.path / name
        if file.is_file() and (size := file.stat().st_size) > largest:
            raise BadCheckpoint(oversized(file, size, largest))
    _check_types(folder)
    config = folder.config()
    for modality, encoder in zip(("image", "text"), config.encoders.both, strict=True):
        if modality not in (*folder.tuned, *passed) and names_a_file(encoder.name):
            raise BadCheckpoint(
                f"{folder.path} names a file of the machine that it was trained on: the {modality} encoder "
                f'{encoder.name!r}. Name your own: {modality}_encoder="{split_name(encoder.name)[0]}:PATH".'
            )
    return folder


def oversized(file: Path | str, size: int, largest: int) -> str:
    """Return what is said of a file of JSON that is too large to be one of a run."""
    return f"{file} must have at most {largest:,} bytes; it has {size:,}. It is no file of a run: do not open it."


def names_a_file(encoder: str) -> bool:
    """Return whether an encoder's name leads to a file outside of what was received.

    >>> [names_a_file(name) for name in ("minilm", "transformers:openai/clip", "onnx:../net.onnx", "vgg19:C:/vgg.pth")]
    [False, False, True, True]
    """
    path = split_name(encoder)[1].removeprefix(LOCAL_FOLDER)
    absolute = PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()
    return absolute or path.startswith("~") or ".." in PureWindowsPath(path).parts


def _check_place(file: Path) -> None:
    """Refuse a link that leads out of the folder; the cache of the hub links to files beside its folders."""
    if not file.is_symlink():
        return
    folder, goal = file.parent.resolve(), file.resolve()
    cached = folder.parent.name == "snapshots" and goal.is_relative_to(folder.parent.parent / "blobs")
    if not (cached or goal.is_relative_to(folder)):
        raise BadCheckpoint(f"{file} is a link that leads out of its folder. Do not open this run.")


def _check_types(folder: RunFolder) -> None:
    """Refuse records whose fields have other types than declared."""
    for file, kind in ((folder.config_file, RunConfig), (folder.result_file, RunResult)):
        try:
            with suppress(OSError, ValueError, RecursionError):  # the folder says what is wrong when it is read below
                _check_record(kind, json.loads(file.read_bytes()))
        except BadSetting as error:
            raise BadCheckpoint(f"{file} is not of a run, or is damaged: {error} Ask for it again.") from None
    folder.config(), folder.result()


def _check_record(kind: type[Any], value: Any) -> None:
    """Raise `BadSetting` for a field of another type than the record's class declares; others may be missing."""
    hints = get_type_hints(kind)
    for name, each in value.items() if isinstance(value, dict) else ():
        hint = hints.get(name, Any)
        if is_dataclass(hint):
            _check_record(cast("type[Any]", hint), each)
        elif get_origin(hint) is Mapping:
            if not isinstance(each, dict):
                raise BadSetting(f"{name} must be an object; got {short(each)}.")
            for key, inner in each.items():
                if is_dataclass(own := get_args(hint)[1]):
                    _check_record(cast("type[Any]", own), inner)
                else:
                    fitted(own, inner, f"{name}.{key}")
        else:
            fitted(hint, each, name)
