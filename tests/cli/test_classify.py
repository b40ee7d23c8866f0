"""`diptych collection classify`: labels in a column, counted."""

import json
from pathlib import Path

from .conftest import Diptych


def test_labels_are_written_counted_and_written_over_only_on_request(diptych: Diptych, filled_shop: str) -> None:
    words = ("collection", "classify", filled_shop, "--labels", "a red square, a blue disc")
    done = diptych(*words)
    assert done.code == 0, done.err
    assert "a red square" in done.out
    assert "Wrote label and label_score of 24 items." in done.err
    again = json.loads(diptych(*words, "--json").out)
    assert (again["column"], again["written"], sum(again["labels"].values())) == ("label", 0, 24)
    listed = json.loads(diptych("collection", "list", filled_shop, "--json", "-n", 1).out)
    assert listed["label"] in ("a red square", "a blue disc")

    other = ("collection", "classify", filled_shop, "--labels", "one,two")
    refused = diptych(*other)
    assert refused.code == 2
    assert "the column 'label' has other values already" in refused.err
    assert "(--replace), or name another column (--column NAME)." in refused.err
    assert "Wrote number and number_score of 24 items." in diptych(*other, "--column", "number").err
    assert diptych(*other, "--replace").code == 0


def test_items_without_a_picture_and_labels_without_words_are_told(
    diptych: Diptych, filled_shop: str, tmp_path: Path
) -> None:
    (tmp_path / "words.jsonl").write_text('{"id": "words", "text": "a dog"}\n', encoding="utf-8")
    assert diptych("collection", "add", filled_shop, "words.jsonl").code == 0
    done = diptych("collection", "classify", filled_shop, "--labels", "a square,qzxv")
    assert "1 item has nothing to compare with labels." in done.err
    assert "The text encoder knows no word of the label 'qzxv'." in done.err
    against = diptych(
        "collection", "classify", filled_shop, "--labels", "a square,a disc", "--against", "text", "--replace"
    )
    assert "Wrote label and label_score of 25 items." in against.err
