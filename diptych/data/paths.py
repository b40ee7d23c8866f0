"""Paths that stay inside a data set's folder."""

import os
from pathlib import Path

from diptych.data.findings import FaultError, Finding
from diptych.errors import MissingData

_LONGEST_NAME = 255
"""Bytes of a file's name, at most."""


def absolute(path: Path) -> Path:
    """Return the path from the root on, without `..`; links are kept, for whoever set them meant them."""
    return Path(os.path.normpath(path.absolute()))


def is_there(path: Path) -> bool:
    """Return whether a path is that of a file; a name longer than a file system's are is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def check_length(source: str) -> None:
    """Raise `MissingData` if a source has a name in it that no file can have."""
    if any(len(os.fsencode(name)) > _LONGEST_NAME for name in source.split("/")):
        raise MissingData(f"'{source[:60]}...' does not exist: no file has so long a name. Give its path.")


def confined(name: str, *, base: Path, root: Path, where: str) -> Path:
    """Return the absolute path of `name` seen from `base`; `FaultError` when it lies outside `root`."""
    path = absolute(base / name)
    if not path.is_relative_to(absolute(root)):
        do = "Copy the file into the folder and name it there."
        raise FaultError(Finding("path outside", where, f"{name!r} lies outside the data set's folder", do))
    return path
