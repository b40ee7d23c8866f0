"""The entries that a collection ingests: pictures, texts or both, each with an id and any columns of metadata.

A source is one of

    a folder of pictures        ids are paths within it; the metadata is `folder`, where the picture lies; or its URL
    a manifest, or its folder   as for training, but a row may lack the picture or the texts; other columns are metadata
    `-`                         one JSON object per line on standard input; paths are relative to the working directory
    a tar, a Parquet file       with the pictures in it (`diptych.data.tars`); a URL or a pattern with `*` names many
    a picture                   its name is its id
    a data set by name          its pairs with their categories and the credit that its licence asks for

Values of metadata are texts, numbers, true and false, or lists of texts; null means no value. In CSV, a column whose
cells are all numbers is a column of numbers.
"""

import datetime
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from diptych.data import ROOM
from diptych.data.addresses import Address, File, Picture, below, is_pattern, matching
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.folder import find_manifests, has_manifest, manifest_at
from diptych.data.manifest import called, identity_of, image_of, strings_of
from diptych.data.manifest_rows import PACKED, Row, read_json_lines, read_rows
from diptych.data.pairs import DataSet, Pair
from diptych.data.paths import absolute
from diptych.data.pictures import SUFFIXES as PICTURES
from diptych.data.sources import open_data
from diptych.data.texts import accepted_text
from diptych.errors import MissingData

RESERVED = frozenset(("id", "image", "file_name", "text", "texts", "split"))
"""Columns with a meaning of their own, which are not metadata."""
ATTRIBUTION = "attribution"
"""The column of the credit that must appear beside a picture."""
STDIN = "-"
LONGEST_ID = 512
"""Bytes of UTF-8 that an id may have."""

Metadata = Mapping[str, str | float | bool | tuple[str, ...]]


@dataclass(frozen=True)
class Entry:
    """One item before it is encoded."""

    id: str
    image: Picture | None
    texts: tuple[str, ...]
    where: str
    """The file and line, or the path, that it comes from."""
    metadata: Metadata = field(default_factory=dict)


def read_entries(source: str, *, report: Report, data_root: Path | None = None) -> Iterator[Entry]:
    """Yield the items of a source one by one; faulty ones are reported and left out."""
    path = Path(source)
    if source == STDIN:
        yield from _entries(
            read_json_lines(sys.stdin.buffer, where="stdin", report=report), "stdin", Path.cwd(), report
        )
    elif is_pattern(source):
        for file in matching(source):
            yield from _entries_at(file, report)
    elif path.is_file() and path.suffix.lower() in PACKED:
        yield from _manifest_entries(path, path.parent, report)
    elif path.is_file() and path.suffix.lower() in PICTURES:
        yield Entry(path.name, absolute(path), (), str(path))
    elif path.is_dir() and path.name not in ROOM.names():
        yield from _folder_entries(path, report)
    else:
        dataset = open_data(source, root=data_root, draw=False, report=report)
        several = any(len(pair.categories) > 1 for pair in dataset.pairs)
        yield from (_of_pair(pair, dataset, several=several) for pair in dataset.pairs)


def entry_of(row: Row, *, pictured: bool, where: str) -> Entry:
    """Return the item that a row describes, without its picture, which is read separately; `FaultError` if faulty."""
    if any(row.get(column) for column in ("image", "file_name")):
        do = "Hand the picture itself over."
        raise FaultError(Finding("bad item", where, "it names the file of a picture, which is not looked for", do))
    if row.get("id") is None:
        do = "Give it an 'id', so that it can be replaced later."
        raise FaultError(Finding("missing id", where, "it has no id", do))
    return _item(row, None, where, pictured=pictured)


