from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from diptych.data.findings import Finding
from diptych.data.wikipedia import read
from diptych.errors import BadManifest, BadText, MissingData, ShapeMismatch


@pytest.fixture
def archive(tmp_path) -> Path:
    """Return a tree in the official layout: four training and three test lines, two categories."""
    (tmp_path / "categories.list").write_text("art\nbiology\n")
    (tmp_path / "texts").mkdir()
    for name, count in (("train", 4), ("test", 3)):
        lines = [f"{name}{k}-1\tpicture-{name}{k}\t{k % 2 + 1}" for k in range(count)]
        (tmp_path / f"{name}set_txt_img_cat.list").write_text("\n".join(lines) + "\n")
        for k in range(count):
            xml = f'<document id="x">\n<text>\nFish &amp; Chips & peas, {name} {k}&ndash;9 &lt;b>\n</text>\n</document>'
            (tmp_path / "texts" / f"{name}{k}-1.xml").write_text(xml)
    (tmp_path / "features").mkdir()
    rows = {"I_tr": np.eye(4, 128), "T_tr": np.eye(4, 10), "I_te": np.ones((3, 128)), "T_te": np.ones((3, 10))}
    savemat(tmp_path / "features" / "raw_features.mat", rows)
    savemat(tmp_path / "features" / "mcsm_indice.mat", {"indice": np.array([[2], [0], [1]])})
    return tmp_path


def test_texts_that_are_no_xml_are_read_all_the_same(archive):
    assert read(archive).pairs[1].texts == ("Fish & Chips & peas, train 1–9 <b>",)


def test_the_first_third_of_the_ordered_test_lines_validates(archive):
    dataset = read(archive)
    assert dataset.splits == {"train": (0, 1, 2, 3), "val": (6,), "test": (4, 5)}
    assert dataset.split_seed is None
    assert dataset.vectors["image"].shape == (7, 128)
    assert dataset.vectors["text"].dtype == np.float32


def test_without_the_order_of_mcsm_a_seeded_third_validates_and_the_seed_is_told(archive):
    (archive / "features" / "mcsm_indice.mat").unlink()
    dataset = read(archive)
    assert sorted(dataset.splits["val"] + dataset.splits["test"]) == [4, 5, 6]
    assert dataset.split_seed == 0


def test_pictures_are_named_where_their_folder_is_there(archive):
    assert all(pair.image is None for pair in read(archive).pairs)
    (archive / "images").mkdir()
    assert read(archive).pairs[1].image == archive / "images" / "biology" / "picture-train1.jpg"


def test_a_report_hears_of_each_bad_text_and_vectors_keep_in_step(archive):
    (archive / "texts" / "train1-1.xml").unlink()
    (archive / "texts" / "test0-1.xml").write_bytes(b"<text>\xff</text>")
    found: list[Finding] = []
    dataset = read(archive, report=found.append)
    assert [finding.kind for finding in found] == ["missing text", "encoding"]
    assert dataset.splits == {"train": (0, 1, 2), "val": (4,), "test": (3,)}
    np.testing.assert_array_equal(dataset.vectors["image"][:3], np.eye(4, 128)[[0, 2, 3]])


def test_a_missing_text_is_named_with_its_line(archive):
    (archive / "texts" / "train1-1.xml").unlink()
    with pytest.raises(BadManifest, match=r"trainset_txt_img_cat.list, line 2: '.*train1-1.xml' does not exist"):
        read(archive)


def test_an_article_without_text_is_named(archive):
    (archive / "texts" / "train1-1.xml").write_text("<document/>")
    with pytest.raises(BadText, match=r"texts/train1-1.xml: it has no element <text>"):
        read(archive)


def test_a_line_of_another_form_is_named(archive):
    (archive / "testset_txt_img_cat.list").write_text("a\tb\t3\n")
    with pytest.raises(
        BadManifest, match=r"testset_txt_img_cat.list, line 1: expected .* from 1 to 2, separated by tabs"
    ):
        read(archive)


def test_features_of_other_lines_are_refused(archive):
    rows = {"I_tr": np.eye(5, 128), "T_tr": np.eye(4, 10), "I_te": np.ones((3, 128)), "T_te": np.ones((3, 10))}
    savemat(archive / "features" / "raw_features.mat", rows)
    with pytest.raises(ShapeMismatch, match=r"must describe 4 and 3 images, as the lists do; got 5 and 3"):
        read(archive)


def test_an_order_of_other_lines_is_refused(archive):
    savemat(archive / "features" / "mcsm_indice.mat", {"indice": np.array([[0], [0], [1]])})
    with pytest.raises(ShapeMismatch, match=r"must be a permutation of the 3 test lines"):
        read(archive)


def test_a_folder_that_is_not_the_archive_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"categories.list' does not exist. Give the folder"):
        read(tmp_path)


@pytest.mark.data
def test_the_split_and_the_categories_are_those_of_mcsm(data_root):
    root = data_root / "wikipedia"
    dataset = read(root)
    assert {name: len(rows) for name, rows in dataset.splits.items()} == {"train": 2173, "val": 231, "test": 462}
    numbers = loadmat(root / "features" / "mcsm_category.mat")
    wanted = [dataset.classes[number - 1] for number in (*numbers["trCat"].ravel(), *numbers["teCat"].ravel())]
    assert [pair.categories[0] for pair in dataset.pairs] == wanted
    assert {name: rows.shape for name, rows in dataset.vectors.items()} == {"image": (2866, 128), "text": (2866, 10)}
    order = loadmat(root / "features" / "mcsm_indice.mat")["indice"].ravel() + 2173
    assert (dataset.splits["val"], dataset.splits["test"]) == (tuple(order[:231]), tuple(order[231:]))
