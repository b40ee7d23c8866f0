"""Refuses networks that would run their author's code: whatever a library trusts, nothing that is opened here does.

A folder of sentence-transformers names classes to import (`modules.json`, settings of the router and the tokenizer);
one of transformers may name code in it or on the hub (`auto_map`, `trust_remote_code`, kernels for attention). Pickled
weights may hold any object. Classes of sentence-transformers and of `torch.nn`, and pickled tensors, are accepted.
"""

import json
import os
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from diptych.errors import BadCheckpoint
from diptych.settings import environment

_MODULE = re.compile(r"sentence_transformers(\.[a-z_]+)*\.(models|modules)(\.[A-Za-z_]+)*")
_ACTIVATION = re.compile(r"torch\.nn(\.[a-z_]+)*\.[A-Z]\w*")
_NO_SETTINGS = ("tokenizer.json", "vocab.json", "added_tokens.json", "special_tokens_map.json")
"""Files of words, which name no code and may be large."""
_ONLY_TENSORS = {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "0"}
"""What makes torch refuse every pickled object but tensors, even where a library asks for more."""


@contextmanager
def without_foreign_code(source: str, folder: Path | None) -> Iterator[None]:
    """Open a network within the block, whose settings are in a folder; `BadCheckpoint` if it brings code.

    The folder is None where there is none to look into.
    """
    if folder is not None:
        refuse_named_code(source, folder)
    try:
        with environment(_ONLY_TENSORS):
            yield
    except pickle.UnpicklingError as error:
        raise BadCheckpoint(
            f"{source} holds pickled weights that are more than tensors; opening them could run their author's code. "
            "Save them as .safetensors, or choose another network."
        ) from error


def refuse_named_code(source: str, folder: Path) -> None:
    """Raise `BadCheckpoint` if a file of settings in a folder, or below it, names code to run."""
    for file in _files(folder):
        with suppress(OSError, ValueError, RecursionError):  # the library says what is wrong with it
            for what in _code_in(json.loads(file.read_bytes()), file.name):
                raise BadCheckpoint(
                    f"{source} brings code of its own, which is not run: {file.name} holds {what[:100]}. Choose a "
                    "network that needs none."
                )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of settings in a folder and below it, also behind links."""
    entered: set[str] = set()
    for place, inner, names in os.walk(folder, followlinks=True):
        inner[:] = [name for name in inner if os.path.realpath(f"{place}/{name}") not in entered]
        entered.update(os.path.realpath(f"{place}/{name}") for name in inner)
        yield from (Path(place, name) for name in names if name.endswith(".json") and name not in _NO_SETTINGS)


def _code_in(value: Any, file: str) -> Iterator[str]:
    """Yield what names code in settings."""
    if isinstance(value, list):
        for each in value:
            yield from _code_in(each, file)
    if not isinstance(value, dict):
        return
    for name, each in value.items():
        if each and _names_code(name, each, file):
            yield f"{name}: {json.dumps(each)}"
        yield from _code_in(each, file)


def _names_code(name: str, value: Any, file: str) -> bool:
    """Return whether a setting names code that comes with the network, or any class but known ones."""
    match name:
        case "auto_map" | "trust_remote_code":
            return True
        case "activation_function":
            return "." in str(value) and not _ACTIVATION.fullmatch(str(value))
        case "tokenizer_class":
            return "." in str(value) and not _MODULE.fullmatch(str(value))
        case "type":
            return file == "modules.json" and not _MODULE.fullmatch(str(value))
        case "types":
            classes = value.values() if isinstance(value, dict) else [value]
            return file == "router_config.json" and not all(_MODULE.fullmatch(str(each)) for each in classes)
    return name.endswith("_implementation") and "/" in str(value)
