"""Where the data and the encoders of a run lie, so that they are found again from any working directory."""

from pathlib import Path

from diptych.data import ROOM as SETS
from diptych.data.addresses import is_pattern, is_url
from diptych.data.pairs import DataSet
from diptych.data.paths import absolute
from diptych.data.sources import named_set, open_data, places
from diptych.errors import MissingData, UnknownName
from diptych.rooms import split_name
from diptych.training.run_config import DataRecord

LOCAL_FOLDER = "local-dir:"
"""What precedes a folder in the names of some encoders."""


def located(data: str, root: Path | None = None) -> str:
    """Return a data set's name or path as it is found again from any working directory.

    A local path, also one after a name or with `*`, becomes absolute. A named set that lies in `root` is written as
    `name:PATH`; other names and URLs stay.

    >>> located("openmoji"), located("s3://shop/pairs.jsonl"), located("coco:/data/coco")
    ('openmoji', 's3://shop/pairs.jsonl', 'coco:/data/coco')
    """
    if is_url(data):
        return data
    name, place = named_set(data)
    if name and place:
        return f"{name}:{absolute(Path(place))}"
    if name:
        lies = _within(root, name) if root else None
        return f"{name}:{absolute(lies)}" if lies else data
    return str(absolute(Path(data))) if is_pattern(data) or Path(data).exists() else data


def located_encoder(name: str) -> str:
    """Return an encoder's name with an absolute path in place of a relative one.

    >>> located_encoder("minilm"), located_encoder("transformers:openai/clip")
    ('minilm', 'transformers:openai/clip')
    """
    head, argument = split_name(name)
    kind = LOCAL_FOLDER if argument.startswith(LOCAL_FOLDER) else ""
    path = argument.removeprefix(kind)
    return f"{head}:{kind}{absolute(Path(path))}" if path and Path(path).exists() else name


def open_trained(record: DataRecord, *, root: Path | None = None, split_seed: int | None = None) -> DataSet:
    """Return the data that a run was trained on; `MissingData` says where they were if they are not there now.

    A named set is looked for in `root` first.
    """
    name, place = named_set(record.source)
    try:
        source = name if name and root else record.source
        return open_data(source, root=root, split_seed=split_seed, columns=record.columns)
    except (MissingData, UnknownName) as error:
        if is_url(record.source) or (name and not place):
            raise
        raise MissingData(
            f"the data of this run were at '{record.source}' and are not found there now: {error} If they were moved, "
            "name their new place: --data NEW."
        ) from error


def _within(root: Path, name: str) -> Path | None:
    """Return the folder of a named set in a root; None if it lies elsewhere, or in no folder."""
    lies = next((each for each in places(name, root=root) if each.is_dir()), None)
    needed = "folder" in SETS.cards()[name].needs
    return lies if lies and needed and lies.is_relative_to(root) else None
