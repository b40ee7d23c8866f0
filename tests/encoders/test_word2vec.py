from pathlib import Path

import numpy as np
import pytest

from diptych.encoders.registry import open_encoder


@pytest.mark.parametrize("name", ["words.bin", "words.txt"])
def test_the_files_name_says_which_format_it_is(tmp_path: Path, name: str) -> None:
    rows = {"cat": [1.0, 2.0], "dog": [3.0, 4.0]}
    if name.endswith(".bin"):
        packed = [word.encode() + b" " + np.array(row, dtype="<f4").tobytes() + b"\n" for word, row in rows.items()]
        (tmp_path / name).write_bytes(b"2 2\n" + b"".join(packed))
    else:
        (tmp_path / name).write_text("2 2\n" + "".join(f"{word} {row[0]} {row[1]}\n" for word, row in rows.items()))
    encoder = open_encoder(f"word2vec:{tmp_path / name}")
    np.testing.assert_array_equal(encoder.encode(["A dog, a cat"])[0].parts, [[3, 4], [1, 2]])
    assert encoder.unknown_share(["a dog"]) == 0.5


def test_the_same_words_in_another_file_name_are_the_same_encoder(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("cat 1 2\n")
    first, second = (open_encoder(f"word2vec:{tmp_path / name}") for name in ("a.txt", "b.txt"))
    assert first.fingerprint == second.fingerprint
