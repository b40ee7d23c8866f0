"""Precomputed vectors, used with a data set's pairs or as a data set by themselves.

A .npz, .mat or .parquet file holds, row by row for the same n items:

    image       (n, d_v) numbers, or a Parquet column of lists
    text        (n, d_w) numbers, likewise
    ids         (n) strings or whole numbers, also called `id`; left out, the rows are in the data set's order
    categories  (n) names or whole numbers, also called `category` or `labels`; or (n, c) of 0 and 1; in Parquet
                also lists of names, or null for none
    split       (n) of train, val (also validation, valid, dev) or test

In place of `image` and `text` there may be I_tr, T_tr, I_te and T_te, as in Wikipedia's `raw_features.mat`: the
rows for training, then those for testing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from diptych.data.array_files import NamedArrays, read_arrays
from diptych.data.manifest import SPLITS
from diptych.data.pairs import DataSet, Pair
from diptych.errors import BadFeature, BadManifest, MissingData, ShapeMismatch
from diptych.modality import MODALITIES

_HALVES: Mapping[str, tuple[str, str]] = {"image": ("I_tr", "I_te"), "text": ("T_tr", "T_te")}
"""The names of the rows for training and for testing, by modality, if they are stored separately."""
_COLUMNS = {"ids": ("ids", "id"), "categories": ("categories", "category", "labels"), "split": ("split",)}
"""The names that each column may have; the first match is used."""
_WANTED = {*_HALVES, *(name for names in (*_HALVES.values(), *_COLUMNS.values()) for name in names)}


@dataclass(frozen=True)
class GivenVectors:
    """The contents of a file of vectors, row by row."""

    path: Path
    """The file it was read from."""
    image: Float32[np.ndarray, "n d_v"]
    """The pictures' vectors."""
    text: Float32[np.ndarray, "n d_w"]
    """The texts' vectors."""
    ids: tuple[str, ...] | None
    """The items' ids, all different; None if the file has none."""
    categories: tuple[tuple[str, ...], ...] | None
    """Each item's categories; None if the file has none."""
    splits: Mapping[str, tuple[int, ...]] | None
    """Rows in train, val and test; None if the file has none."""

    def __len__(self) -> int:
        return len(self.image)

    @property
    def vectors(self) -> dict[str, Float32[np.ndarray, "n _"]]:
        """The vectors by modality, as a data set keeps them."""
        return {"image": self.image, "text": self.text}


def read_vectors(path: Path) -> GivenVectors:
    """Return the vectors in a .npz, .mat or .parquet file, with its ids, categories and splits."""
    columns = read_arrays(path, _WANTED)
    image, text = (_matrix(path, modality, columns) for modality in MODALITIES)
    if len(image) != len(text):
        raise ShapeMismatch(
            f"'{path}' must have a picture and a text in every row; got {len(image)} pictures and {len(text)} texts."
        )
    ids, categories, split = (_named(path, columns, kind, len(image)) for kind in _COLUMNS)
    return GivenVectors(
        path,
        image,
        text,
        ids=None if ids is None else _identities(path, ids),
        categories=None if categories is None else tuple(_item_categories(path, item) for item in categories),
        splits=None if split is None else _splits(path, split),
    )


def with_vectors(dataset: DataSet, path: Path) -> DataSet:
    """Return the data set with a file's vectors in place of its own, matched by id, or in order if it has no ids."""
    file = read_vectors(path)
    rows = _rows_of(dataset, file)
    return replace(dataset, vectors={modality: vectors[rows] for modality, vectors in file.vectors.items()})


def dataset_of(path: Path) -> DataSet:
    """Return a file of vectors as a data set without pictures and texts; missing ids default to row numbers.

    If the file has categories but no split, a stratified one is drawn with seed 0.
    """
    file = read_vectors(path)
    if file.categories is None and file.splits is None:
        raise MissingData(
            f"'{path}' has vectors but neither categories nor a split, so it is not a data set by itself. "
            f"Add `categories` or `split` to it, or name the data set whose pairs it describes."
        )
    ids = file.ids or tuple(str(row) for row in range(len(file)))
    categories = file.categories or ((),) * len(file)
    pairs = tuple(Pair(name, None, (), own) for name, own in zip(ids, categories, strict=True))
    return DataSet(path.stem, pairs, file.splits or {}, vectors=file.vectors)


