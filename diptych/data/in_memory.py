"""Pairs given in memory: data frames, Hugging Face data sets, lists of dicts, and arrays of vectors.

Rows have the columns of a manifest (`diptych.data.column_names`); a picture may be a path, its bytes, a picture of
Pillow or an array. They are kept in the cache, pictures by their content, so that a run finds its data again. Arrays
have the names that a file of vectors has (`diptych.data.given_vectors`).
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import isnan
from os import PathLike
from pathlib import Path
from reprlib import repr as short
from typing import Any

import numpy as np

from diptych.data.column_names import ROLES, USUAL_NAMES, ColumnNames, Row
from diptych.data.findings import Report, refuse
from diptych.data.given_vectors import dataset_of
from diptych.data.manifest import Source, read_manifests
from diptych.data.pairs import DataSet
from diptych.data.paths import absolute
from diptych.entrance import given_picture
from diptych.errors import BadImage, BadManifest, BadSetting, MissingData
from diptych.files import written_atomically
from diptych.rooms import Card
from diptych.settings import cache_root

CARD = Card(
    title="Your own pairs, from Python: data frames, lists of dicts, vectors",
    licence="yours",
    needs=("memory",),
)

SOURCE = "Pass the rows themselves, from Python."

_KEPT = re.compile(r"[0-9a-f]{32}\.(jsonl|npz)")
"""What files of kept rows are called."""
_VECTORS = ("image", "text")
"""The arrays without which a mapping is none of vectors."""


def read(place: Path | None, *, report: Report = refuse) -> DataSet:
    """Return the rows that `keep` keeps in a file of the cache."""
    if place is None:
        raise MissingData(f"in-memory has no pairs of its own. {SOURCE}")
    if absolute(place).parent != absolute(_folder()) or not _KEPT.fullmatch(place.name):
        raise MissingData(f"'{place}' was not kept in this cache, {_folder()}. {SOURCE}")
    name = f"in-memory-{place.stem[:8]}"
    if place.suffix == ".npz":
        return replace(dataset_of(place), name=name)
    return read_manifests(
        [Source(place, title="the data")], root=Path(absolute(place).anchor), name=name, report=report
    )


def keep(data: Any, names: ColumnNames = USUAL_NAMES) -> str:
    """Keep data in the cache and return the source by which it is opened."""
    if isinstance(data, Mapping) and not _holds_splits(data):
        return _kept(_packed(data), ".npz")
    lines = []
    for number, row in enumerate(rows_of(data, names)):
        lines.append(json.dumps(_described(row, number), ensure_ascii=False, default=_plain) + "\n")
    if not lines:
        raise MissingData("the data have no rows. Pass at least one pair.")
    return _kept("".join(lines).encode("utf-8", "surrogatepass"), ".jsonl")


def rows_of(data: Any, names: ColumnNames = USUAL_NAMES) -> Iterator[Row]:
    """Yield the rows of a data frame, a Hugging Face data set or any list of mappings, with our names for columns.

    Missing values are left out. Of several sets of Hugging Face by the names of their splits, each row has its split.
    """
    if isinstance(data, Mapping) and _holds_splits(data):
        for split, part in data.items():
            yield from ({**row, "split": split} for row in rows_of(part, names))
        return
    classes: dict[str, list[str]] = {}
    if _is_of_hugging_face(data):
        data, classes = _undecoded(data)
    elif hasattr(data, "to_dict") and hasattr(data, "iloc"):  # pandas.DataFrame
        data = data.convert_dtypes().to_dict("records")  # whole numbers beside missing ones are decimals otherwise
    elif hasattr(data, "iter_rows"):  # polars.DataFrame
        data = data.iter_rows(named=True)
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise BadSetting(
            "data must be a name, a path, a data frame, a data set of Hugging Face or a list of dicts; got "
            f"{short(data)}."
        )
    for number, row in enumerate(data):
        if not isinstance(row, Mapping):
            raise BadSetting(f"row {number} must be a dict with columns such as image and text; got {short(row)}.")
        values = {str(name): value for name, value in row.items() if not _is_missing(value)}
        for name, known in classes.items():
            if isinstance(values.get(name), int) and 0 <= values[name] < len(known):
                values[name] = known[values[name]]
        yield names.renamed(values)


def picture_of(row: Row, number: int) -> Path | bytes | None:
    """Return a row's picture as its file or its bytes."""
    value = row.get("image")
    if isinstance(value, Mapping):  # as Hugging Face keeps it
        value = value.get("bytes") or value.get("path")
    if value is None:
        return None
    try:
        return given_picture(value)
    except (BadImage, BadSetting) as error:
        raise type(error)(f"row {number}: {error}") from error


