from pathlib import Path

import pytest

from diptych.data.xmedianet import read
from diptych.errors import BadManifest, MissingData

CLASSES = ("bee", "violin")


def _add(root: Path, part: str, count: int) -> None:
    images, texts = [], []
    for number, name in enumerate(CLASSES, start=1):
        for k in range(count):
            images.append(f"{name}/{part}_{k}.jpg {number}")
            texts.append(f"{name}/{part}_{k}.txt {number}")
            path = root / "text" / name / f"{part}_{k}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"About a {name}.\n")
    (root / f"img_{part}_list.txt").write_text("\n".join(images) + "\n")
    (root / f"txt_{part}_list.txt").write_text("\n".join(texts) + "\n")


@pytest.fixture
def archive(tmp_path) -> Path:
    """Return a tree in the official layout: 16 training and 8 test pairs, two categories."""
    _add(tmp_path, "train", 8)
    _add(tmp_path, "test", 4)
    return tmp_path


def test_line_k_of_both_lists_is_a_pair(archive):
    dataset = read(archive)
    pair = dataset.pairs[0]
    assert pair.image == archive / "image" / "bee" / "train_0.jpg"
    assert (pair.id, pair.texts, pair.categories) == ("bee/train_0", ("About a bee.",), ("bee",))


def test_half_of_the_test_lines_validates_with_every_category(archive):
    dataset = read(archive)
    assert [len(dataset.splits[name]) for name in ("train", "val", "test")] == [16, 4, 4]
    for name in ("val", "test"):
        assert {dataset.pairs[row].categories[0] for row in dataset.splits[name]} == set(CLASSES)
    assert dataset.split_seed == 0


def test_own_validation_lists_are_taken_as_they_are(archive):
    _add(archive, "val", 3)
    dataset = read(archive)
    assert [len(dataset.splits[name]) for name in ("train", "val", "test")] == [16, 6, 8]
    assert dataset.split_seed is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("bee/train_0.txt", r"txt_train_list.txt, line 1: expected a path and a number"),
        ("bee/train_0.txt 2", r"line 1: the text is of category 2 and its picture of category 1"),
        ("bee/gone.txt 1", r"line 1: '.*gone.txt' does not exist"),
        ("../../secret.txt 1", r"line 1: '../../secret.txt' lies outside"),
    ],
)
def test_a_faulty_line_is_named(archive, line, sentence):
    path = archive / "txt_train_list.txt"
    path.write_text("\n".join([line, *path.read_text().splitlines()[1:]]))
    with pytest.raises(BadManifest, match=sentence):
        read(archive)


def test_lists_of_different_lengths_are_refused(archive):
    (archive / "txt_test_list.txt").write_text("bee/test_0.txt 1\n")
    with pytest.raises(BadManifest, match=r"must list the same pairs; got 8 and 1 lines"):
        read(archive)


def test_a_missing_list_says_where_the_data_comes_from(tmp_path):
    with pytest.raises(MissingData, match=r"img_train_list.txt' does not exist. Its authors share it on request"):
        read(tmp_path)
