"""Named arrays from a NumPy, MATLAB or Parquet file, without running any code in the file.

.npz      as `numpy.savez` writes it; arrays of Python objects are refused, nothing is unpickled
.mat      as MATLAB's `save -v7` or `scipy.io.savemat` write it; strings as a matrix of characters, padded
.parquet  one row an item; a column of lists of one length is a matrix, other columns are plain lists
"""

import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diptych.errors import BadData, MissingData, ShapeMismatch

NamedArrays = Mapping[str, np.ndarray | list[Any]]
"""By name: an array, or a plain list for a Parquet column that is not a matrix."""


def read_arrays(path: Path, names: Collection[str]) -> NamedArrays:
    """Return the named arrays that the file holds; it reads no others."""
    if not path.is_file():
        raise MissingData(f"'{path}' does not exist. Name a {', '.join(_READERS)} file of vectors.")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadData(f"'{path}' must be a {', '.join(_READERS)} file; got {path.suffix or 'no suffix'!r}.")
    try:
        return reader(path, names)
    except _BROKEN as error:
        raise BadData(f"'{path}' cannot be read ({error}). Write it again as a {path.suffix} file.") from error


_BROKEN = (ValueError, TypeError, LookupError, EOFError, OSError, NotImplementedError, zlib.error, zipfile.BadZipFile)
"""The errors that NumPy, SciPy and pyarrow raise for damaged files or files of another kind."""


def _read_npz(path: Path, names: Collection[str]) -> NamedArrays:
    with path.open("rb") as file:
        opened = np.load(file, allow_pickle=False)
        if isinstance(opened, np.ndarray):
            raise BadData(f"'{path}' holds one unnamed array. Write it with numpy.savez(path, image=..., text=...).")
        return {name: opened[name] for name in opened.files if name in names}


def _read_mat(path: Path, names: Collection[str]) -> NamedArrays:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        arrays = loadmat(path, appendmat=False, variable_names=list(names))
    except MatReadError as error:
        raise BadData(f"'{path}' cannot be read ({error}). Write it again with save -v7.") from error
    except NotImplementedError as error:
        raise BadData(
            f"'{path}' is in MATLAB's 7.3 format, which diptych does not read. Write it with save -v7."
        ) from error
    return {name: _dense(path, name, value) for name, value in arrays.items() if name in names}


def _dense(path: Path, name: str, value: Any) -> np.ndarray:
    """Return a MATLAB variable as an array; the blanks that pad strings are removed."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufU":
        raise BadData(
            f"'{path}': {name!r} must be a full matrix of numbers or characters; got a cell array, a structure or a "
            f"sparse matrix. Write full(x) for numbers and char(x) for strings."
        )
    return np.strings.rstrip(value) if value.dtype.kind == "U" else value


def _read_parquet(path: Path, names: Collection[str]) -> NamedArrays:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        present = [name for name in file.schema_arrow.names if name in names]
        table = file.read(columns=present)
    return {name: _column(path, name, table[name]) for name in present}


def _column(path: Path, name: str, column: Any) -> np.ndarray | list[Any]:
    """Return a column of number lists as a matrix, any other as a plain list."""
    from pyarrow import compute, types

    if not hasattr(column.type, "value_type") or not (
        types.is_floating(column.type.value_type) or types.is_integer(column.type.value_type)
    ):
        values: list[Any] = column.to_pylist()
        return values
    lengths = compute.unique(compute.list_value_length(column)).to_pylist()
    if len(lengths) > 1 or None in lengths:
        raise ShapeMismatch(
            f"'{path}': the lists in {name!r} must have the same length; got {', '.join(map(str, lengths[:4]))}. "
            f"Leave items without a vector out of the file."
        )
    matrix: np.ndarray = compute.list_flatten(column).to_numpy().reshape(len(column), -1)
    return matrix


_READERS: Mapping[str, Callable[[Path, Collection[str]], NamedArrays]] = {
    ".npz": _read_npz,
    ".mat": _read_mat,
    ".parquet": _read_parquet,
}
