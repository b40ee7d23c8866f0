"""Defaults of options that the user has written down: a TOML file with a table for each command.

quiet = true

[train]
image-encoder = "efficientnet-lite0"
set = ["training.epochs=12"]

[collection.create]
model = "runs/mine"

The file is the one that `--config` or `DIPTYCH_CONFIG` names, or `diptych/config.toml` in the user's configuration
folder. None is read from the folder that a command happens to run in: that may be somebody else's.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diptych.errors import BadSetting, MissingData, UnknownName
from diptych.settings import configuration_root


def user_defaults(command: Any, named: Path | None = None) -> dict[str, Any]:
    """Return the defaults of a command's options and of its verbs', by the names of their parameters.

    `MissingData` if a file that was named is not there, `BadSetting` if it is not TOML or gives an option something
    that is no value, `UnknownName` for a command or an option that does not exist.
    """
    chosen = os.environ.get("DIPTYCH_CONFIG")
    file = named or (Path(chosen) if chosen else None)
    if file is not None and not file.is_file():
        raise MissingData(f"there is no file of defaults at {file}. Write one, or omit --config and DIPTYCH_CONFIG.")
    root = configuration_root()
    file = file or (root and root / "config.toml")
    if file is None or not file.is_file():
        return {}
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{file} must be TOML in UTF-8: {error}.") from None
    return _defaults(command, written, file, "diptych")


def _defaults(command: Any, written: Mapping[str, Any], file: Path, path: str) -> dict[str, Any]:
    verbs = getattr(command, "commands", {})
    options = {
        word.lstrip("-"): parameter.name
        for parameter in command.params
        if parameter.param_type_name == "option" and parameter.name not in ("config", "help")
        for word in parameter.opts
    }
    found: dict[str, Any] = {}
    for key, value in written.items():
        if key in verbs and isinstance(value, dict):
            found[key] = _defaults(verbs[key], value, file, f"{path} {key}")
        elif key not in options:
            raise UnknownName.among(f"{path}, named in {file},", key, [*options, *verbs])
        elif not _is_value(value):
            raise BadSetting(
                f"{file}: {key} of {path} must be a text, a number, true or false, or a list; got {value!r}."
            )
        else:
            found[options[key]] = value
    return found


def _is_value(value: Any) -> bool:
    each = value if isinstance(value, list) else [value]
    return all(isinstance(one, str | int | float) for one in each)