def _described(row: Row, number: int) -> dict[str, Any]:
    """Return a row as a manifest keeps it."""
    kept: dict[str, Any] = {name: row[name] for name in ROLES if name in row}
    picture = picture_of(row, number)
    kept["image"] = None if picture is None else str(_kept_picture(picture))
    kept.setdefault("id", str(row["image"]) if isinstance(row.get("image"), str | PathLike) else str(number))
    return kept


def _kept_picture(picture: Path | bytes) -> Path:
    """Return where a picture lies: its own file, or one in the cache that is called after its content."""
    if isinstance(picture, Path):
        return absolute(picture)
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(picture)) as image:
            suffix = f".{(image.format or 'png').lower()}"
    except (UnidentifiedImageError, OSError):
        suffix = ".svg" if b"<svg" in picture[:1000] else ".png"  # what is none is told when it is read
    file = _folder() / "pictures" / f"{hashlib.sha256(picture).hexdigest()}{suffix}"
    if not file.exists():
        with written_atomically(file) as temporary:
            temporary.write_bytes(picture)
    return absolute(file)


def _packed(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays of vectors as a file holds them."""
    if lacking := [name for name in _VECTORS if name not in arrays]:
        raise BadManifest(
            f"a dict of arrays must hold vectors as image and text; {lacking[0]} is missing. For rows pass a list of "
            "dicts."
        )
    written = io.BytesIO()
    columns: dict[str, Any] = {name: np.asarray(values) for name, values in arrays.items()}
    np.savez(written, **columns)
    return written.getvalue()


def _kept(content: bytes, suffix: str) -> str:
    """Write content into a file called after it, and return its source."""
    file = absolute(_folder() / f"{hashlib.sha256(content).hexdigest()[:32]}{suffix}")
    if not file.exists():
        with written_atomically(file) as temporary:
            temporary.write_bytes(content)
    return f"in-memory:{file}"


def _folder() -> Path:
    return cache_root() / "in-memory"


def _is_of_hugging_face(data: Any) -> bool:
    """Return whether data are a `datasets.Dataset`, or one that is read as a stream."""
    return hasattr(data, "cast_column") and hasattr(data, "features")


def _holds_splits(data: Mapping[Any, Any]) -> bool:
    """Return whether data are a `datasets.DatasetDict`: sets by the names of their splits."""
    return bool(data) and all(_is_of_hugging_face(part) and not isinstance(part, Mapping) for part in data.values())


def _undecoded(data: Any) -> tuple[Any, dict[str, list[str]]]:
    """Return a data set of Hugging Face whose pictures stay bytes, and the names of the classes of its columns."""
    classes: dict[str, list[str]] = {}
    for name, feature in dict(data.features).items():
        if type(feature).__name__ == "Image":
            data = data.cast_column(name, type(feature)(decode=False))
        elif type(feature).__name__ == "ClassLabel":
            classes[name] = list(feature.names)
    return data, classes


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value)) or type(value).__name__ in ("NAType", "NaTType")


def _plain(value: Any) -> Any:
    """Return a value of numpy, or a tuple, as JSON holds it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise BadSetting(
        f"a column holds {short(value)}, which is neither a text, a number nor a list of them. Leave it out."
    )
