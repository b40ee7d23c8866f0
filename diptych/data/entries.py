"""What goes into a collection: pictures, texts or both, each with an id and any columns of metadata.

A source is one of

    a folder of pictures        ids are paths within it; the metadata is `folder`, where the picture lies
    a manifest, or its folder   as for training, but a row may lack the picture or the texts; other columns are metadata
    `-`                         one JSON object a line on standard input; paths are relative to the working directory
    a picture                   its name is its id
    a data set by name          its pairs with their categories and the credit that its licence asks for

Values of metadata are texts, numbers, true and false, or lists of texts; null is as good as no value. In CSV a column
of which all cells are numbers is one of numbers.
"""

import datetime
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from diptych.data import ROOM
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.folder import find_manifests, has_manifest
from diptych.data.manifest import identity_of, image_of, strings_of
from diptych.data.opening import open_data
from diptych.data.pairs import DataSet, Pair
from diptych.data.paths import absolute
from diptych.data.tables import SUFFIXES, Row, read_json_lines, read_rows
from diptych.data.texts import accepted_text
from diptych.errors import MissingData

PICTURES = frozenset([".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"])
"""What a file must be called to be taken for a picture where nothing else says so."""
RESERVED = frozenset(("id", "image", "file_name", "text", "texts", "split"))
"""Columns with a meaning of their own, which are no metadata."""
ATTRIBUTION = "attribution"
"""The column of the credit that must stand beside a shown picture."""
STDIN = "-"
LONGEST_ID = 512
"""Bytes of UTF-8 that an id may have."""

Metadata = Mapping[str, str | float | bool | tuple[str, ...]]


@dataclass(frozen=True)
class Entry:
    """One item before it is encoded."""

    id: str
    image: Path | None
    texts: tuple[str, ...]
    where: str
    """The file and line, or the path, that it comes from."""
    metadata: Metadata = field(default_factory=dict)


def read_entries(source: str, *, report: Report, data_root: Path | None = None) -> Iterator[Entry]:
    """Yield the items of a source one by one; what is faulty is reported and left out."""
    path = Path(source)
    if source == STDIN:
        yield from _entries(
            read_json_lines(sys.stdin.buffer, where="stdin", report=report), "stdin", Path.cwd(), report
        )
    elif path.is_file() and path.suffix.lower() in SUFFIXES:
        yield from _manifest_entries(path, path.parent, report)
    elif path.is_file() and path.suffix.lower() in PICTURES:
        yield Entry(path.name, absolute(path), (), str(path))
    elif path.is_dir() and path.name not in ROOM.names():
        yield from _folder_entries(path, report)
    else:
        dataset = open_data(source, root=data_root, report=report)
        several = any(len(pair.categories) > 1 for pair in dataset.pairs)
        yield from (_of_pair(pair, dataset, several=several) for pair in dataset.pairs)


def entry_of(row: Row, *, pictured: bool, where: str) -> Entry:
    """Return the item that a row describes, without its picture, which comes apart; `FaultError` for a faulty one."""
    if any(row.get(column) for column in ("image", "file_name")):
        do = "Hand the picture itself over."
        raise FaultError(Finding("bad item", where, "it names the file of a picture, which is not looked for", do))
    if row.get("id") is None:
        do = "Give it one in 'id', so that it can be found and replaced."
        raise FaultError(Finding("missing id", where, "it has no id", do))
    return _item(row, None, where, pictured=pictured)


def pictures_in(folder: Path) -> Iterator[Path]:
    """Yield the pictures in a folder and in the folders below it, sorted; hidden ones are passed over."""
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


def _manifest_entries(path: Path, root: Path, report: Report) -> Iterator[Entry]:
    where = path.relative_to(root).as_posix()
    numbers = _columns_of_numbers(path) if path.suffix.lower() == ".csv" else frozenset()
    rows = read_rows(path, where=where, report=report)
    yield from _entries(rows, where, root, report, base=path.parent, numbers=numbers)


def _columns_of_numbers(path: Path) -> frozenset[str]:
    """Return the columns of a CSV file in which every cell that is not empty is a finite number."""
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
    root: Path,
    report: Report,
    *,
    base: Path | None = None,
    numbers: frozenset[str] = frozenset(),
) -> Iterator[Entry]:
    for line, row in rows:
        where = f"{file}, line {line}"
        try:
            yield _entry(row, where, root, base, numbers)
        except FaultError as fault:
            report(fault.finding)


def _entry(row: Row, where: str, root: Path, base: Path | None, numbers: frozenset[str]) -> Entry:
    """Return the item that a row describes; only a manifest (with a `base`) keeps to its own folder."""
    named = any(row.get(column) for column in ("image", "file_name"))
    image = image_of(row, where, base or root, root if base else Path(root.anchor)) if named else None
    return _item(row, image, where, root, numbers)


def _item(
    row: Row,
    image: Path | None,
    where: str,
    root: Path = Path(),
    numbers: frozenset[str] = frozenset(),
    *,
    pictured: bool = False,
) -> Entry:
    """Return the item of a row with its picture; without an id it has that of the picture within `root`."""
    texts = tuple(accepted_text(text, where=where) for text in strings_of(row, ("texts", "text"), where))
    if image is None and not texts and not pictured:
        do = "Name a picture in 'image', a text in 'text', or both."
        raise FaultError(Finding("empty item", where, "it has neither a picture nor a text", do))
    identity = identity_of(row["id"], where) if row.get("id") is not None else _own_id(image, root, where)
    _check_id(identity, where)
    cells = {name: value for name, value in row.items() if name not in RESERVED and value is not None and value != ""}
    metadata = {name: _value(name, float(cell) if name in numbers else cell, where) for name, cell in cells.items()}
    return Entry(identity, image, texts, where, metadata)


def _own_id(image: Path | None, root: Path, where: str) -> str:
    if image is None:
        do = "Give it one in 'id', so that it can be found and replaced."
        raise FaultError(Finding("missing id", where, "a text without a picture has no id of itself", do))
    return image.relative_to(absolute(root)).as_posix() if image.is_relative_to(absolute(root)) else image.as_posix()


def _check_id(identity: str, where: str) -> None:
    if "\0" in identity or len(identity.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        do = f"Give it at most {LONGEST_ID} bytes of UTF-8, without NUL."
        raise FaultError(Finding("bad id", where, f"the id {identity[:40]!r} cannot be kept", do))


def _value(name: str, value: Any, where: str) -> str | float | bool | tuple[str, ...]:
    """Return a cell of metadata; `FaultError` where no column can hold it."""
    if not name.isidentifier():
        do = "Name it with letters, digits and _ alone."
        raise FaultError(Finding("bad column", where, f"a column cannot be called {name!r}", do))
    for accepts, kept in _KINDS:
        if accepts(value):
            return kept(value)
    what = f"{name} must be a text, a number, true or false, or a list of texts; got {str(value)[:60]}"
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
"""Which values a column can hold, and as what; the first that accepts a value counts."""


def _of_pair(pair: Pair, dataset: DataSet, *, several: bool) -> Entry:
    """Return a pair as an item; `category` is a list where `several` says that some pair has more than one."""
    metadata: dict[str, str | float | bool | tuple[str, ...]] = {}
    if pair.categories:
        metadata["category"] = pair.categories if several else pair.categories[0]
    if dataset.attribution:
        metadata[ATTRIBUTION] = dataset.attribution
    return Entry(pair.id, pair.image, pair.texts, f"{dataset.name}, {pair.id}", metadata)