def pictures_in(folder: Path) -> Iterator[Path]:
    """Yield the pictures in a folder and its subfolders, sorted; hidden ones are skipped."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from pictures_in(path)
        elif path.suffix.lower() in PICTURES:
            yield path


def _folder_entries(folder: Path, report: Report) -> Iterator[Entry]:
    if has_manifest(folder):
        for manifest in find_manifests(folder):
            yield from _manifest_entries(manifest.path, folder, report)
        return
    found = False
    for path in pictures_in(folder):
        found = True
        inside = path.relative_to(folder)
        place = {"folder": inside.parent.as_posix()} if inside.parent.name else {}
        yield Entry(inside.as_posix(), absolute(path), (), str(path), place)
    if not found:
        raise MissingData(f"'{folder}' holds neither pictures nor a manifest. Name a folder that does.")


def _entries_at(file: File, report: Report) -> Iterator[Entry]:
    """Yield the items of a file or of a remote folder."""
    suffix = file.suffix.lower()
    if suffix in PACKED and isinstance(file, Path):
        yield from _manifest_entries(file, file.parent, report)
    elif suffix in PACKED and isinstance(file, Address):
        yield from _manifest_entries(file, Address(file.place.rpartition("/")[0]), report)
    elif suffix in PICTURES:
        name = file.name if isinstance(file, Path) else file.path.name
        yield Entry(name, absolute(file) if isinstance(file, Path) else file, (), str(file))
    elif isinstance(file, Address) and (manifest := manifest_at(file.place)):
        yield from _entries_at(manifest, report)
    elif isinstance(file, Address):
        yield from _remote_entries(file.place)
    else:
        raise MissingData(f"'{file}' is neither a picture nor a file of pairs. Name one of {', '.join(PACKED)}.")


def _remote_entries(folder: str) -> Iterator[Entry]:
    pictures = [address for address in below(folder) if address.suffix.lower() in PICTURES]
    if not pictures:
        raise MissingData(f"'{folder}' holds no pictures. Name a folder that does, or a file of pairs.")
    for address in pictures:
        inside = address.within(folder)
        place = {"folder": inside.rpartition("/")[0]} if "/" in inside else {}
        yield Entry(inside, address, (), str(address), place)


def _manifest_entries(path: File, root: File, report: Report) -> Iterator[Entry]:
    where = called(path, root)
    numbers = _columns_of_numbers(path) if path.suffix.lower() == ".csv" else frozenset()
    rows = read_rows(path, where=where, report=report)
    base = path.parent if isinstance(path, Path) else path
    yield from _entries(rows, where, root, report, base=base, numbers=numbers)


def _columns_of_numbers(path: File) -> frozenset[str]:
    """Return the columns of a CSV file in which every non-empty cell is a finite number."""
    numeric: dict[str, bool] = {}
    for _, row in read_rows(path, where=str(path), report=lambda finding: None):
        for name, cell in row.items():
            if cell:
                numeric[name] = numeric.get(name, True) and _is_number(cell)
    return frozenset(name for name, all_numbers in numeric.items() if all_numbers)


def _is_number(cell: str) -> bool:
    try:
        return isfinite(float(cell))
    except ValueError:
        return False


def _entries(
    rows: Iterable[tuple[int, Row]],
    file: str,
    root: File,
    report: Report,
    *,
    base: File | None = None,
    numbers: frozenset[str] = frozenset(),
) -> Iterator[Entry]:
    for line, row in rows:
        where = f"{file}, line {line}"
        try:
            yield _entry(row, where, root, base, numbers)
        except FaultError as fault:
            report(fault.finding)


def _entry(row: Row, where: str, root: File, base: File | None, numbers: frozenset[str]) -> Entry:
    """Return the item that a row describes; only a manifest (with a `base`) is confined to its own folder."""
    named = any(row.get(column) for column in ("image", "file_name"))
    confines = root if base or isinstance(root, Address) else Path(root.anchor)
    image = image_of(row, where, base or root, confines) if named else None
    return _item(row, image, where, root, numbers)


def _item(
    row: Row,
    image: Picture | None,
    where: str,
    root: File = Path(),
    numbers: frozenset[str] = frozenset(),
    *,
    pictured: bool = False,
) -> Entry:
    """Return the item of a row with its picture; without an id, it takes the picture's path within `root`."""
    texts = tuple(accepted_text(text, where=where) for text in strings_of(row, ("texts", "text"), where))
    if image is None and not texts and not pictured:
        do = "Name a picture in 'image', a text in 'text', or both."
        raise FaultError(Finding("empty item", where, "it has neither a picture nor a text", do))
    identity = identity_of(row["id"], where) if row.get("id") is not None else _own_id(image, root, where)
    _check_id(identity, where)
    cells = {name: value for name, value in row.items() if name not in RESERVED and value is not None and value != ""}
    metadata = {name: _value(name, float(cell) if name in numbers else cell, where) for name, cell in cells.items()}
    return Entry(identity, image, texts, where, metadata)


def _own_id(image: Picture | None, root: File, where: str) -> str:
    if image is None:
        do = "Give it an 'id', so that it can be replaced later."
        raise FaultError(Finding("missing id", where, "a text without a picture has no default id", do))
    return called(image, root)


def _check_id(identity: str, where: str) -> None:
    if "\0" in identity or len(identity.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        do = f"Give it at most {LONGEST_ID} bytes of UTF-8, without NUL."
        raise FaultError(Finding("bad id", where, f"the id {identity[:40]!r} cannot be stored", do))


def _value(name: str, value: Any, where: str) -> str | float | bool | tuple[str, ...]:
    """Return a cell of metadata; `FaultError` if no column can hold it."""
    if not name.isidentifier():
        do = "Use only letters, digits and _."
        raise FaultError(Finding("bad column", where, f"a column cannot be named {name!r}", do))
    for accepts, kind in _KINDS:
        if accepts(value):
            return kind(value)
    what = f"{name} must be a string, a number, true or false, or a list of strings; got {str(value)[:60]}"
    raise FaultError(Finding("bad value", where, what, "Write one of these, or leave it out."))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], str | float | bool | tuple[str, ...]]], ...] = (
    (lambda value: isinstance(value, bool), bool),
    (lambda value: isinstance(value, str), str),
    (lambda value: isinstance(value, int | float) and abs(value) <= 2**53 and isfinite(value), float),
    (lambda value: isinstance(value, datetime.date), lambda value: str(value.isoformat())),
    (_is_texts, tuple),
)
"""The values that a column can hold, with their conversions; the first that accepts a value counts."""


def _of_pair(pair: Pair, dataset: DataSet, *, several: bool) -> Entry:
    """Return a pair as an item; `category` is a list if `several`, that is if some pair has more than one."""
    metadata: dict[str, str | float | bool | tuple[str, ...]] = {}
    if pair.categories:
        metadata["category"] = pair.categories if several else pair.categories[0]
    if dataset.attribution:
        metadata[ATTRIBUTION] = dataset.attribution
    return Entry(pair.id, pair.image, pair.texts, f"{dataset.name}, {pair.id}", metadata)
