"""The argument after the colon in an encoder's name, and optional packages of encoders."""

from pathlib import Path
from typing import Any

from diptych.errors import BadSetting, MissingData, MissingExtra
from diptych.extras import require
from diptych.rooms import split_name


def argument_of(name: str, *, kind: str) -> str:
    """Return the required argument in an encoder's name; `kind` describes it."""
    head, argument = split_name(name)
    if not argument:
        raise BadSetting(f"the encoder {head} needs a {kind}; got none. Write it after a colon: {head}:{kind.upper()}.")
    return argument


def file_argument(name: str) -> Path:
    """Return the file named by an encoder's argument, which must exist."""
    path = Path(argument_of(name, kind="path"))
    if not path.is_file():
        raise MissingData(
            f"the encoder {split_name(name)[0]} needs a file; {path} is not one. Give the path of its weights."
        )
    return path


def refuse_argument(name: str) -> None:
    """Raise `BadSetting` if an encoder without an argument was given one."""
    head, argument = split_name(name)
    if argument:
        raise BadSetting(f"the encoder {head} takes no argument; got {argument!r}. Write {head}.")


def import_extra(module: str, *, extra: str) -> Any:
    """Import an optional package; raise `MissingExtra` if it is not installed, or needs another torchvision."""
    try:
        return require(module, extra=extra, wanted_by=f"the {extra} encoders")
    except RuntimeError as error:
        if "torchvision" not in str(error):
            raise
        raise MissingExtra(
            f"{module} cannot be imported, because the installed torchvision was built for another torch. Install both "
            "in one command: pip install --upgrade torch torchvision."
        ) from error
