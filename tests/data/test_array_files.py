"""Named arrays read from real NumPy, MATLAB and Parquet files, whole or damaged."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy.io import savemat
from scipy.sparse import eye_array

from diptych.data.array_files import read_arrays
from diptych.errors import BadData, MissingData, ShapeMismatch

IMAGE = np.arange(12, dtype=np.float64).reshape(4, 3)


def write(path: Path) -> Path:
    """Write the same matrix, four ids and something else, in the format that the suffix says."""
    ids = ["a", "bcd", "e", "f"]
    if path.suffix == ".npz":
        np.savez(path, image=IMAGE, ids=np.array(ids), other=np.array([{}], dtype=object))
    elif path.suffix == ".mat":
        savemat(path, {"image": IMAGE, "ids": np.array(ids), "other": np.array(["a", 2], dtype=object)})
    else:
        parquet.write_table(pa.table({"image": IMAGE.tolist(), "ids": ids, "other": [{"x": 1}] * 4}), path)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".parquet", ".MAT"])
def test_wanted_arrays_are_read_and_others_left_alone(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"x{suffix.lower()}").rename(tmp_path / f"x{suffix}")
    arrays = read_arrays(path, ("image", "ids", "absent"))
    assert set(arrays) == {"image", "ids"}
    np.testing.assert_array_equal(arrays["image"], IMAGE)
    assert [str(name) for name in arrays["ids"]] == ["a", "bcd", "e", "f"]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.int64(), 3)])
def test_a_parquet_column_of_number_lists_is_a_matrix(tmp_path: Path, kind: pa.DataType) -> None:
    parquet.write_table(pa.table({"image": pa.array(IMAGE.astype(int).tolist(), kind)}), tmp_path / "x.parquet")
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.parquet", ("image",))["image"], IMAGE)


def test_a_parquet_file_of_several_row_groups_is_one(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"image": IMAGE.tolist()}), tmp_path / "x.parquet", row_group_size=1)
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.parquet", ("image",))["image"], IMAGE)


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".parquet"])
@pytest.mark.parametrize("damage", ["cut", "empty", "nonsense"])
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, suffix: str, damage: str) -> None:
    path = write(tmp_path / f"x{suffix}")
    path.write_bytes({"cut": path.read_bytes()[:150], "empty": b"", "nonsense": b"nonsense" * 99}[damage])
    with pytest.raises(BadData, match=rf"x\{suffix}' cannot be read \(.*\). Write it again"):
        read_arrays(path, ("image", "ids"))


def test_python_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=np.array([[1.0], [None]], dtype=object))
    with pytest.raises(BadData, match=r"x.npz' cannot be read \(Object arrays cannot be loaded"):
        read_arrays(tmp_path / "x.npz", ("image",))


def test_one_array_without_a_name_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGE)
    path = (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    with pytest.raises(BadData, match=r"holds one unnamed array. Write it with numpy.savez"):
        read_arrays(path, ("image",))


@pytest.mark.parametrize("value", [np.array(["a", "b"], dtype=object), eye_array(3).tocsc(), {"x": 1}])
def test_matlab_s_cells_sparse_matrices_and_structures_are_refused(tmp_path: Path, value: object) -> None:
    savemat(tmp_path / "x.mat", {"image": value})
    with pytest.raises(BadData, match=r"'image' must be a full matrix of numbers or characters; got a cell array"):
        read_arrays(tmp_path / "x.mat", ("image",))


def test_matlab_s_newest_format_is_named(tmp_path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "x.mat").write_bytes(header + b"\x89HDF" * 100)
    with pytest.raises(
        BadData, match=r"is in MATLAB's 7.3 format, which diptych does not read. Write it with save -v7"
    ):
        read_arrays(tmp_path / "x.mat", ("image",))


@pytest.mark.parametrize(("rows", "lengths"), [([[1.0, 2.0], [3.0]], "2, 1"), ([[1.0], None], "1, None")])
def test_lists_of_different_lengths_are_refused(tmp_path: Path, rows: list[object], lengths: str) -> None:
    parquet.write_table(pa.table({"image": rows}), tmp_path / "x.parquet")
    with pytest.raises(ShapeMismatch, match=rf"the lists in 'image' must have the same length; got {lengths}"):
        read_arrays(tmp_path / "x.parquet", ("image",))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"x.npz' does not exist. Name a .npz, .mat, .parquet file"):
        read_arrays(tmp_path / "x.npz", ("image",))


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    with pytest.raises(BadData, match=r"x.csv' must be a .npz, .mat, .parquet file; got '.csv'"):
        read_arrays(tmp_path / "x.csv", ("image",))
