"""Tars in the manner of WebDataset."""

from pathlib import Path

import pytest

from diptych.data.entries import Entry, read_entries
from diptych.data.findings import Finding
from diptych.data.tars import read_samples
from diptych.errors import BadManifest
from tests.tar_files import tar


def read(source: Path) -> tuple[list[Entry], list[Finding]]:
    found: list[Finding] = []
    return list(read_entries(str(source), report=found.append)), found


def test_files_that_share_a_name_are_one_item(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", a__jpg=b"picture", a__txt=b"a cat\n", a__cls=b"animals", b__json=b'{"texts": ["x"]}')
    (first, second), found = read(file)
    assert (first.id, first.texts, dict(first.metadata)) == ("a", ("a cat",), {"category": "animals"})
    assert first.image is not None
    assert str(first.image) == f"{file}#a.jpg@512+7"
    assert first.image.read_bytes() == b"picture"
    assert (second.id, second.image, second.texts) == ("b", None, ("x",))
    assert not found


def test_columns_of_an_object_are_metadata_and_its_paths_are_not_followed(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", a__png=b"p", a__json=b'{"text": "t", "year": 2010, "image": "/etc/passwd"}')
    ((entry,), _) = read(file)
    assert (entry.texts, dict(entry.metadata)) == (("t",), {"year": 2010.0})
    assert str(entry.image).endswith("a.tar#a.png@512+1")


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"{", "it is not JSON"), (b"[1]", "it must be a JSON object; got a list"), (b"\xff", "can't decode")],
)
def test_a_broken_sample_is_reported_and_the_rest_read(tmp_path: Path, content: bytes, what: str) -> None:
    entries, (finding,) = read(tar(tmp_path / "a.tar", a__png=b"p", a__json=content, b__png=b"q"))
    assert [entry.id for entry in entries] == ["b"]
    assert finding.where == "a.tar, a.json"
    assert what in finding.what


def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"nothing" * 200)
    with pytest.raises(BadManifest, match=r"a\.tar cannot be read as a tar"):
        read(tmp_path / "a.tar")


def test_a_pattern_names_many(tmp_path: Path) -> None:
    tar(tmp_path / "0.tar", a__png=b"p")
    tar(tmp_path / "1.tar", b__png=b"q")
    entries, _ = read(tmp_path / "*.tar")
    assert [entry.id for entry in entries] == ["a", "b"]


@pytest.mark.parametrize(
    "names",
    [
        ("a__png", "b__png", "a__txt", "b__txt"),
        ("b__txt", "a__txt", "a__png", "b__png"),
        ("._a__png", "a__png", "._a__txt", "a__txt", "._b__png", "b__png", "b__txt", ".DS_Store"),
        ("./a__png", "./a__txt", "./b__png", "./b__txt"),
    ],
)
def test_the_files_of_a_sample_may_lie_anywhere_and_hidden_ones_do_not_count(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    file = tar(tmp_path / "a.tar", **{name: name.removeprefix("./")[0].encode() for name in names})
    entries, found = read(file)
    assert sorted((entry.id, entry.texts, entry.image and entry.image.read_bytes()) for entry in entries) == [
        ("a", ("a",), b"a"),
        ("b", ("b",), b"b"),
    ]
    assert not found


def test_names_with_dots_are_shared_up_to_the_last_one_where_none_is_plain(tmp_path: Path) -> None:
    names = ("x/p.2020.01__png", "x/p.2020.01__txt", "x/p.2020.02__jfif", "x/p.2020.02__txt")
    entries, found = read(tar(tmp_path / "a.tar", **dict.fromkeys(names, b"t")))
    assert [(entry.id, entry.image is not None, entry.texts) for entry in entries] == [
        ("x/p.2020.01", True, ("t",)),
        ("x/p.2020.02", True, ("t",)),
    ]
    assert not found


def test_a_second_picture_beside_a_plain_one_is_an_extra_as_in_webdataset(tmp_path: Path) -> None:
    (entry,), _ = read(tar(tmp_path / "a.tar", a__png=b"p", **{"a.seg__png": b"mask"}, a__txt=b"t"))
    assert entry.image is not None
    assert (entry.id, entry.image.read_bytes()) == ("a", b"p")


def test_several_texts_of_a_sample_add_up_and_a_second_picture_is_reported(tmp_path: Path) -> None:
    ((entry,), (finding,)) = read(tar(tmp_path / "a.tar", a__txt=b"1", a__caption=b"2", b__png=b"p", b__jpg=b"q"))
    assert entry.texts == ("1", "2")
    assert finding.what == "it is a second picture of the sample 'b'"


def test_a_tar_that_was_cut_off_anywhere_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    whole = tar(tmp_path / "whole.tar", a__png=b"p" * 900, a__txt=b"t", b__png=b"q" * 700).read_bytes()
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512
    for cut in range(512, end, 100):
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        with pytest.raises(BadManifest, match=r"cut\.tar (has no end|cannot be read as a tar file)"):
            next(read_entries(str(tmp_path / "cut.tar"), report=lambda finding: None))
    (tmp_path / "cut.tar").write_bytes(whole[: end + 512])
    assert len(read(tmp_path / "cut.tar")[0]) == 2


def test_a_tar_that_is_broken_in_the_middle_is_refused(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", a__png=b"p", b__png=b"q")
    broken = bytearray(file.read_bytes())
    broken[1024:1100] = b"x" * 76
    file.write_bytes(broken)
    with pytest.raises(BadManifest, match=r"a\.tar has no end: it was cut off, or is broken in the middle"):
        read(file)


def test_in_a_tar_from_the_net_files_of_a_sample_follow_one_another(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", a__png=b"p", b__txt=b"u", a__txt=b"t")
    found: list[Finding] = []
    with file.open("rb") as stream:
        samples = read_samples(stream, source="s3://b/apart.tar", where="apart.tar", report=found.append)
        rows = [row for _, row in samples]
    assert [(row["id"], row.get("text")) for row in rows] == [("a", None), ("b", "u")]
    assert [finding.what for finding in found] == ["other files of this sample came before"]
