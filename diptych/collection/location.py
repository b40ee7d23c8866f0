"""The location of a collection: its URI, or a hidden folder inside a folder of pictures."""

import os
from pathlib import Path

from diptych.collection.records import is_record
from diptych.data.folder import has_manifest
from diptych.data.walking import pictures_in
from diptych.entrance import checks_arguments
from diptych.errors import StoreFailed
from diptych.index.address import open_store

INSIDE = ".diptych"
"""The folder of a collection inside the folder of its pictures."""


def location_of(uri: str) -> str:
    """Return the URI of the store for a collection given by a URI or a path.

    A folder with a collection's record is that collection, whatever else it holds. Any other folder with pictures or a
    manifest holds its collection in `.diptych`; any other path is the location itself.
    """
    path = Path(os.path.expanduser(uri))  # noqa: PTH111 - it leaves alone what names no user
    if "://" in uri or not path.is_dir() or _holds_record(path):
        return uri
    return str(path / INSIDE) if (path / INSIDE).exists() or holds_source(path) else uri


def _holds_record(folder: Path) -> bool:
    """Return whether a folder holds the record of a collection, even a damaged one."""
    try:
        return is_record(open_store(str(folder)).record())
    except StoreFailed:  # a file of that name that is none of ours may lie in an album
        return not (folder / INSIDE).exists()


def holds_source(folder: Path) -> bool:
    """Return whether a folder holds pictures or a manifest, which a collection can ingest."""
    return folder.is_dir() and (has_manifest(folder) or next(pictures_in(folder), None) is not None)


@checks_arguments
def is_collection(path: str | Path) -> bool:
    """Return whether there is a collection at a path."""
    return open_store(location_of(str(path))).record() is not None
