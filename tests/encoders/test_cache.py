import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders import cache
from diptych.encoders.cache import cache_folder, encode_items
from diptych.encoders.contract import ItemFeatures
from diptych.errors import BadFeature, BadImage, MissingData

from .counting import Letters, Quarters, save_pictures

TESTS = Path(__file__).parents[1]
ENCODE = """
import sys
from pathlib import Path
from diptych.encoders import cache
from encoders.counting import Quarters

cache.SHARD_ITEMS["image"] = 6
paths = sorted(Path(sys.argv[1]).glob("*.png"))
cache.encode_items(Quarters(float(sys.argv[2])), paths, progress=lambda done, total, label: print(done, flush=True))
"""


def start(folder: Path, *, seconds: float) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    command = [sys.executable, "-c", ENCODE, str(folder), str(seconds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def direct(encoder: Quarters, paths: list[Path]) -> list[ItemFeatures]:
    return encoder.encode([encoder.prepare(path) for path in paths])


def test_what_the_cache_hands_out_is_what_the_encoder_gave(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path, 11)
    encoded = encode_items(Quarters(), paths)
    assert encoded.encoder == "quarters@0123456789abcdef"
    assert encoded.parts is not None
    for k, vectors in enumerate(direct(Quarters(), paths)):
        np.testing.assert_array_equal(encoded.parts.sequence(k), vectors.parts)
        np.testing.assert_array_equal(encoded.whole[k], vectors.whole.astype(np.float32))


def test_a_second_run_decodes_no_picture_even_under_other_names_and_in_another_order(tmp_path: Path) -> None:
    first = encode_items(Quarters(), save_pictures(tmp_path / "a", 8))
    again = Quarters()
    copies = save_pictures(tmp_path / "b", 8)[::-1]
    second = encode_items(again, copies)
    assert again.decoded == []
    np.testing.assert_array_equal(second.whole, first.whole[::-1])


def test_equal_contents_are_encoded_once(tmp_path: Path) -> None:
    encoder = Letters()
    encoded = encode_items(encoder, ["a cat", "a dog", "a cat"])
    assert sorted(encoder.encoded) == ["a cat", "a dog"]
    np.testing.assert_array_equal(encoded.whole[0], encoded.whole[2])


def test_another_fingerprint_is_another_cache(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path, 2)
    encode_items(Quarters(), paths)
    other = Quarters()
    other.fingerprint = "f" * 16
    encode_items(other, paths)
    assert len(other.decoded) == 2


def test_no_item_at_all_gives_no_row() -> None:
    assert encode_items(Letters(), []).whole.shape == (0, 2)


def test_parts_stay_on_disk_in_half_precision(tmp_path: Path) -> None:
    parts = encode_items(Quarters(), save_pictures(tmp_path, 3)).parts
    assert parts is not None
    assert all(isinstance(block, np.memmap) and block.dtype == np.float16 for block in parts.blocks)


def test_a_full_shard_is_written_while_encoding_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cache.SHARD_ITEMS, "image", 4)
    encode_items(Quarters(), save_pictures(tmp_path, 10))
    assert len(list(cache_folder(Quarters()).glob("*.json"))) == 3


def test_a_shard_of_many_bytes_is_closed_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SHARD_BYTES", 1)
    encode_items(Quarters(), save_pictures(tmp_path, 3))
    assert len(list(cache_folder(Quarters()).glob("*.json"))) == 3


def test_progress_begins_at_what_is_cached_and_ends_at_the_total(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path, 8)
    encode_items(Quarters(), paths[:2])
    told: list[tuple[int, int, str]] = []
    encode_items(Quarters(), paths, progress=lambda *said: told.append(said))
    assert [said[0] for said in told] == [2, 5, 8]
    assert {said[1:] for said in told} == {(8, "images with quarters")}


def test_after_kill_9_only_what_was_not_committed_is_encoded_again(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path, 30)
    process = start(tmp_path, seconds=0.05)
    assert process.stdout is not None
    while int(process.stdout.readline()) < 15:
        pass
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    resumed = Quarters()
    encoded = encode_items(resumed, paths)
    assert 0 < len(resumed.decoded) <= 24
    wanted = [vectors.whole for vectors in direct(Quarters(), paths)]
    np.testing.assert_array_equal(encoded.whole, np.stack(wanted).astype(np.float32))


def test_two_processes_fill_one_cache_at_once(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path, 24)
    both = [start(tmp_path, seconds=0.02) for _ in range(2)]
    assert [process.communicate() and process.returncode for process in both] == [0, 0]
    reader = Quarters()
    encoded = encode_items(reader, paths)
    assert reader.decoded == []
    wanted = [vectors.whole for vectors in direct(Quarters(), paths)]
    np.testing.assert_array_equal(encoded.whole, np.stack(wanted).astype(np.float32))


def test_a_feature_that_is_not_finite_names_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = save_pictures(tmp_path, 1)
    broken = ItemFeatures(np.full((1, 3), np.nan, dtype=np.float16), np.zeros(3, dtype=np.float16))
    monkeypatch.setattr(Quarters, "encode", lambda self, prepared: [broken])
    with pytest.raises(BadFeature, match=r"quarters must give finite numbers; for .*0\.png it gave NaN or infinity"):
        encode_items(Quarters(), paths)


def test_a_feature_that_is_not_finite_quotes_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ItemFeatures(None, np.full(2, np.inf, dtype=np.float16))
    monkeypatch.setattr(Letters, "encode", lambda self, prepared: [broken])
    with pytest.raises(BadFeature, match="for 'a cat' it gave NaN or infinity"):
        encode_items(Letters(), ["a cat"])


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"the picture .*gone\.png cannot be read: No such file"):
        encode_items(Quarters(), [tmp_path / "gone.png"])


def test_what_came_before_an_unreadable_picture_stays_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = save_pictures(tmp_path, 7)
    prepare = Quarters.prepare

    def refuse(self: Quarters, item: Path) -> object:
        if item == paths[6]:
            raise BadImage("broken")
        return prepare(self, item)

    monkeypatch.setattr(Quarters, "prepare", refuse)
    with pytest.raises(BadImage, match="broken"):
        encode_items(Quarters(), paths)
    again = Quarters()
    encode_items(again, paths[:6])
    assert again.decoded == []