def _matrix(path: Path, modality: str, columns: NamedArrays) -> Float32[np.ndarray, "n d"]:
    """Return a modality's vectors, whole or with its two halves joined; refuse all but finite numbers."""
    names = (modality,) if modality in columns else _HALVES[modality]
    if absent := [name for name in names if name not in columns]:
        key = modality if len(absent) > 1 else absent[0]
        raise MissingData(
            f"'{path}' has no {key!r}. It must hold vectors as image and text, or as I_tr, T_tr, I_te and T_te."
        )
    parts = [_numbers(path, name, columns[name]) for name in names]
    if len(widths := dict.fromkeys(part.shape[1] for part in parts)) > 1:
        raise ShapeMismatch(
            f"'{path}': {' and '.join(names)} must have the same width; got {' and '.join(map(str, widths))}."
        )
    return np.concatenate(parts)


def _numbers(path: Path, name: str, column: np.ndarray | list[Any]) -> Float32[np.ndarray, "n d"]:
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "iuf" or column.ndim != 2 or not column.size:
        raise ShapeMismatch(
            f"'{path}': {name!r} must be numbers of shape (items, width), at least 1 by 1; got {_described(column)}."
        )
    with np.errstate(over="ignore"):  # numbers too large for float32 become infinite and are refused as such
        vectors = column.astype(np.float32)
    if len(bad := np.flatnonzero(~np.isfinite(vectors).all(axis=1))):
        raise BadFeature(
            f"'{path}': {name!r} must be finite; {len(bad)} of {len(vectors)} rows are not, the first is number "
            f"{bad[0]}. Compute these again, or leave the items out."
        )
    return vectors


def _described(column: np.ndarray | list[Any]) -> str:
    if isinstance(column, np.ndarray):
        return f"{column.dtype} of shape {column.shape}"
    return f"a column of {type(column[0]).__name__}" if column else "an empty column"


def _named(path: Path, columns: NamedArrays, kind: str, count: int) -> list[Any] | None:
    """Return a column under any of its names as a list with one entry per item; None if the file has none."""
    name = next((name for name in _COLUMNS[kind] if name in columns), None)
    if name is None:
        return None
    column = columns[name]
    if isinstance(column, np.ndarray):
        column = _entries(column, several=kind == "categories" and column.size != count)
    if len(column) != count:
        raise ShapeMismatch(
            f"'{path}': {name!r} must have one value for each of the {count} items; got {_described(columns[name])}."
        )
    return column


def _entries(column: np.ndarray, *, several: bool) -> list[Any]:
    """Return an array's entries; with `several` a row of 0 and 1 is one entry, the columns that are 1."""
    if several and column.ndim == 2 and np.isin(column, (0, 1)).all():
        return [np.flatnonzero(row).tolist() for row in column]
    return column.ravel().tolist() if max(column.shape, default=0) == column.size else []


def _identities(path: Path, column: Sequence[Any]) -> tuple[str, ...]:
    ids = tuple(_name(path, "id", value) for value in column)
    name, times = Counter(ids).most_common(1)[0]
    if times > 1:
        raise BadManifest(f"'{path}': the id {name!r} occurs in {times} rows. Give each item its own.")
    return ids


def _item_categories(path: Path, item: Any) -> tuple[str, ...]:
    several = item if isinstance(item, list) else [] if item is None else [item]
    return tuple(_name(path, "category", value) for value in several)


def _name(path: Path, what: str, value: Any) -> str:
    """Return a name as text; MATLAB keeps whole numbers as 3.0, which are named 3."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int) or not str(value).strip():
        raise BadManifest(f"'{path}': every {what} must be a string or an integer; got {value!r}.")
    return str(value)


def _splits(path: Path, column: Sequence[Any]) -> dict[str, tuple[int, ...]]:
    rows: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for row, name in enumerate(column):
        if name not in SPLITS:
            raise BadManifest(
                f"'{path}', row {row}: the split {name!r} is unknown. Use one of {', '.join(SPLITS)} in every row."
            )
        rows[SPLITS[name]].append(row)
    return {name: tuple(own) for name, own in rows.items()}


def _rows_of(dataset: DataSet, file: GivenVectors) -> list[int]:
    """Return the file's row of each pair."""
    if file.ids is None:
        if len(file) != len(dataset.pairs):
            raise ShapeMismatch(
                f"'{file.path}' has no ids, so it must have one row for each of the {len(dataset.pairs)} pairs of "
                f"{dataset.name}, in their order; got {len(file)} rows. Add `ids` to it."
            )
        return list(range(len(file)))
    position = {name: row for row, name in enumerate(file.ids)}
    if missing := [pair.id for pair in dataset.pairs if pair.id not in position]:
        raise MissingData(
            f"'{file.path}' has no vectors for {len(missing)} of the {len(dataset.pairs)} pairs of {dataset.name}, "
            f"the first is {missing[0]!r}. Add them, or remove these pairs from the data set."
        )
    return [position[pair.id] for pair in dataset.pairs]
