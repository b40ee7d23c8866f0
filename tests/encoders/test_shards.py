import json
import logging
import os
import time
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders.contract import ItemFeatures
from diptych.encoders.shards import LEFTOVER_SECONDS, ShardFolder


def vectors(seed: int, *, parts: int = 2) -> ItemFeatures:
    drawn = np.random.default_rng(seed).random((parts + 1, 3)).astype(np.float16)
    return ItemFeatures(drawn[1:], drawn[0])


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def test_items_of_several_shards_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path)
    items = {name: vectors(seed, parts=seed + 1) for seed, name in enumerate("abcd")}
    folder.write({name: items[name] for name in "ab"})
    folder.write({name: items[name] for name in "cd"})
    places = folder.places()
    parts, whole = folder.load([places[name] for name in "dbac"])
    assert parts is not None
    for k, name in enumerate("dbac"):
        np.testing.assert_array_equal(parts.sequence(k), items[name].parts)
        np.testing.assert_array_equal(whole[k], items[name].whole.astype(np.float32))


def test_items_without_parts_have_none_on_disk(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path)
    folder.write(
        {"a": ItemFeatures(None, np.ones(3, dtype=np.float16)), "b": ItemFeatures(None, np.zeros(3, dtype=np.float16))}
    )
    places = folder.places()
    parts, whole = folder.load([places["b"], places["a"]])
    assert parts is None
    np.testing.assert_array_equal(whole, [[0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize("kind", ["whole", "parts"])
def test_a_cut_shard_is_warned_of_and_removed(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = ShardFolder(tmp_path)
    folder.write({"a": vectors(0)})
    folder.write({"b": vectors(1)})
    cut = next(iter(tmp_path.glob(f"*.{kind}.npy")))
    size = cut.stat().st_size
    os.truncate(cut, size // 2)
    with caplog.at_level(logging.WARNING):
        assert len(folder.places()) == 1
    assert f"damaged ({kind} has {size // 2} bytes of {size}): removed" in caplog.text
    assert not cut.exists()
    assert len(list(tmp_path.glob("*.json"))) == 1


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"contents": ["a"], "part_ends": [], "sizes": {"whole": 1}}'])
def test_a_damaged_note_is_warned_of_and_removed(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = ShardFolder(tmp_path)
    folder.write({"a": vectors(0)})
    only(tmp_path, "*.json").write_text(content)
    assert folder.places() == {}
    assert "removed, to be encoded again" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_arrays_without_their_note_do_not_count(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path)
    folder.write({"a": vectors(0)})
    only(tmp_path, "*.json").unlink()
    assert folder.places() == {}


def test_a_half_written_note_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".0.json.x.json").write_text('{"contents"')
    assert ShardFolder(tmp_path).places() == {}


def test_old_leftovers_are_removed_and_young_ones_and_committed_shards_kept(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path)
    folder.write({"a": vectors(0)})
    old, young = tmp_path / ".1.parts.npy.x.npy", tmp_path / "2.whole.npy"
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - LEFTOVER_SECONDS - 1
    for path in tmp_path.iterdir():
        if path != young:
            os.utime(path, (long_ago, long_ago))
    folder.clean()
    assert not old.exists()
    assert young.exists()
    assert list(folder.places()) == ["a"]


def test_cleaning_a_folder_that_is_not_there_does_nothing(tmp_path: Path) -> None:
    ShardFolder(tmp_path / "none").clean()
    assert not (tmp_path / "none").exists()


def test_a_note_says_what_the_shard_holds(tmp_path: Path) -> None:
    ShardFolder(tmp_path).write({"a": vectors(0, parts=2), "b": vectors(1, parts=3)})
    note = json.loads(only(tmp_path, "*.json").read_text())
    assert note["contents"] == ["a", "b"]
    assert note["part_ends"] == [2, 5]
