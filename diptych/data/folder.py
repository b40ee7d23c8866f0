"""Anyone's own data: a manifest file, or a folder that holds one.

WebDataset tars and Parquet files may hold the pictures themselves; a URL or a pattern with `*` names one or many of
them. A folder is searched for `pairs` or `manifest` with `.jsonl`, `.csv` or `.parquet`, then for the Hugging Face
convention `imagefolder`: `metadata.{jsonl,csv,parquet}` with the columns `file_name` and `text`, in it or in each of
its sub-folders `train`, `validation` (or `val`, `valid`, `dev`) and `test`, which are then the splits.
`diptych.data.manifest` describes the columns.
"""

from pathlib import Path

from diptych.data.addresses import Address, is_url, matching
from diptych.data.column_names import USUAL_NAMES, ColumnNames
from diptych.data.findings import Report, refuse
from diptych.data.manifest import SPLITS, Source, read_manifests
from diptych.data.manifest_rows import PACKED, SUFFIXES
from diptych.data.pairs import DataSet
from diptych.errors import BadManifest, MissingData
from diptych.rooms import Card

CARD = Card(
    title="Your own pairs: a JSONL, CSV or Parquet manifest, or an imagefolder with metadata",
    licence="yours",
    needs=("folder",),
)

SOURCE = "Give the path of a manifest or a folder."

_WANTED = "pairs, manifest or metadata, each with .jsonl, .csv or .parquet"
_NAMES = tuple(f"{stem}{suffix}" for stem in ("pairs", "manifest", "metadata") for suffix in SUFFIXES)


def read(root: Path, *, report: Report = refuse, names: ColumnNames = USUAL_NAMES) -> DataSet:
    """Return the pairs of a manifest file, or of the one manifest that a folder holds."""
    if root.is_file():
        return read_manifests([Source(root)], root=root.parent, name=root.stem, report=report, names=names)
    return read_manifests(find_manifests(root), root=root, name=root.resolve().name, report=report, names=names)


def read_packed(source: str, *, report: Report = refuse, names: ColumnNames = USUAL_NAMES) -> DataSet:
    """Return the pairs of all files that a URL or a pattern names; the URL of a folder means the manifest in it."""
    files = matching(source)
    if is_url(source) and isinstance(files[0], Address) and files[0].suffix.lower() not in PACKED:
        manifest = manifest_at(source)
        if manifest is None:
            raise MissingData(f"'{source}' holds no manifest. Put one of {_WANTED} there, or name the file itself.")
        files = [manifest]
    folder = Address(str(files[0]).rpartition("/")[0]) if is_url(source) else Path()
    name = source.rstrip("/").rpartition("/")[2].partition(".")[0]
    return read_manifests([Source(file) for file in files], root=folder, name=name, report=report, names=names)


def manifest_at(folder: str) -> Address | None:
    """Return the manifest in a remote folder; None if it has none."""
    candidates = (Address(f"{folder.rstrip('/')}/{name}") for name in _NAMES)
    return next((address for address in candidates if address.is_file()), None)


def has_manifest(root: Path) -> bool:
    """Return whether a folder, or a split's subfolder, holds a manifest."""
    places = [root, *(path for path in root.iterdir() if path.is_dir() and path.name in SPLITS)]
    return any((place / name).is_file() for place in places for name in _NAMES)


def find_manifests(root: Path) -> list[Source]:
    """Return a folder's manifest, or that of each split's subfolder; an error if there is none or several."""
    if (own := _manifest_in(root)) is not None:
        return [Source(own)]
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name in SPLITS) if root.is_dir() else []
    sources = [Source(path, SPLITS[folder.name]) for folder in folders if (path := _manifest_in(folder))]
    if not sources:
        raise MissingData(f"'{root}' holds no manifest. Put one of {_WANTED} into it, or name the file itself.")
    return sources


def _manifest_in(folder: Path) -> Path | None:
    present = [folder / name for name in _NAMES if (folder / name).is_file()]
    if len(present) > 1:
        names = ", ".join(path.name for path in present)
        raise BadManifest(f"'{folder}' holds several manifests: {names}. Name the file to use.")
    return present[0] if present else None
