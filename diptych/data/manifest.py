"""Manifests: one row a pair, in a JSONL, CSV or Parquet file.

    id          unique; left out, it is the picture's path; rows of the same picture (and id) become one pair
    image       the picture's path, relative to the manifest; null for no picture
    texts       a list of texts, or `text` for one
    categories  a list, or `category` for one; left out where there are none
    split       train, val (also validation, valid, dev) or test; in every row, or in none: then the folders
                that pictures lie in are the splits if all are called so, else one is drawn

In a CSV cell a list is written as JSON: `["a cat", "a black cat"]`. `diptych.data.column_names` lists other names that
columns may have.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as short
from typing import Any

from diptych.data.addresses import Address, File, Picture, is_local, is_url
from diptych.data.column_names import USUAL_NAMES, ColumnNames, Row
from diptych.data.findings import FaultError, Finding, Report, refuse
from diptych.data.manifest_rows import read_rows
from diptych.data.pairs import DataSet, Pair
from diptych.data.paths import absolute, confined, is_there
from diptych.data.row_faults import NoColumnError, RowFaults
from diptych.data.texts import accepted_text, kind_of_json

SPLITS = {
    "train": "train",
    "val": "val",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "test": "test",
}
"""The accepted names of each split, and our own."""


@dataclass(frozen=True)
class Source:
    """A manifest file, and the split of its rows if its location implies one."""

    path: File
    split: str | None = None
    title: str = ""
    """What messages call it; by default its path in the data set's folder."""


@dataclass(frozen=True)
class _Entry:
    pair: Pair
    split: str | None
    where: str
    named: bool
    """Whether the row gave an id."""


def read_manifest(path: Path, *, name: str, report: Report = refuse) -> DataSet:
    """Return the data set that one manifest file describes; its folder is the data set's."""
    return read_manifests([Source(path)], root=path.parent, name=name, report=report)


def read_manifests(
    sources: Sequence[Source], *, root: File, name: str, report: Report = refuse, names: ColumnNames = USUAL_NAMES
) -> DataSet:
    """Return the data set that manifest files in the folder `root`, which may lie in the net, describe together.

    A faulty row is reported and left out. Where no row names a split, there are none.
    """
    root = absolute(root) if isinstance(root, Path) else root
    entries = _in_folder_splits(
        _unique([entry for source in sources for entry in _entries(source, root, report, names)], report), root
    )
    if not entries:
        do = "Write one row a pair, with image and texts."
        report(Finding("no pairs", ", ".join(map(_name, sources)), "it holds no usable pair", do))
    pairs = tuple(entry.pair for entry in entries)
    if all(entry.split is None for entry in entries):
        return DataSet(name, pairs, {})
    splits: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for row, entry in enumerate(entries):
        if entry.split is None:
            do = "Name a split in every row, or in none."
            report(Finding("missing split", entry.where, "it names no split, though other rows do", do))
        else:
            splits[entry.split].append(row)
    return DataSet(name, pairs, {}).with_splits(splits, seed=None)


def _name(source: Source) -> str:
    if source.title:
        return source.title
    return source.path.name if isinstance(source.path, Path) else source.path.path.name


def _entries(source: Source, root: File, report: Report, names: ColumnNames) -> Iterable[_Entry]:
    path = absolute(source.path) if isinstance(source.path, Path) else source.path
    file = source.title or called(path, root)
    faults = RowFaults(file, report)
    for line, row in read_rows(path, where=file, report=report, names=names):
        where = f"{file}, line {line}"
        try:
            entry = _entry(row, where, source, root)
        except FaultError as fault:
            faults.add(fault)
        else:
            faults.usable()
            yield entry
    faults.end()


def _entry(row: Row, where: str, source: Source, root: File) -> _Entry:
    path = source.path
    image = image_of(row, where, absolute(path).parent if isinstance(path, Path) else path, root)
    texts = tuple(accepted_text(text, where=where) for text in strings_of(row, ("texts", "text"), where))
    if not texts:
        do = "Give a list in 'texts', or one text in 'text'."
        finding = Finding("empty text", where, "it has no text", do)
        raise FaultError(finding) if row.keys() & {"text", "texts"} else NoColumnError(finding, row)
    named = row.get("id") is not None
    own = called(image, root) if image else where
    if isinstance(image, Address):
        image = image.alone()
    pair = Pair(identity_of(row["id"], where) if named else own, image, texts, _categories(row, where))
    return _Entry(pair, _split(row, where, source), where, named)


def identity_of(value: Any, where: str) -> str:
    """Return an id as a text; `FaultError` if it is neither a text nor a number."""
    if not isinstance(value, str | int) or not str(value).strip():
        what = f"the id must be a string or a number; got {short(value)}"
        raise FaultError(Finding("bad line", where, what, "Give each pair its own."))
    return str(value)


def called(file: Picture, root: File) -> str:
    """Return what a file is called within a folder; its whole path or address where it lies elsewhere."""
    if isinstance(file, Address):
        return file.within(str(absolute(root) if isinstance(root, Path) else root))
    inside = isinstance(root, Path) and file.is_relative_to(absolute(root))
    return (file.relative_to(absolute(root)) if isinstance(root, Path) and inside else file).as_posix()


