"""The location of a collection: its URI, or a hidden folder inside a folder of pictures."""

from pathlib import Path

from diptych.data.entries import pictures_in
from diptych.data.folder import has_manifest
from diptych.index.address import open_store

INSIDE = ".diptych"
"""The folder of a collection inside the folder of its pictures."""


def location_of(uri: str) -> str:
    """Return the URI of the store for a collection given by a URI or a path.

    A folder with pictures or a manifest holds its collection in `.diptych`; any other path is the location itself.
    """
    path = Path(uri)
    if "://" in uri or not path.is_dir():
        return uri
    return str(path / INSIDE) if (path / INSIDE).exists() or holds_source(path) else uri


def holds_source(folder: Path) -> bool:
    """Return whether a folder holds pictures or a manifest, which a collection can ingest."""
    return folder.is_dir() and (has_manifest(folder) or next(pictures_in(folder), None) is not None)


def is_collection(path: str) -> bool:
    """Return whether there is a collection at a path."""
    return open_store(location_of(path)).record() is not None
