"""Opening a data set by its name or its path."""

from pathlib import Path

from diptych.data import ROOM
from diptych.data.addresses import is_pattern
from diptych.data.fetching import SETS
from diptych.data.findings import Report, refuse
from diptych.data.folder import read_packed
from diptych.data.given_vectors import dataset_of
from diptych.data.pairs import DataSet
from diptych.data.splitting import DEFAULT_SEED, resplit, with_validation
from diptych.errors import MissingData, UnknownName
from diptych.progress import Progress
from diptych.rooms import split_name
from diptych.settings import data_roots

_OWN = "folder"
VECTOR_FILES = (".npz", ".mat")
"""Files of precomputed vectors that are data sets by themselves."""


def open_data(
    name_or_path: str,
    *,
    root: Path | None = None,
    split_seed: int | None = None,
    draw: bool = True,
    report: Report = refuse,
    progress: Progress | None = None,
) -> DataSet:
    """Return the data set called `name_or_path`, or the one that lies at that path.

    A name is looked for in `root`, `DIPTYCH_DATA` and the user cache, as a folder of that name with `-` or `_`;
    `name:PATH` says where it lies. A path is read by the reader of its folder's name, else as a manifest or a folder
    with one; a URL or a pattern with `*` as manifests; a .npz or .mat file as precomputed vectors with their categories
    and splits. `split_seed` draws a stratified split in place of the data's own; data without splits get one of seed 0.
    Where there are training and test pairs but no validation pairs, a tenth of `train` is held out
    (`DataSet.held_out`). Splits drawn here never separate duplicates. Without `draw` none is: the data's own stay, or
    there are none. `report` is told of each faulty line; by default the first is raised.
    """
    dataset = _read(name_or_path, root, report)
    if not draw:
        return dataset
    if split_seed is not None or not dataset.splits:
        return resplit(dataset, DEFAULT_SEED if split_seed is None else split_seed, progress=progress)
    return with_validation(dataset, progress=progress)


def places(name: str, *, root: Path | None = None) -> list[Path]:
    """Return the folders to search for a named data set; the first that exists is used."""
    return [place / folder for place in data_roots(root) for folder in dict.fromkeys((name, name.replace("-", "_")))]


def _read(name_or_path: str, root: Path | None, report: Report) -> DataSet:
    if is_pattern(name_or_path):
        return read_packed(name_or_path, report=report)
    names = ROOM.names()
    name, place = split_name(name_or_path)
    if _key(name_or_path) in names and _key(name_or_path) != _OWN:
        return _read_named(_key(name_or_path), root, report)
    if (path := Path(name_or_path)).suffix in VECTOR_FILES and path.is_file():
        return dataset_of(path)
    if path.exists():
        key = _key(path.resolve().name) if path.is_dir() else _OWN
        return _read_at(key if key in names else _OWN, path, report)
    if place and _key(name) in names:
        return _read_at(_key(name), Path(place), report)
    if _key(name) == _OWN or path.suffix or len(path.parts) > 1:
        raise MissingData(
            f"'{name_or_path}' does not exist. Give the path of a manifest or of a folder that holds one."
        )
    raise UnknownName.among("data", name_or_path, names)


def _read_named(name: str, root: Path | None, report: Report) -> DataSet:
    module = ROOM.open(name)
    if "folder" not in module.CARD.needs:
        dataset: DataSet = module.read(None, report=report)
        return dataset
    looked_in = places(name, root=root)
    for place in looked_in:
        if place.is_dir():
            return _read_at(name, place, report)
    get = (
        f"Download it: diptych data get {name}."
        if name in SETS
        else "Put it there, or name its parent with --data-root."
    )
    looked = ", ".join(f"'{place}'" for place in looked_in)
    raise MissingData(f"{name} is not in any of {looked}. {get} {module.SOURCE}")


def _read_at(name: str, place: Path, report: Report) -> DataSet:
    if not place.exists():
        raise MissingData(f"'{place}' does not exist. Give the folder that contains {name}.")
    dataset: DataSet = ROOM.open(name).read(place, report=report)
    return dataset


def _key(name: str) -> str:
    return name.lower().replace("_", "-")