def image_of(row: Row, where: str, base: File, root: File) -> Picture | None:
    """Return the picture that a row names, seen from the folder `base` or from a manifest in the net.

    `FaultError` when it leads out of the data set's folder, or is a path where nothing is: addresses are not looked up.
    """
    if "image" not in row:
        do = "Name the picture in 'image', or write null there."
        raise NoColumnError(Finding("bad line", where, "it has no column for the picture", do), row)
    value = row["image"]
    if value is None or value == "" or isinstance(value, Address):
        return value or None
    if not isinstance(value, str):
        what = f"image must be a path; got {kind_of_json(value)}"
        raise FaultError(Finding("bad line", where, what, "Save the pictures as files and name them."))
    if is_url(value) or not (isinstance(base, Path) and isinstance(root, Path)):
        return _address(value, base, where)
    path = confined(value, base=base, root=root, where=where)
    if not is_there(path):
        what = f"image {value!r} does not exist"
        raise FaultError(Finding("missing image", where, what, "Paths are relative to the manifest."))
    return path


def _address(value: str, base: File, where: str) -> Address:
    """Return the address that a manifest names: a URL into the net, or a name beside a manifest that lies there."""
    try:
        outside = is_local(value)
    except ValueError as error:
        what = f"image {value!r} is no URL ({error})"
        raise FaultError(Finding("bad line", where, what, "Give a URL as a browser shows it.")) from error
    if outside or (not is_url(value) and (value.startswith("/") or ".." in value.split("/"))):
        do = "Name a file next to the manifest, or give a URL."
        raise FaultError(Finding("path outside", where, f"{value!r} leads out of the data set's folder", do))
    return Address(value) if is_url(value) or isinstance(base, Path) else base.beside(value)


def strings_of(row: Row, columns: tuple[str, str], where: str) -> list[str]:
    """Return the texts in the column of many or of one: a list, a JSON list in a cell of many, or one text."""
    column = next((name for name in columns if row.get(name) is not None), None)
    if column is None:
        return []
    value = row[column]
    if isinstance(value, str) and column == columns[0] and value.lstrip().startswith("["):
        value = _json_list(value, column, where)
    values = value if isinstance(value, list) else [value]
    for item in values:
        if not isinstance(item, str):
            what = f"{column} must hold text; got {short(item)}"
            raise FaultError(Finding("bad line", where, what, "Put it in quotes."))
    return values


def _json_list(cell: str, column: str, where: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        what = f"{column} is not a JSON list ({error})"
        raise FaultError(Finding("bad line", where, what, 'Write ["one", "two"].')) from error


def _categories(row: Row, where: str) -> tuple[str, ...]:
    numbered = {name: _spelt(row[name]) for name in ("categories", "category") if row.get(name) is not None}
    categories = tuple(strings_of(numbered, ("categories", "category"), where))
    if any(not category.strip() for category in categories):
        do = "Name the category, or leave it out."
        raise FaultError(Finding("empty category", where, "the category is empty", do))
    return categories


def _spelt(category: Any) -> Any:
    """Return a category that is a whole number as text; a list of them likewise."""
    several = category if isinstance(category, list) else [category]
    spelt = [str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in several]
    return spelt if isinstance(category, list) else spelt[0]


def _split(row: Row, where: str, source: Source) -> str | None:
    """Return the split that the row names, else its manifest's."""
    named = row.get("split")
    if named is None:
        return source.split
    if not isinstance(named, str) or named not in SPLITS:
        what = f"the split {short(named)} is unknown"
        raise FaultError(Finding("bad line", where, what, f"Use one of {', '.join(SPLITS)}."))
    return SPLITS[named]


def _in_folder_splits(entries: Sequence[_Entry], root: File) -> list[_Entry]:
    """Return the entries, in the splits that all their pictures' folders are called after, if no row names one."""
    if any(entry.split or entry.pair.image is None for entry in entries):
        return list(entries)
    folders = [called(entry.pair.image, root).partition("/")[0] for entry in entries if entry.pair.image]
    if not set(folders) <= SPLITS.keys() or len({SPLITS[folder] for folder in folders}) < 2:
        return list(entries)
    return [replace(entry, split=SPLITS[folder]) for entry, folder in zip(entries, folders, strict=True)]


def _unique(entries: Iterable[_Entry], report: Report) -> list[_Entry]:
    """Return the entries with ids all different: rows of one picture joined, repeated ids reported and left out."""
    by_id: dict[str, _Entry] = {}
    for entry in entries:
        first = by_id.setdefault(entry.pair.id, entry)
        if first is entry:
            continue
        if (entry.named or first.named) and not _same_picture(entry.pair, first.pair):
            what = f"the id {entry.pair.id!r} is already used by {first.where}"
            report(Finding("duplicate id", entry.where, what, "Give each pair its own."))
        elif entry.split != first.split:
            what = f"its picture is in the split {entry.split!r} here and in {first.split!r} at {first.where}"
            report(Finding("picture in two splits", entry.where, what, "Keep a picture in one split."))
        else:
            by_id[entry.pair.id] = replace(first, pair=_joined(first.pair, entry.pair))
    return list(by_id.values())


def _same_picture(pair: Pair, other: Pair) -> bool:
    return pair.image is not None and pair.image == other.image


def _joined(first: Pair, second: Pair) -> Pair:
    categories = tuple(dict.fromkeys(first.categories + second.categories))
    return replace(first, texts=first.texts + second.texts, categories=categories)
