"""Flickr30k and COCO in the layout of Karpathy and Fei-Fei, in small trees."""

import json
from pathlib import Path
from typing import Any

import pytest

from diptych.data import coco_karpathy, flickr30k
from diptych.data.findings import Finding
from diptych.data.sources import open_data
from diptych.errors import BadManifest, BadText, MissingData

SPLITS = ["train", "restval", "train", "val", "test", "test"]


def images_of(**more: Any) -> list[dict[str, Any]]:
    """Return six pictures as the published files describe them."""
    return [
        {
            "filename": f"{number:04d}.jpg", "imgid": number, "split": split, "sentids": [2 * number, 2 * number + 1],
            "sentences": [
                {"tokens": ["a"], "raw": f"Caption {k} of {number}. ", "imgid": number, "sentid": 2 * number + k}
                for k in range(2)
            ],
            **{name: value(number) for name, value in more.items()},
        }
        for number, split in enumerate(SPLITS)
    ]  # fmt: skip


def written(file: Path, images: Any) -> Path:
    """Write a file of annotations, and return its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"images": images, "dataset": file.stem}))
    return file.parent


@pytest.fixture
def flickr(tmp_path: Path) -> Path:
    """Return a tree of Flickr30k."""
    (tmp_path / "flickr30k" / "flickr30k-images").mkdir(parents=True)
    return written(tmp_path / "flickr30k" / "dataset_flickr30k.json", images_of())


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Return a tree of COCO whose even pictures belong to the official training set."""
    root = tmp_path / "coco-karpathy"
    for part in ("train2014", "val2014"):
        (root / "images" / part).mkdir(parents=True)
    parts = {"filepath": lambda n: ("val2014", "train2014")[n % 2 == 0], "cocoid": lambda n: 100 + n}
    (root / "annotations").mkdir()
    kinds = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}]
    marks = [{"image_id": 101, "category_id": kind} for kind in (18, 1, 18)]
    (root / "annotations" / "instances_val2014.json").write_text(
        json.dumps({"categories": kinds, "annotations": marks})
    )
    return written(root / "dataset_coco.json", images_of(**parts))


def test_pictures_have_their_captions_and_the_published_splits(flickr: Path) -> None:
    dataset = flickr30k.read(flickr)
    assert dataset.name == "flickr30k"
    assert dataset.pairs[1].texts == ("Caption 0 of 1.", "Caption 1 of 1.")
    assert dataset.pairs[1].image == flickr / "flickr30k-images" / "0001.jpg"
    assert dataset.splits == {"train": (0, 1, 2), "val": (3,), "test": (4, 5)}
    assert [pair.id for pair in dataset.pairs[:2]] == ["0000.jpg", "0001.jpg"]


def test_the_sets_are_opened_by_name_and_by_folder(flickr: Path, coco: Path) -> None:
    root = flickr.parent
    assert open_data("flickr30k", root=root) == flickr30k.read(flickr) == open_data(str(flickr))
    assert open_data("coco-karpathy", root=root) == coco_karpathy.read(coco)


def test_a_folder_of_ones_own_of_that_name_is_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "flickr30k"
    own.mkdir()
    (own / "a.jpg").write_bytes(b"")
    (own / "pairs.jsonl").write_text('{"image": "a.jpg", "text": "mine"}\n')
    assert [pair.texts for pair in open_data(str(own), draw=False).pairs] == [("mine",)]


def test_pictures_below_images_are_found_and_none_where_there_is_no_folder(flickr: Path) -> None:
    (flickr / "flickr30k-images").rmdir()
    assert flickr30k.read(flickr).pairs[0].image is None
    (flickr / "images").mkdir()
    assert flickr30k.read(flickr).pairs[0].image == flickr / "images" / "0000.jpg"


def test_pictures_of_coco_lie_in_their_official_part_and_have_what_is_marked_in_them(coco: Path) -> None:
    pairs = coco_karpathy.read(coco).pairs
    assert pairs[0].image == coco / "images" / "train2014" / "0000.jpg"
    assert pairs[1].image == coco / "images" / "val2014" / "0001.jpg"
    assert [pair.categories for pair in pairs[:3]] == [(), ("dog", "person"), ()]


def test_a_faulty_picture_is_reported_and_left_out(flickr: Path) -> None:
    images = images_of()
    images[0]["sentences"] = []
    images[3]["split"] = "dev"
    images[4]["sentences"][0]["raw"] = " "
    written(flickr / "dataset_flickr30k.json", images)
    with pytest.raises(BadText, match=r"dataset_flickr30k\.json, image 0: it has no caption\. Download"):
        flickr30k.read(flickr)
    found: list[Finding] = []
    dataset = flickr30k.read(flickr, report=found.append)
    assert [finding.where.rpartition(" ")[2] for finding in found] == ["0", "3", "4"]
    assert "the split 'dev' is unknown. Use one of train, restval, val, test." in str(found[1])
    assert dataset.splits == {"train": (0, 1), "val": (), "test": (2,)}


def test_files_that_are_missing_or_of_another_structure_are_named(flickr: Path) -> None:
    file = flickr / "dataset_flickr30k.json"
    for content in ('{"images": [{"filename": "a.jpg"}]}', "[1]", "{half", '{"images": 5}', "[" * 100_000):
        file.write_text(content)
        with pytest.raises(BadManifest, match=r"dataset_flickr30k\.json does not have the structure of the official"):
            flickr30k.read(flickr)
    file.unlink()
    with pytest.raises(MissingData, match=r"dataset_flickr30k\.json' does not exist\. Its home is https://shannon"):
        flickr30k.read(flickr)
