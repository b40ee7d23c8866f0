import json
from pathlib import Path

import pytest

from diptych import catalogue
from diptych.errors import MissingData, UnknownName


def test_every_reader_is_an_entry_and_says_where_its_data_lie(tmp_path: Path) -> None:
    (tmp_path / "pascal_sentence").mkdir()
    entries = {entry.name: entry for entry in catalogue.entries(root=tmp_path)}
    assert entries["pascal-sentence"].place == tmp_path / "pascal_sentence"
    assert not entries["pascal-sentence"].known_download
    assert entries["openmoji"].brought
    assert entries["openmoji"].place is None
    assert entries["coco"].known_download


def test_findings_come_by_kind(tmp_path: Path) -> None:
    rows = [{"image": "gone.png", "text": "one"}, {"image": None, "text": " "}, {"image": "lost.png", "text": "two"}]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    kinds = catalogue.check(str(tmp_path))
    assert [finding.where for finding in kinds["missing image"]] == ["pairs.jsonl, line 1", "pairs.jsonl, line 3"]
    assert len(kinds["empty text"]) == 1


def test_a_pair_is_found_by_its_id(tiny_set: Path) -> None:
    assert catalogue.pair(str(tiny_set), "p7").image == tiny_set / "7.png"
    with pytest.raises(UnknownName, match=r"has no entry 'q7'\. Did you mean 'p7'\?"):
        catalogue.pair(str(tiny_set), "q7")


def test_encoding_counts_what_it_encoded_and_the_words_nobody_knows(tmp_path: Path, tiny_set: Path) -> None:
    rows = [{"image": str(k) + ".png", "text": text} for k, text in enumerate(["a cat", "a qzxvw"])]
    for k in range(2):
        (tmp_path / f"{k}.png").write_bytes((tiny_set / f"{k}.png").read_bytes())
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    done = catalogue.encode(
        str(tmp_path), image_encoder="efficientnet-lite0", text_encoder="glove", settings=["image_encoder.side=64"]
    )
    assert (done.pictures, done.texts, done.unknown_words) == (2, 2, 0.25)
    assert done.text_encoder.startswith("glove@")


def test_a_data_set_without_pairs_cannot_be_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from diptych.data.pairs import DataSet

    monkeypatch.setattr(catalogue, "open_data", lambda data, *, root, columns, draw: DataSet("none", (), {}))
    with pytest.raises(MissingData, match=r"none has no pairs to encode.*diptych data check nothing"):
        catalogue.encode("nothing", image_encoder="given", text_encoder="given")
