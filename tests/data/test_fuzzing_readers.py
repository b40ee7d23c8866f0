"""Whatever a file holds, its reader ends in time, tells in sentences what it leaves out, and loses no row."""

import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow.parquet import ParquetFile

from diptych.data.addresses import Address
from diptych.data.checking import check_data
from diptych.data.entries import Entry, read_entries
from diptych.data.findings import Finding
from diptych.data.manifest_rows import read_rows
from diptych.data.pictures import SUFFIXES, decode
from diptych.data.sources import open_data
from diptych.errors import DiptychError
from tests.data.bounded import check_sentence, in_memory, in_time
from tests.data.odd_inputs import (
    CSV_FILES,
    JSON_LINES,
    NAMES,
    PICTURES,
    csv_files,
    damaged,
    json_lines,
    parquet_files,
    parquet_seeds,
    sparse_tar,
    tar_seeds,
    tars,
    written_parquet,
)

SECONDS = 8
"""The most processor time that one of these small files takes."""
READING, DECODING = 200 << 20, 3 << 29
"""Bytes that reading a small file may take, and decoding a picture of at most 89 million pixels."""
FEW, MANY = 100, 1250
"""Inputs of each kind in every run, and where there is time."""


@contextmanager
def folder_of_pictures() -> Iterator[Path]:
    """Yield a folder with the pictures that manifests name."""
    with tempfile.TemporaryDirectory() as name:
        for each in NAMES:
            path = Path(name, each)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(PICTURES[path.suffix][0])
        yield Path(name)


@contextmanager
def refusals() -> Iterator[None]:
    """Let pass what is refused on purpose, if it is a sentence."""
    try:
        yield
    except DiptychError as error:
        check_sentence(str(error))


def number_of(where: str) -> int | None:
    """Return the line that a finding or an entry names."""
    number = where.rpartition("line ")[2]
    return int(number) if number.isdigit() else None


def key_of(row: Any) -> tuple[Any, ...] | None:
    """Return what rows of one picture share; None for rows that stay alone."""
    named = next((row[name] for name in ("image", "file_name") if row.get(name)), None)
    return (normpath(named), str(row.get("id"))) if isinstance(named, str) else None


def read(source: Path) -> tuple[list[Entry], list[Finding]]:
    """Return the entries and the findings of a source, after a look at what is said."""
    found: list[Finding] = []
    entries = list(read_entries(str(source), report=found.append, remark=check_sentence))
    for finding in found:
        check_sentence(str(finding))
    return entries, found


def check_rows(source: Path) -> set[int | None]:
    """Check that every row of a manifest is in an entry or in a finding, and return their numbers; None for a file."""
    broken: list[Finding] = []
    rows = dict(read_rows(source, where=source.name, report=broken.append))
    entries, found = read(source)
    firsts = [number_of(entry.where) for entry in entries]
    pictures = {key_of(rows[number]) for number in firsts if number is not None} - {None}
    told = {number_of(finding.where) for finding in found}
    joined = {number for number, row in rows.items() if key_of(row) in pictures}
    assert len(firsts) == len(set(firsts))
    assert not told & set(firsts)
    assert {number_of(finding.where) for finding in broken} <= told
    lacking = rows.keys() if any("The columns are " in finding.what for finding in found) else set()
    assert told | set(firsts) | joined | lacking == told | rows.keys()
    return told | rows.keys()


def lines_are_entries_or_findings(content: bytes) -> None:
    with folder_of_pictures() as folder, refusals():
        path = folder / "rows.jsonl"
        path.write_bytes(content)
        filled = {number for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()}
        assert check_rows(path) - {None} == filled


def cells_are_entries_or_findings(content: bytes) -> None:
    with folder_of_pictures() as folder, refusals():
        path = folder / "rows.csv"
        path.write_bytes(content)
        check_rows(path)


def groups_are_entries_or_findings(content: bytes) -> None:
    with folder_of_pictures() as folder, refusals():
        path = folder / "rows.parquet"
        path.write_bytes(content)
        assert len(check_rows(path) - {None}) == rows_of_parquet(path)


def rows_of_parquet(path: Path) -> int:
    with ParquetFile(path) as table:
        return int(table.metadata.num_rows)


