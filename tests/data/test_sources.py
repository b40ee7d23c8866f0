import pytest

from diptych.data import ROOM
from diptych.data.entries import read_entries
from diptych.data.sources import open_data
from diptych.errors import MissingData, UnknownName

ROW = {"id": "1", "image": None, "text": "one", "category": "c"}


def test_the_room_lists_every_reader():
    wanted = {"coco", "coco-2017", "folder", "openmoji", "pascal-sentence", "rsicd", "wikipedia", "xmedianet"}
    assert wanted <= set(ROOM.names())


@pytest.mark.parametrize("folder", ["pascal_sentence", "pascal-sentence"])
@pytest.mark.parametrize("name", ["pascal_sentence", "pascal-sentence", "Pascal-Sentence"])
def test_a_name_finds_its_folder_with_either_stroke(tmp_path, write_lines, folder, name):
    write_lines(ROW, name=f"{folder}/pairs.jsonl")
    assert open_data(name, root=tmp_path).name == "pascal-sentence"


def test_roots_are_searched_in_order(tmp_path, write_lines, monkeypatch):
    write_lines({**ROW, "text": "first"}, name="first/rsicd/pairs.jsonl")
    write_lines({**ROW, "text": "second"}, name="second/rsicd/pairs.jsonl")
    monkeypatch.setenv("DIPTYCH_DATA", str(tmp_path / "second"))
    assert open_data("rsicd").pairs[0].texts == ("second",)
    assert open_data("rsicd", root=tmp_path / "first").pairs[0].texts == ("first",)


def test_a_path_is_read_by_the_reader_of_its_name_else_as_a_folder(tmp_path, write_lines):
    write_lines(ROW, name="rsicd/pairs.jsonl")
    path = write_lines(ROW, name="mine/pairs.jsonl")
    assert open_data(str(tmp_path / "rsicd")).name == "rsicd"
    assert open_data(str(tmp_path / "mine")).name == "mine"
    assert open_data(str(path)).name == "pairs"


def test_a_reader_can_be_pointed_at_a_folder_of_any_name(tmp_path, write_lines):
    write_lines(ROW, name="elsewhere/pairs.jsonl")
    assert open_data(f"rsicd:{tmp_path / 'elsewhere'}").name == "rsicd"


def test_the_default_needs_no_folder():
    assert open_data("openmoji").name == "openmoji"


def test_a_seed_draws_another_split(write_lines):
    path = write_lines(*({**ROW, "id": k, "text": f"text {k}", "split": "train"} for k in range(50)))
    assert open_data(str(path)).split_seed is None
    dataset = open_data(str(path), split_seed=5)
    assert [len(dataset.splits[name]) for name in ("train", "val", "test")] == [40, 5, 5]
    assert dataset.split_seed == 5


def test_a_data_set_that_is_nowhere_names_the_places_and_the_way_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("DIPTYCH_DATA", raising=False)
    with pytest.raises(
        MissingData, match=rf"wikipedia is not in any of '{tmp_path}/wikipedia', .* diptych data get wikipedia"
    ):
        open_data("wikipedia", root=tmp_path)
    with pytest.raises(
        MissingData, match=r"xmedianet is not in any of .* --data-root. Its authors share it on request"
    ):
        open_data("xmedianet", root=tmp_path)


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(UnknownName, match=r"data has no entry 'pascal-sentense'. Did you mean 'pascal-sentence'"):
        open_data("pascal-sentense")


@pytest.mark.parametrize("path", ["gone/pairs.jsonl", "pairs.csv", "folder", "folder:"])
def test_a_path_that_is_not_there_is_named(path):
    with pytest.raises(MissingData, match=rf"'{path}' does not exist. Give the path of a manifest"):
        open_data(path)


def test_a_reader_pointed_at_nothing_says_so():
    with pytest.raises(MissingData, match=r"'gone' does not exist. Give the folder that contains rsicd"):
        open_data("rsicd:gone")


@pytest.mark.data
def test_pascal_sentence_has_its_official_split_and_draws_40_5_5(data_root):
    dataset = open_data("pascal-sentence", root=data_root)
    assert (len(dataset.pairs), len(dataset.classes)) == (1000, 20)
    for drawn in (dataset, open_data("pascal_sentence", root=data_root, split_seed=1)):
        for name, size in (("train", 40), ("val", 5), ("test", 5)):
            assert drawn.labels(drawn.split(name)).sum(0).tolist() == [size] * 20


@pytest.mark.data
def test_rsicd_has_its_official_split(data_root):
    dataset = open_data("rsicd", root=data_root)
    assert (len(dataset.pairs), len(dataset.classes)) == (10_921, 31)
    assert [len(dataset.split(name)) for name in ("train", "val", "test")] == [8734, 1094, 1093]


def test_a_name_that_no_file_can_have_is_no_data():
    with pytest.raises(MissingData, match=r"does not exist: no file has so long a name\. Give its path"):
        open_data("x" * 300)
    with pytest.raises(MissingData, match="no file has so long a name"):
        next(read_entries("x" * 300, report=print))
