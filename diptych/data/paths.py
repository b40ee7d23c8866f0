"""Paths that stay inside a data set's folder."""

import os
from pathlib import Path

from diptych.data.findings import FaultError, Finding


def absolute(path: Path) -> Path:
    """Return the path from the root on, without `..`; links are kept, for whoever set them meant them."""
    return Path(os.path.normpath(path.absolute()))


def confined(name: str, *, base: Path, root: Path, where: str) -> Path:
    """Return the absolute path of `name` seen from `base`; `FaultError` when it lies outside `root`."""
    path = absolute(base / name)
    if not path.is_relative_to(absolute(root)):
        do = "Copy the file into the folder and name it there."
        raise FaultError(Finding("path outside", where, f"{name!r} lies outside the data set's folder", do))
    return path
