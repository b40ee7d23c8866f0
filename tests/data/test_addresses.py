"""Pictures that are no files of their own."""

import hashlib
from pathlib import Path

import pytest

from diptych.data.addresses import Address, below, matching, picture_at, picture_digest
from diptych.data.entries import read_entries
from diptych.data.findings import refuse
from diptych.data.pictures import decode
from diptych.data.sources import open_data
from diptych.errors import BadManifest, BadSetting, MissingData, MissingExtra

MEMORY = "memory://shop"


@pytest.fixture
def remote(tiny_set: Path) -> str:
    """Return the URL of the tiny set in another file system."""
    from fsspec.implementations.memory import MemoryFileSystem

    system = MemoryFileSystem()
    for path in tiny_set.iterdir():
        system.pipe_file(f"/shop/tiny/{path.name}", path.read_bytes())
    return f"{MEMORY}/tiny"


@pytest.mark.parametrize(
    "text", ["s3://shop/cats/1.jpg", "s3://shop/a.tar#cats/1.jpg@512+99", "a.parquet#image@17", "a#b.tar#c@d.png@1+2"]
)
def test_an_address_is_read_back_from_what_it_is_written_as(text: str) -> None:
    address = picture_at(text)
    assert isinstance(address, Address)
    assert str(address) == text


def test_a_path_stays_a_path() -> None:
    assert picture_at("cats/a@2.png") == Path("cats/a@2.png")


@pytest.mark.parametrize(
    ("text", "suffix"),
    [("s3://shop/1.jpg", ".jpg"), ("s3://shop/a.tar#1.svg@5+9", ".svg"), ("a.parquet#image@1", "")],
)
def test_the_suffix_is_that_of_the_picture_and_not_of_the_file_around_it(text: str, suffix: str) -> None:
    assert picture_at(text).suffix == suffix


def test_a_picture_elsewhere_is_the_same_as_the_file(remote: str, tiny_set: Path) -> None:
    address = Address(f"{remote}/3.png")
    assert decode(address).tobytes() == decode(tiny_set / "3.png").tobytes()
    assert picture_digest(address) == hashlib.sha256((tiny_set / "3.png").read_bytes()).hexdigest()
    assert address.is_file()
    assert not Address(f"{remote}/none.png").is_file()


def test_a_manifest_in_the_net_gives_the_pairs_of_the_folder(remote: str, tiny_set: Path) -> None:
    there, here = open_data(remote), open_data(str(tiny_set))
    assert [(p.id, p.texts, p.categories) for p in there.pairs] == [(p.id, p.texts, p.categories) for p in here.pairs]
    assert dict(there.splits) == dict(here.splits)
    assert str(there.pairs[3].image) == f"{remote}/3.png"


def test_patterns_and_folders_are_told_apart_from_files(remote: str) -> None:
    assert [str(file) for file in matching(f"{remote}/2*.png")] == [f"{remote}/{k}.png" for k in (2, 20, 21, 22, 23)]
    assert len([address for address in below(remote) if address.suffix == ".png"]) == 24
    with pytest.raises(MissingData, match=r"no file matches 'memory://shop/tiny/x\*'"):
        matching(f"{remote}/x*")


def test_a_manifest_names_nothing_outside_its_folder_and_nothing_of_this_machine(tmp_path: Path) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    for name in ("file:///etc/passwd", "../other/1.png", "/etc/passwd", "tar://a::file:///b.tar"):
        row = f'{{"image": "{name}", "text": "a"}}\n'
        MemoryFileSystem().pipe_file("/shop/bad/pairs.jsonl", row.encode())
        with pytest.raises(BadManifest, match="leads out of the data set's folder"):
            open_data(f"{MEMORY}/bad/pairs.jsonl")
    (tmp_path / "pairs.jsonl").write_text('{"image": "file:///etc/passwd", "text": "a"}\n', encoding="utf-8")
    with pytest.raises(BadManifest, match="leads out of the data set's folder"):
        open_data(str(tmp_path))


def test_what_is_not_there_is_said_in_a_sentence(remote: str) -> None:
    with pytest.raises(MissingData, match=r"'memory://shop/tiny/none\.png' does not exist"):
        Address(f"{remote}/none.png").read_bytes()
    with pytest.raises(MissingData, match="holds no manifest"):
        open_data(f"{MEMORY}/nowhere")
    with pytest.raises(BadSetting, match="'nowhere://x' cannot be opened"):
        Address("nowhere://x").read_bytes()
    with pytest.raises(MissingExtra, match=r"gs:// URLs need another package: .*gcsfs"):
        Address("gs://shop/1.png").read_bytes()


@pytest.mark.parametrize("form", ["tiny_tar", "tiny_parquet"])
def test_packed_pictures_are_the_same_as_files(form: str, tiny_set: Path, request: pytest.FixtureRequest) -> None:
    packed = open_data(str(request.getfixturevalue(form)))
    loose = open_data(str(tiny_set))
    assert [(p.id, p.texts, p.categories) for p in packed.pairs] == [(p.id, p.texts, p.categories) for p in loose.pairs]
    assert dict(packed.splits) == dict(loose.splits)
    for there, here in zip(packed.pairs, loose.pairs, strict=True):
        assert isinstance(there.image, Address)
        assert there.image.data is None, "a data set keeps no pictures in memory"
        assert isinstance(here.image, Path)
        assert there.image.read_bytes() == here.image.read_bytes()
        assert picture_at(str(there.image)) == there.image


def test_s3_is_reached_by_the_variables_of_aws(bucket: str, tiny_set: Path) -> None:
    assert Address(f"{bucket}/3.png").read_bytes() == (tiny_set / "3.png").read_bytes()
    assert [str(file) for file in matching(f"{bucket}/2*.png")] == [f"{bucket}/{k}.png" for k in (2, 20, 21, 22, 23)]
    assert len(open_data(bucket).pairs) == 24
    with pytest.raises(MissingData, match=r"'s3://shop/tiny/none\.png' does not exist"):
        Address(f"{bucket}/none.png").read_bytes()
    with pytest.raises(MissingData, match=r"'s3://other/1\.png'"):
        Address("s3://other/1.png").read_bytes()


def test_a_folder_of_pictures_in_the_net_gives_each_with_its_path_as_id(tiny_set: Path) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    for name in ("cat.png", "cats/tom.png", "cats/notes.txt"):
        MemoryFileSystem().pipe_file(f"/shop/loose/{name}", (tiny_set / "0.png").read_bytes())
    entries = list(read_entries(f"{MEMORY}/loose", report=refuse))
    assert [(entry.id, str(entry.image), dict(entry.metadata)) for entry in entries] == [
        ("cat.png", f"{MEMORY}/loose/cat.png", {}),
        ("cats/tom.png", f"{MEMORY}/loose/cats/tom.png", {"folder": "cats"}),
    ]
    (single,) = read_entries(f"{MEMORY}/loose/cat.png", report=refuse)
    assert single.id == "cat.png"
