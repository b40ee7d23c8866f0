"""Near-identical pictures: copies are found, different ones are not, and what was computed is kept."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from diptych.data import likeness
from diptych.data.addresses import Address
from diptych.data.likeness import ALIKE, near_identical, thumbnail


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_CACHE", str(tmp_path / "cache"))


def noise(path: Path, seed: int) -> Path:
    small = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(small).resize((120, 90), Image.Resampling.BICUBIC).save(path)
    return path


def test_scaled_and_recompressed_copies_are_found_and_different_pictures_are_not(tmp_path: Path) -> None:
    pictures: list[Path | None] = [noise(tmp_path / f"{k}.png", k) for k in range(40)]
    with Image.open(tmp_path / "7.png") as image:
        image.resize((300, 225)).save(tmp_path / "large.jpg", quality=60)
        image.save(tmp_path / "other.webp", quality=80)
        image.rotate(90, expand=True).save(tmp_path / "turned.png")
    pictures += [None, tmp_path / "large.jpg", tmp_path / "other.webp", tmp_path / "turned.png"]
    joined = {frozenset(group) for group in near_identical(pictures)}
    assert joined == {frozenset((7, 41, 42))}


def test_rows_are_joined_as_by_the_cosines_of_all_pairs() -> None:
    draw = np.random.default_rng(0)
    rows = draw.standard_normal((300, 60)).astype(np.float32)
    rows[200:] = rows[:100] + draw.uniform(0.02, 0.2, (100, 1)).astype(np.float32) * rows[100:200]
    rows[50:54] = rows[49] + 0.08 * np.arange(1, 5, dtype=np.float32)[:, None] * rows[150]  # a chain, not a clique
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    alike = rows @ rows.T >= ALIKE
    expected = connected_components(coo_array(alike), directed=False)[1]
    found = likeness._labels(rows)
    assert np.array_equal(found[:, None] == found, expected[:, None] == expected)
    assert not alike[49, 53]
    assert found[49] == found[53]


def test_pictures_of_one_colour_missing_broken_and_remote_ones_are_like_no_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (50, 50), (200, 10, 10)).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.jpg").write_bytes(b"no picture")
    pictures = [tmp_path / name for name in ("a.png", "b.png", "a.jpg", "b.jpg", "gone.png")]
    assert near_identical([*pictures, Address("s3://shop/1.jpg"), None]) == []
    assert thumbnail(tmp_path / "a.png") is None


def test_many_copies_of_one_picture_are_one_group(tmp_path: Path) -> None:
    first = noise(tmp_path / "first.png", 1)
    for k in range(30):
        (tmp_path / f"{k}.png").write_bytes(first.read_bytes())
    pictures = [first, *(tmp_path / f"{k}.png" for k in range(30))]
    assert near_identical(pictures) == [list(range(31))]


def test_a_picture_is_read_again_only_after_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = noise(tmp_path / "1.png", 1), noise(tmp_path / "2.png", 2)
    reported: list[tuple[int, int, str]] = []
    assert near_identical([one, two], progress=lambda *told: reported.append(told)) == []
    assert reported[-1] == (2, 2, "comparing pictures")
    with monkeypatch.context() as patch:
        patch.setattr(likeness, "thumbnail", lambda picture: pytest.fail("read again"))
        assert near_identical([one, two]) == []
    two.write_bytes(one.read_bytes())
    assert near_identical([one, two]) == [[0, 1]]
