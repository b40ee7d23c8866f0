"""Encoding items of any quality."""

from pathlib import Path

import numpy as np
import pytest

from diptych.data.pictures import decode
from diptych.encoders.cache import encode_items
from diptych.encoders.contract import ItemFeatures
from diptych.files import file_digest
from diptych.ingest.sifting import Sifter

from .counting import Letters, Quarters, save_pictures


class Careful(Quarters):
    """Decodes as the real encoders do: a broken picture is a sentence."""

    def prepare(self, item: Path) -> np.ndarray:
        self.decoded.append(item)
        return np.asarray(decode(item), dtype=np.float32)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_CACHE", str(tmp_path / "cache"))


def keyed(paths: list[Path]) -> list[tuple[str, Path]]:
    return [(file_digest(path), path) for path in paths]


def test_what_cannot_be_decoded_is_set_aside_and_the_rest_is_encoded_in_order(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path / "pictures", 5)
    paths[2].write_bytes(b"no picture")
    sifted = Sifter(Careful()).encode(keyed(paths))
    good = [paths[k] for k in (0, 1, 3, 4)]
    assert sifted.kept == [0, 1, 3, 4]
    assert list(sifted.faults) == [2]
    assert "cannot be decoded" in sifted.faults[2]
    expected = encode_items(Careful(), good)
    np.testing.assert_array_equal(sifted.encoded.whole, expected.whole)
    for row in range(4):
        np.testing.assert_array_equal(sifted.encoded.parts.sequence(row), expected.parts.sequence(row))
    assert sifted.encoded.encoder == expected.encoder


def test_what_the_cache_holds_is_not_encoded_again(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path / "pictures", 4)
    known = encode_items(Careful(), paths[:3])
    encoder = Careful()
    sifted = Sifter(encoder).encode(keyed(paths))
    assert encoder.decoded == [paths[3]]
    np.testing.assert_array_equal(sifted.encoded.whole[:3], known.whole)


def test_equal_contents_are_encoded_once(tmp_path: Path) -> None:
    encoder = Letters()
    sifted = Sifter(encoder).encode([("k", "a cat"), ("k", "a cat"), ("l", "a dog")])
    assert encoder.encoded == ["a cat", "a dog"]
    np.testing.assert_array_equal(sifted.encoded.whole[0], sifted.encoded.whole[1])


def test_vectors_that_are_not_finite_are_a_fault_of_their_item_alone(tmp_path: Path) -> None:
    class Breaking(Letters):
        def encode(self, prepared: list[str]) -> list[ItemFeatures]:
            found = super().encode(prepared)
            return [
                each if "!" not in text else each._replace(whole=each.whole * np.nan)
                for each, text in zip(found, prepared, strict=True)
            ]

    sifted = Sifter(Breaking()).encode([("a", "fine"), ("b", "bad !")])
    assert sifted.kept == [0]
    assert "must give finite numbers" in sifted.faults[1]


def test_where_nothing_can_be_encoded_no_width_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(self: Quarters) -> int:
        raise AssertionError("the encoder was asked how wide its vectors are")

    for width in ("parts_width", "whole_width"):
        monkeypatch.setattr(Quarters, width, property(asked))
    assert Sifter(Quarters()).encode([]) == (None, [], {})
