"""Opening a data set by its name or its path."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from diptych.data import ROOM
from diptych.data.addresses import is_pattern
from diptych.data.column_names import USUAL_NAMES, ColumnNames
from diptych.data.fetching import SETS
from diptych.data.findings import Report, refuse
from diptych.data.folder import read as read_folder
from diptych.data.folder import read_packed
from diptych.data.given_vectors import dataset_of
from diptych.data.pairs import DataSet
from diptych.data.paths import check_length
from diptych.data.splitting import DEFAULT_SEED, resplit, with_validation
from diptych.entrance import checks_arguments
from diptych.errors import BadSetting, MissingData, UnknownName
from diptych.progress import Progress
from diptych.rooms import split_name
from diptych.settings import data_roots

DataLike = str | Path | Any
"""A data set as callers pass it: its name, its path, or the pairs themselves."""
_OWN, _IN_MEMORY = "folder", "in-memory"
VECTOR_FILES = (".npz", ".mat")
"""Files of precomputed vectors that are data sets by themselves."""


@checks_arguments
def open_data(
    name_or_path: DataLike,
    *,
    root: str | Path | None = None,
    split_seed: int | None = None,
    columns: Sequence[str] = (),
    draw: bool = True,
    report: Report = refuse,
    progress: Progress | None = None,
) -> DataSet:
    """Return the data set called `name_or_path`, or the one that lies at that path.

    A name is looked for in `root`, `DIPTYCH_DATA` and the user cache, as a folder of that name with `-` or `_`;
    `name:PATH` says where it lies. A folder given by its path is read as the data set of its name if it looks like it
    (`Card.mark`), otherwise as a manifest or a folder with one; a URL or a pattern with `*` as manifests; a .npz or
    .mat file as precomputed vectors with their categories and splits. `columns` say what a manifest's columns mean, as
    in `text=title`, if their names do not (`diptych.data.column_names`). Pairs in memory are data frames, Hugging Face
    data sets, lists of dicts or a dict of arrays; they are kept in the cache (`diptych.data.in_memory`).

    `split_seed` draws a stratified split in place of the data's own; data without splits get one of seed 0. Where there
    are training and test pairs but no validation pairs, a tenth of `train` is held out (`DataSet.held_out`). Splits
    drawn here never separate duplicates. Without `draw` none is: the data's own stay, or there are none. `report` is
    told of each faulty line; by default the first is raised.
    """
    names = ColumnNames.of(columns)
    source = source_of(name_or_path, names)
    check_length(source)
    dataset = _read(source, root, report, names)
    if not draw:
        return dataset
    if split_seed is not None or not dataset.splits:
        return resplit(dataset, DEFAULT_SEED if split_seed is None else split_seed, progress=progress)
    return with_validation(dataset, progress=progress)


def places(name: str, *, root: str | Path | None = None) -> list[Path]:
    """Return the folders to search for a named data set; the first that exists is used."""
    return [place / folder for place in data_roots(root) for folder in dict.fromkeys((name, name.replace("-", "_")))]


def is_in_memory(data: DataLike) -> bool:
    """Return whether data are neither a name nor a path but the pairs themselves."""
    return not isinstance(data, str | PathLike)


def source_of(place: DataLike, names: ColumnNames = USUAL_NAMES) -> str:
    """Return a source as a text; a `Path` means what lies there, even if it is called like a data set.

    Pairs in memory are kept in the cache, under the columns' `names`.

    >>> source_of("openmoji"), source_of(Path("openmoji"))
    ('openmoji', './openmoji')
    """
    if is_in_memory(place):
        from diptych.data.in_memory import keep

        return keep(place, names)
    named = isinstance(place, Path) and is_named_set(str(place)) and len(place.parts) == 1
    return f"./{place}" if named else str(place)


def named_set(source: str) -> tuple[str, str]:
    """Return the name of a data set of this room and the path after it; two empty texts for a path alone.

    >>> named_set("Pascal_Sentence"), named_set("coco:/data/coco"), named_set("./coco")
    (('pascal-sentence', ''), ('coco', '/data/coco'), ('', ''))
    """
    head, place = split_name(source)
    return (_key(head), place) if _key(head) in ROOM.names() and _key(head) != _OWN else ("", "")


def is_named_set(source: str) -> bool:
    """Return whether a source means a data set of this room, by its name or by a folder that looks like it."""
    return bool(named_set(source)[0]) or (Path(source).is_dir() and _reader_of(Path(source)) != _OWN)


def _reader_of(path: Path) -> str:
    """Return the name of the reader for a file or folder given by its path."""
    key = _key(path.resolve().name)
    if not path.is_dir() or key not in ROOM.names() or key == _OWN:
        return _OWN
    card = ROOM.cards()[key]
    recognised = "folder" in card.needs and (not card.mark or (path / card.mark).exists())
    return key if recognised else _OWN


def _read(name_or_path: str, root: str | Path | None, report: Report, columns: ColumnNames) -> DataSet:
    if is_pattern(name_or_path):
        return read_packed(name_or_path, report=report, names=columns)
    names = ROOM.names()
    name, place = split_name(name_or_path)
    if _key(name_or_path) in names and _key(name_or_path) != _OWN:
        return _read_named(_key(name_or_path), root, report, columns)
    if (path := Path(name_or_path)).suffix in VECTOR_FILES and path.is_file():
        return dataset_of(path)
    if path.exists():
        return _read_at(_reader_of(path), path, report, columns)
    if place and _key(name) in names:
        return _read_at(_key(name), Path(place), report, columns)
    if _key(name) == _OWN or path.suffix or len(path.parts) > 1:
        raise MissingData(
            f"'{name_or_path}' does not exist. Give the path of a manifest or of a folder that holds one."
        )
    raise UnknownName.among("data", name_or_path, names)


def _read_named(name: str, root: str | Path | None, report: Report, columns: ColumnNames) -> DataSet:
    module = ROOM.open(name)
    if "folder" not in module.CARD.needs:
        dataset: DataSet = module.read(None, report=report)
        return dataset
    looked_in = places(name, root=root)
    for place in looked_in:
        if place.is_dir():
            return _read_at(name, place, report, columns)
    get = (
        f"Download it: diptych data get {name}."
        if name in SETS
        else "Put it there, or name its parent with --data-root."
    )
    looked = ", ".join(f"'{place}'" for place in looked_in)
    raise MissingData(f"{name} is not in any of {looked}. {get} {module.SOURCE}")


def _read_at(name: str, place: Path, report: Report, columns: ColumnNames) -> DataSet:
    if not place.exists():
        raise MissingData(f"'{place}' does not exist. Give the folder that contains {name}.")
    if name == _OWN:
        return read_folder(place, report=report, names=columns)
    if columns.given and name != _IN_MEMORY:  # whose columns have our names since they are kept
        raise BadSetting(f"'{place}' is {name}, which has no columns that could be named. Leave out --columns.")
    dataset: DataSet = ROOM.open(name).read(place, report=report)
    return dataset


def _key(name: str) -> str:
    return name.lower().replace("_", "-")
