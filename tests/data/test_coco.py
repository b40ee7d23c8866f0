import json
from pathlib import Path

import pytest

from diptych.data.coco import read
from diptych.errors import BadManifest, BadText, MissingData


def _write(root: Path, part: str, numbers: range) -> None:
    folder = root / "annotations"
    folder.mkdir(exist_ok=True)
    images = [{"id": k, "file_name": f"COCO_{part}_{k:012d}.jpg"} for k in numbers]
    captions = [{"image_id": k, "caption": f"caption {j} of {k}\n"} for k in numbers for j in range(2)]
    kinds = [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]
    marks = [{"image_id": k, "category_id": kind} for k in numbers for kind in ((18, 1, 1) if k % 2 else ())]
    (folder / f"captions_{part}.json").write_text(json.dumps({"images": images, "annotations": captions}))
    (folder / f"instances_{part}.json").write_text(json.dumps({"categories": kinds, "annotations": marks}))


@pytest.fixture
def archive(tmp_path) -> Path:
    """Return a tree in the layout of 2014: 40 training and 5 validation pictures, half with two categories."""
    _write(tmp_path, "train2014", range(40))
    _write(tmp_path, "val2014", range(100, 105))
    (tmp_path / "train2014").mkdir()
    return tmp_path


def test_a_picture_has_all_its_captions_and_each_category_once(archive):
    pair = read(archive).pairs[1]
    assert pair.texts == ("caption 0 of 1", "caption 1 of 1")
    assert pair.categories == ("dog", "person")
    assert pair.image == archive / "train2014" / "COCO_train2014_000000000001.jpg"
    assert read(archive).pairs[0].categories == ()


def test_official_validation_is_test_and_a_tenth_of_training_validates(archive):
    dataset = read(archive)
    assert [len(dataset.splits[name]) for name in ("train", "val", "test")] == [36, 4, 5]
    assert {dataset.pairs[row].id for row in dataset.splits["test"]} == {str(k) for k in range(100, 105)}
    assert dataset.split_seed == 0
    assert dataset == read(archive)


def test_without_a_folder_of_pictures_the_pairs_have_none(archive):
    assert read(archive).pairs[-1].image is None


def test_pictures_below_images_are_found(archive):
    (archive / "images" / "val2014").mkdir(parents=True)
    assert read(archive).pairs[-1].image == archive / "images" / "val2014" / "COCO_val2014_000000000104.jpg"


def test_without_instances_no_picture_has_a_category(archive):
    for path in (archive / "annotations").glob("instances_*"):
        path.unlink()
    assert read(archive).classes == ()


def test_the_edition_of_2017_has_its_own_name(tmp_path):
    _write(tmp_path, "train2017", range(10))
    _write(tmp_path, "val2017", range(10, 12))
    assert read(tmp_path).name == "coco-2017"


def test_two_editions_in_one_folder_are_refused(archive):
    _write(archive, "train2017", range(2))
    with pytest.raises(BadManifest, match=r"holds the editions 2014 and 2017, which share pictures"):
        read(archive)


def test_a_picture_without_captions_is_named(archive):
    path = archive / "annotations" / "captions_val2014.json"
    content = json.loads(path.read_text())
    content["images"].append({"id": 999, "file_name": "x.jpg"})
    path.write_text(json.dumps(content))
    with pytest.raises(BadText, match=r"captions_val2014.json, image 999: it has no caption"):
        read(archive)


@pytest.mark.parametrize("content", ["{", "[]", '{"images": [{}], "annotations": []}'])
@pytest.mark.parametrize("file", ["captions_val2014.json", "instances_train2014.json"])
def test_damaged_annotations_are_named(archive, file, content):
    (archive / "annotations" / file).write_text(content)
    with pytest.raises(BadManifest, match=rf"{file} does not have the structure of the official annotations"):
        read(archive)


def test_missing_annotations_are_named(archive):
    (archive / "annotations" / "captions_val2014.json").unlink()
    with pytest.raises(MissingData, match=r"captions_val2014.json' does not exist. Its home is"):
        read(archive)
    with pytest.raises(MissingData, match=r"holds no captions_train2014.json or captions_train2017.json"):
        read(archive / "train2014")