def members_are_entries_or_findings(content: bytes) -> None:
    with folder_of_pictures() as folder, refusals():
        path = folder / "rows.tar"
        path.write_bytes(content)
        rows = dict(read_rows(path, where=path.name, report=lambda finding: None))
        entries, found = read(path)
        numbers = {number_of(finding.where) for finding in found} | {number_of(entry.where) for entry in entries}
        assert numbers >= rows.keys()
        read_ones = [row["image"] for row in rows.values() if row["image"] is not None]
        assert all(image.size == len(image.read_bytes()) for image in read_ones)
        pictures = {image.name for image in read_ones}
        broken = [stem(finding.where.partition(", ")[2]) for finding in found]
        assert all(name in pictures or any(stem(name) in each for each in broken) for name in pictures_in_tar(path))


def stem(name: str) -> str:
    return normpath(name).partition(".")[0]


def pictures_in_tar(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    last = [(name, name.rpartition("/")[2]) for name in names]
    return [name for name, own in last if own[:1] != "." and f".{own.partition('.')[2].lower()}" in SUFFIXES]


def data_are_opened_and_checked(content: bytes) -> None:
    with folder_of_pictures() as folder:
        (folder / "pairs.jsonl").write_bytes(content)
        found: list[Finding] = []
        with refusals():
            dataset = open_data(str(folder), report=found.append)
            assert len(dataset.pairs) == len({pair.id for pair in dataset.pairs})
        with refusals():
            open_data(str(folder))
        with refusals():
            found += check_data(str(folder))
        for finding in found:
            check_sentence(str(finding))


def a_folder_is_walked(files: dict[bytes, bytes | None]) -> None:
    with tempfile.TemporaryDirectory() as name:
        for own, content in files.items():
            with suppress(OSError):  # the same name is a file and a folder
                make(Path(name, os.fsdecode(own)), content)
        files_there = [Path(at, each) for at, _, names in os.walk(name) for each in names]
        pictures = [each for each in files_there if each.suffix.lower() in SUFFIXES and each.is_file()]
        seen = [each for each in pictures if not any(part[0] == "." for part in each.relative_to(name).parts)]
        with refusals():
            entries, found = read(Path(name))
            assert len(entries) + len(found) == len(seen)
            assert len({entry.id for entry in entries}) == len(entries)


def make(path: Path, content: bytes | None) -> None:
    """Write a file, or make a pipe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)


def a_picture_is_shown_or_refused(picture: tuple[str, bytes]) -> None:
    suffix, content = picture
    with refusals():
        image = decode(Address(f"a{suffix}", data=content), side=32)
        assert isinstance(image, Image.Image)
        assert image.mode == "RGB"


_parts = st.one_of(
    st.sampled_from([b"a", b"cats", b".x", b"caf\xe9", "é".encode(), b"a b", b"x" * 200, b"a\nb", b"#", b"*", b"[a]"]),
    st.binary(min_size=1, max_size=5).filter(lambda part: not {0, 47} & set(part) and part not in (b".", b"..")),
)
_paths = st.tuples(
    st.lists(_parts, min_size=1, max_size=4).map(b"/".join), st.sampled_from([b".png", b".JPG", b".svg", b".txt", b""])
).map(b"".join)


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(
        json.dumps({"image": None, "id": k, "text": "t", **row}).encode() + b"\n" for k, row in enumerate(rows)
    )


DEEP = b"[" * 940 + b"]" * 940
FOUND_IN_LINES = (
    lines({"texts": "[" * 5000}, {"texts": "[" + "9" * 5000 + "]"}),
    lines({"image": "x" * 300 + ".png"}, {"image": "x/" * 3000 + ".png"}),
    lines({"image": "http://["}, {"image": "http://[::1"}),
    lines({"image": None, "file_name": "a.png"}),
    b"null\n",
)
FOUND_IN_DATA = (
    *FOUND_IN_LINES,
    lines({"split": ["train"]}, {"split": {}}),
    b'{"id": 1, "image": null, "text": "t", "category": ' + DEEP + b"}",
    b'{"id": 1, "image": null, "text": "t", "split": ' + DEEP + b"}",
    b'{"id": ' + DEEP + b', "image": null, "text": "t"}',
)
FOUND_IN_PARQUET = (
    b"PAR1 no Parquet at all",
    written_parquet({"id": ["a"], "text": ["t"], "year": pyarrow.array([2**31 - 1], pyarrow.int32()).view("date32")}),
    written_parquet({"id": ["a"], "text": pyarrow.array([b"caf\xe9"]).view(pyarrow.string())}),
    written_parquet({"id": ["a"], "text": ["t"], "year": pyarrow.array([2**62]).view(pyarrow.timestamp("us"))}),
)
"""What broke a reader once: 5,000 lines of quotes took it 20 seconds, and a tar of a kilobyte two gigabytes."""


@dataclass(frozen=True)
class Kind:
    """A kind of input, what holds of it, and inputs that once broke it."""

    holds: Callable[[Any], None]
    inputs: st.SearchStrategy[Any]
    known: Sequence[Any] = ()
    memory: int = READING


KINDS = {
    "JSONL": Kind(
        lines_are_entries_or_findings,
        st.one_of(json_lines(), damaged(JSON_LINES), st.binary(max_size=100)),
        FOUND_IN_LINES,
    ),
    "CSV": Kind(
        cells_are_entries_or_findings,
        st.one_of(csv_files(), damaged(CSV_FILES), st.binary(max_size=100)),
        (b"id,image,text\n" + b'a","x\n' * 5000, b"id,image,texts\n1,," + b"[" * 5000),
    ),
    "Parquet": Kind(
        groups_are_entries_or_findings,
        st.one_of(parquet_files(), damaged(parquet_seeds()), st.binary(max_size=100)),
        FOUND_IN_PARQUET,
    ),
    "tar": Kind(
        members_are_entries_or_findings,
        st.one_of(tars(), damaged(tar_seeds()), st.binary(max_size=1600)),
        (sparse_tar(2**31),),
    ),
    "folder": Kind(
        a_folder_is_walked, st.dictionaries(_paths, st.one_of(st.none(), st.binary(max_size=4)), max_size=6)
    ),
    "pictures": Kind(
        a_picture_is_shown_or_refused,
        st.sampled_from(sorted(PICTURES)).flatmap(
            lambda suffix: st.tuples(st.just(suffix), st.one_of(damaged(PICTURES[suffix]), st.binary(max_size=100)))
        ),
        memory=DECODING,
    ),
    "data": Kind(data_are_opened_and_checked, st.one_of(json_lines(), damaged(JSON_LINES)), FOUND_IN_DATA),
}  # fmt: skip


def try_out(kind: Kind, examples: int) -> None:
    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(kind.inputs)
    def holds(content: Any) -> None:
        with in_time(SECONDS):
            kind.holds(content)

    for known in kind.known:
        holds = example(known)(holds)
    with in_memory(kind.memory):
        holds()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", KINDS)
def test_no_file_breaks_its_reader(name: str) -> None:
    try_out(KINDS[name], FEW)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", KINDS)
def test_no_file_breaks_its_reader_however_long_it_is_tried(name: str) -> None:
    try_out(KINDS[name], 2 * MANY if name == "pictures" else MANY)


# what the fuzzing found, with the right value


def test_a_row_with_two_columns_for_its_picture_has_the_one_that_is_filled() -> None:
    with folder_of_pictures() as folder:
        row = {"id": "x", "image": None, "file_name": "a.png", "text": "t"}
        (folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
        ((entry,), found) = read(folder)
        assert (entry.image, found) == (folder / "a.png", [])
        assert [pair.image for pair in open_data(str(folder)).pairs] == [folder / "a.png"]


def test_a_date_beyond_all_calendars_and_a_text_in_another_encoding_cost_no_other_row(tmp_path: Path) -> None:
    columns = {
        "id": ["1", "2", "3"],
        "text": pyarrow.array([b"one", b"caf\xe9", b"three"]).view(pyarrow.string()),
        "day": pyarrow.array([0, 1, 2**31 - 1], pyarrow.int32()).view("date32"),
        "raw": [b"\xff", None, None],
    }
    (tmp_path / "rows.parquet").write_bytes(written_parquet(columns))
    entries, (finding,) = read(tmp_path / "rows.parquet")
    assert [(entry.id, entry.texts) for entry in entries] == [("1", ("one",)), ("3", ("three",))]
    assert entries[0].metadata == {"day": "1970-01-01"}
    assert str(finding).startswith("rows.parquet, line 2: in 'caf\\udce9', it holds the lone surrogate U+DCE9.")


def test_a_quote_in_every_line_costs_those_lines_and_no_time() -> None:
    with folder_of_pictures() as folder, in_time(SECONDS):
        lines = [b'a","x', b'b.jpg,"never', b"2,,two"] * 2000
        (folder / "rows.csv").write_bytes(b"id,image,text\n" + b"\n".join([*lines, b"3,,three"]) + b"\n")
        entries, found = read(folder / "rows.csv")
        assert len(entries) == 2001
        assert len(found) == 4000


def test_a_tar_with_holes_is_told_and_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(sparse_tar(2**33 - 1))
    entries, (finding,) = read(tmp_path / "a.tar")
    assert entries == []
    assert str(finding) == (
        "a.tar, a.png: it is stored with holes, which may fill the memory. Write the tar again without --sparse."
    )
