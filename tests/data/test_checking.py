import shutil

import pytest
from PIL import Image

from diptych.data.checking import check, check_data
from diptych.data.pairs import DataSet, Pair
from diptych.data.sources import open_data


def _set(*pairs: Pair, **splits: tuple[int, ...]) -> DataSet:
    return DataSet("mine", pairs, splits or {"train": tuple(range(len(pairs)))})


def test_a_sound_data_set_has_no_findings(make_picture):
    pairs = [Pair(str(k), make_picture(f"{k}.png"), (f"text {k}",), ("c",)) for k in range(6)]
    assert check(_set(*pairs, train=(0, 1, 2, 3), val=(4,), test=(5,))) == []


def test_missing_and_unreadable_and_oversized_pictures_are_all_found(tmp_path, make_picture, make_bomb):
    noise = tmp_path / "half.jpg"
    Image.effect_noise((99, 99), 80).save(noise)
    noise.write_bytes(noise.read_bytes()[:900])
    pairs = [
        Pair("gone", tmp_path / "gone.png", ("a",)),
        Pair("half", noise, ("b",)),
        Pair("bomb", make_bomb("bomb.png", 30_000), ("c",)),
        Pair("good", make_picture("good.png"), ("d",)),
    ]
    seen: list[tuple[int, int, str]] = []
    found = check(_set(*pairs), progress=lambda *said: seen.append(said))
    assert [(finding.kind, finding.where) for finding in found] == [
        ("missing image", "pair gone"),
        ("unreadable image", "pair half"),
        ("unreadable image", "pair bomb"),
    ]
    assert "half.jpg" in found[1].what
    assert "bomb.png' has more than 89,478,485 pixels" in found[2].what
    assert found[1].do == "Replace the file, or leave the pair out."
    assert seen == [(done, 4, "pictures") for done in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("texts", "kind", "what"),
    [
        ((), "empty text", "it has no text"),
        (("  ",), "empty text", "the text is empty"),
        (("x" * 1_000_001,), "long text", "1,000,001 bytes"),
        (("broken \ufffd",), "encoding", "U+FFFD"),
    ],
)
def test_bad_texts_are_found(texts, kind, what):
    (finding,) = check(_set(Pair("1", None, texts)))
    assert (finding.kind, finding.where) == (kind, "pair 1")
    assert what in finding.what


def test_repeated_ids_are_found():
    (finding,) = check(_set(Pair("1", None, ("a",)), Pair("1", None, ("b",))))
    assert str(finding) == "pair 1: 2 pairs have this id. Give each pair its own."


def test_the_same_picture_and_text_in_two_splits_are_found(tmp_path, make_picture):
    picture = make_picture("a.png")
    shutil.copy(picture, tmp_path / "b.png")
    pairs = [
        Pair("a", picture, ("same",)),
        Pair("b", tmp_path / "b.png", ("other", "same")),
        Pair("c", None, ("same",)),
    ]
    by_picture, by_text = check(_set(*pairs, train=(0, 2), val=(), test=(1,)))
    assert (by_picture.kind, by_picture.where) == ("picture in two splits", "train a, test b")
    assert by_text.where == "train a, test b and 1 more"
    assert by_text.what == "the same text occurs in several splits: 'same'"


def test_many_places_of_one_text_are_counted_not_listed():
    pairs = [Pair(str(k), None, ("same",)) for k in range(10)]
    (finding,) = check(_set(*pairs, train=tuple(range(9)), val=(), test=(9,)))
    assert finding.where == "train 0, test 9 and 8 more"


def test_a_repeat_within_one_split_is_no_finding():
    assert check(_set(Pair("1", None, ("same",)), Pair("2", None, ("same",)))) == []


def test_a_class_that_is_never_trained_is_found():
    pairs = [Pair("1", None, ("a",), ("cat",)), Pair("2", None, ("b",), ("dog",))]
    (finding,) = check(_set(*pairs, train=(0,), val=(), test=(1,)))
    assert (finding.kind, finding.where) == ("class without training", "category dog")


def test_what_a_reader_refuses_is_listed_whole(write_lines):
    path = write_lines(
        {"id": "1", "image": "gone.png", "text": "a"},
        {"id": "2", "image": None, "text": ""},
        {"id": "3", "image": None, "text": "c", "category": ""},
        {"id": "4", "image": None, "text": "good"},
        {"id": "4", "image": None, "text": "again"},
        {"id": "5", "image": None, "text": "bell \x07"},
    )
    found = check_data(str(path))
    assert [finding.kind for finding in found] == [
        "missing image",
        "empty text",
        "empty category",
        "duplicate id",
        "encoding",
    ]
    assert found[0].where == "pairs.jsonl, line 1"


@pytest.mark.data
def test_wikipedia_is_checked_without_its_pictures(data_root):
    assert {finding.kind for finding in check(open_data("wikipedia", root=data_root))} <= {
        "encoding",
        "text in two splits",
    }


def test_a_picture_at_a_url_that_cannot_be_read_is_a_finding(write_lines):
    path = write_lines({"id": "1", "image": "nowhere://a/b.png", "text": "one"})
    assert [finding.kind for finding in check_data(str(path)) if "image" in finding.kind] == ["unreadable image"]
