import json
from pathlib import Path

from .conftest import SMALL, Diptych


def test_encode_fills_the_cache_and_the_second_time_reads_it(diptych: Diptych, tiny_set: Path, own_cache: Path) -> None:
    first = json.loads(diptych("encode", tiny_set, *SMALL, "--json").out)
    assert (first["pictures"], first["texts"]) == (24, 48)
    assert first["image_encoder"].startswith("efficientnet-lite0@")
    assert 0 <= first["unknown_words"] < 1
    assert len(list((own_cache / "features").iterdir())) == 2
    again = diptych("encode", tiny_set, *SMALL)
    assert again.code == 0
    assert "tiny: 24 pictures and 48 texts in" in again.out
    assert "images with" not in again.err


def test_encode_tells_how_far_it_is(diptych: Diptych, tiny_set: Path) -> None:
    err = diptych("encode", tiny_set, *SMALL).err
    assert "images with efficientnet-lite0: 0 of 24\n" in err
    assert "images with efficientnet-lite0: 24 of 24, " in err


def test_a_setting_of_no_encoder_is_refused(diptych: Diptych, tiny_set: Path) -> None:
    done = diptych("encode", tiny_set, "--set", "image_encodr.side=64")
    assert done.code == 2
    assert "settings has no entry 'image_encodr'. Did you mean 'image_encoder'?" in done.err


def test_an_encoder_of_texts_cannot_encode_pictures(diptych: Diptych, tiny_set: Path) -> None:
    done = diptych("encode", tiny_set, "--image-encoder", "glove", "--text-encoder", "glove")
    assert done.code == 2
    assert "--image-encoder must name an encoder of images; glove encodes texts." in done.err


def test_a_data_set_without_pairs_is_refused(diptych: Diptych, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("image,text\n", encoding="utf-8")
    assert diptych("encode", tmp_path / "empty.csv", *SMALL).code == 2
