import pytest

from diptych.data.folder import read
from diptych.errors import BadManifest, MissingData


def test_a_manifest_file_or_its_folder_give_the_same_pairs(tmp_path, make_picture, write_lines):
    make_picture("a.png")
    path = write_lines({"image": "a.png", "text": "one"})
    assert read(path).pairs == read(tmp_path).pairs
    assert read(tmp_path).name == tmp_path.name


def test_an_imagefolder_takes_its_splits_from_its_sub_folders(tmp_path, make_picture):
    for folder in ("train", "validation", "test"):
        make_picture(f"{folder}/0.png")
        (tmp_path / folder / "metadata.csv").write_text(f"file_name,text\n0.png,about {folder}\n0.png,more\n")
    dataset = read(tmp_path)
    assert {dataset.pairs[rows[0]].texts for rows in dataset.splits.values()} == {
        (f"about {folder}", "more") for folder in ("train", "validation", "test")
    }
    assert dataset.pairs[dataset.splits["val"][0]].id == "validation/0.png"
    assert dataset.split_seed is None


def test_a_folder_without_a_manifest_says_what_to_put_there(tmp_path):
    with pytest.raises(
        MissingData, match=r"holds no manifest. Put one of pairs, manifest or metadata, each with .jsonl, .csv"
    ):
        read(tmp_path)


def test_a_folder_with_two_manifests_is_not_guessed_at(tmp_path, write_lines):
    write_lines(name="pairs.jsonl")
    write_lines(name="manifest.jsonl")
    with pytest.raises(BadManifest, match=r"holds several manifests: pairs.jsonl, manifest.jsonl. Name the file"):
        read(tmp_path)
