import pickle
from pathlib import Path

import numpy as np
import pytest

from diptych.data import stored
from diptych.data.features import Encoded
from diptych.data.stored import Files, StoredRows
from diptych.errors import BadFeature

WIDTH = 5


@pytest.fixture
def rows(tmp_path: Path) -> tuple[StoredRows, np.ndarray]:
    """Return 30 rows in files of 7, out of order, and the same as an array."""
    whole = np.random.default_rng(0).standard_normal((35, WIDTH)).astype(np.float16)
    paths = [tmp_path / f"{k}.npy" for k in range(5)]
    for k, path in enumerate(paths):
        np.save(path, whole[7 * k : 7 * k + 7])
    chosen = np.random.default_rng(1).permutation(35)[:30]
    places = np.stack([chosen // 7, chosen % 7], axis=1)
    return StoredRows.of(Files(paths), places), whole[chosen].astype(np.float32)


def test_stored_rows_are_those_of_an_array(rows: tuple[StoredRows, np.ndarray]) -> None:
    found, array = rows
    assert (len(found), found.shape, found.nbytes) == (30, (30, WIDTH), array.nbytes)
    np.testing.assert_array_equal(np.asarray(found), array)
    np.testing.assert_array_equal(found[3:17], array[3:17])
    np.testing.assert_array_equal(found[[9, 2, 2, 29]], array[[9, 2, 2, 29]])
    np.testing.assert_array_equal(found.take([4, 1])[:], array[[4, 1]])
    assert found[[]].shape == (0, WIDTH)


def test_joined_rows_are_means(rows: tuple[StoredRows, np.ndarray]) -> None:
    found, array = rows
    joined = found.joined(np.array([0, 2, 3, 30]))
    literal = np.stack([array[:2].mean(0), array[2], array[3:].mean(0)])
    np.testing.assert_allclose(joined[:], literal, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(joined.take([2, 0])[:], literal[[2, 0]], rtol=1e-5, atol=1e-6)


def test_only_so_many_files_are_mapped_and_they_travel_as_paths(
    rows: tuple[StoredRows, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MAPPED", 2)
    found, array = rows
    np.testing.assert_array_equal(found[:], array)
    assert len(found.files._mapped) == 2
    sent = pickle.dumps(found)
    assert b"0.npy" in sent
    assert array[:2].tobytes() not in sent
    np.testing.assert_array_equal(pickle.loads(sent)[:], array)


def test_rows_that_are_not_finite_are_told_when_they_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", np.array([[1.0], [np.nan]], dtype=np.float16))
    rows = StoredRows.of(Files([tmp_path / "0.npy"]), np.array([[0, 0], [0, 1]]))
    assert rows[[0]].tolist() == [[1.0]]
    with pytest.raises(BadFeature, match=r"1 of 2 that were read are not, the first is number 1"):
        rows[:]


def test_items_are_taken_without_being_read(rows: tuple[StoredRows, np.ndarray]) -> None:
    found, array = rows
    taken = Encoded(found).take([5, 7])
    assert isinstance(taken.whole, StoredRows)
    np.testing.assert_array_equal(taken.in_memory(), array[[5, 7]])
