"""Tars in the manner of WebDataset."""

import io
import tarfile
from pathlib import Path

import pytest

from diptych.data.entries import Entry, read_entries
from diptych.data.findings import Finding
from diptych.errors import BadManifest


def tar(path: Path, **files: bytes) -> Path:
    """Write a tar; `a__txt` is the file `a.txt`."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


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
