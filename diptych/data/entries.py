"""The entries that a collection ingests: pictures, texts or both, each with an id and any columns of metadata.

A source is one of

    a folder of pictures        ids are paths within it; the metadata is `folder`, where the picture lies; or its URL
    a manifest, or its folder   as for training, but a row may lack the picture or the texts; other columns are metadata
    `-`                         one JSON object per line on standard input; paths are relative to the working directory
    a tar, a Parquet file       with the pictures in it (`diptych.data.tars`); a URL or a pattern with `*` names many
    a picture                   its name is its id
    a data set by name          its pairs with their categories and the credit that its licence asks for

Rows of one picture are one item with all their texts. `diptych.data.metadata` says what becomes of other columns.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os.path import commonpath
from pathlib import Path
from typing import NamedTuple

from diptych.data.addresses import Address, File, Picture, below, is_pattern, is_url, matching
from diptych.data.caption_rows import RowCounts, joined_neighbours, joined_rows, picture_key
from diptych.data.column_names import ColumnNames, Row
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.folder import find_manifests, has_manifest, manifest_at
from diptych.data.manifest import called, identity_of, image_of, strings_of
from diptych.data.manifest_rows import PACKED, TAR, key_rows, read_json_lines, read_rows
from diptych.data.metadata import CsvColumns, Metadata, Remark, metadata_of
from diptych.data.pairs import DataSet, Pair
from diptych.data.paths import absolute, check_length
from diptych.data.picture_plug_ins import missing_plug_in
from diptych.data.pictures import SUFFIXES as PICTURES
from diptych.data.row_faults import NoColumnError, RowFaults
from diptych.data.sources import is_named_set, open_data
from diptych.data.texts import accepted_text, lone_surrogate
from diptych.data.walking import FolderWalk
from diptych.errors import MissingData, MissingExtra

ATTRIBUTION = "attribution"
"""The column of the credit that must appear beside a picture."""
STDIN = "-"
LONGEST_ID = 512
"""Bytes of UTF-8 that an id may have."""


@dataclass(frozen=True)
class Entry:
    """One item before it is encoded."""

    id: str
    image: Picture | None
    texts: tuple[str, ...]
    where: str
    """The file and line, or the path, that it comes from."""
    metadata: Metadata = field(default_factory=dict)
    origin: str = ""
    """What the id is the end of if its source gave none: the whole path of the picture, or of a tar and a sample."""


class Reading(NamedTuple):
    """How sources are read: where faults and remarks go, the folder that ids begin in, the names of columns."""

    report: Report
    remark: Remark
    root: Path | None
    names: ColumnNames


def read_entries(
    source: str,
    *,
    report: Report,
    remark: Remark = lambda remark: None,
    root: Path | None = None,
    data_root: Path | None = None,
    columns: Sequence[str] = (),
) -> Iterator[Entry]:
    """Yield the items of a source one by one; faulty ones are reported and left out.

    `remark` takes what is worth saying once about files and columns. Ids begin in the folder `root`, by default in each
    source's own; `data_root` is where data sets lie that are called by name. `columns` say what columns of manifests
    mean, as in `text=title`.
    """
    check_length(source)
    path, reading = Path(source), Reading(report, remark, root, ColumnNames.of(columns).with_categories_kept())
    if source == STDIN:
        yield from _entries_on_stdin(reading)
    elif is_pattern(source):
        files = matching(source)
        within = reading._replace(root=root or shared_folder(map(str, files)))
        for file in files:
            yield from _entries_at(file, within)
    elif path.is_file() and path.suffix.lower() in (*PACKED, *PICTURES):
        yield from _entries_at(path, reading)
    elif path.is_file() and (package := missing_plug_in(path.suffix)):
        raise MissingExtra(f"'{source}' is a picture that needs another package: pip install {package}.")
    elif path.is_dir() and not is_named_set(source):
        yield from _folder_entries(path, reading)
    else:
        dataset = open_data(source, root=data_root, draw=False, report=reading.report)
        several = any(len(pair.categories) > 1 for pair in dataset.pairs)
        yield from (_of_pair(pair, dataset, several=several) for pair in dataset.pairs)


def shared_folder(sources: Iterable[str]) -> Path | None:
    """Return the folder that holds all local pictures and folders of pictures among sources; None for fewer than two.

    >>> shared_folder(["/photos/2023", "/photos/2024"]), shared_folder(["/photos/2023", "openmoji"])
    (PosixPath('/photos'), None)
    """
    sources = list(sources)
    for source in sources:
        check_length(source)
    local = [path for source in sources if not is_url(source) and source != STDIN for path in _places(source)]
    named = [path for path in local if path.suffix.lower() not in PACKED and not (path.is_dir() and has_manifest(path))]
    folders = [str(absolute(path if path.is_dir() else path.parent)) for path in named]
    return Path(commonpath(folders)) if len(folders) > 1 else None


def entry_of(row: Row, *, pictured: bool, where: str, remark: Remark) -> Entry:
    """Return the item that a row describes, without its picture, which is read separately; `FaultError` if faulty."""
    if any(row.get(column) for column in ("image", "file_name")):
        do = "Hand the picture itself over."
        raise FaultError(Finding("bad item", where, "it names the file of a picture, which is not looked for", do))
    if row.get("id") is None:
        do = "Give it an 'id', so that it can be replaced later."
        raise FaultError(Finding("missing id", where, "it has no id", do))
    return _item(row, None, where, Path(), CsvColumns(), remark, pictured=pictured)


def _places(source: str) -> list[Path]:
    """Return the files and folders that a source means; none for a data set's name."""
    if is_named_set(source):
        return []
    return [Path(str(file)) for file in matching(source)] if is_pattern(source) else [Path(source)]


def _entries_at(file: File, reading: Reading) -> Iterator[Entry]:
    """Yield the items of a file, or of a remote folder."""
    suffix = file.suffix.lower()
    if suffix in PACKED:
        folder = file.parent if isinstance(file, Path) else Address(file.place.rpartition("/")[0])
        yield from _manifest_entries(file, folder, reading)
    elif suffix in PICTURES:
        yield _picture(
            file, Address(file.place.rpartition("/")[0]) if isinstance(file, Address) else file.parent, reading
        )
    elif isinstance(file, Path) and file.is_dir():
        yield from _folder_entries(file, reading)
    elif isinstance(file, Address) and (manifest := manifest_at(file.place)):
        yield from _entries_at(manifest, reading)
    elif isinstance(file, Address):
        yield from _remote_entries(file, reading)
    else:
        raise MissingData(f"'{file}' is neither a picture nor a file of pairs. Name one of {', '.join(PACKED)}.")


def _folder_entries(folder: Path, reading: Reading) -> Iterator[Entry]:
    if has_manifest(folder):
        for manifest in find_manifests(folder):
            yield from _manifest_entries(manifest.path, folder, reading)
        return
    walk, found = FolderWalk(folder), False
    for path in walk:
        found = True
        try:
            yield _picture(path, folder, reading)
        except FaultError as fault:
            reading.report(fault.finding)
    if not found:
        beside = f" {remark}" if (remark := walk.remark()) else ""
        raise MissingData(f"'{folder}' holds neither pictures nor a manifest.{beside} Name a folder that does.")
    if remark := walk.remark():
        reading.remark(remark)


def _remote_entries(folder: Address, reading: Reading) -> Iterator[Entry]:
    pictures = [address for address in below(folder.place) if address.suffix.lower() in PICTURES]
    if not pictures:
        raise MissingData(f"'{folder}' holds no pictures. Name a folder that does, or a file of pairs.")
    for address in pictures:
        yield _picture(address, folder, reading)


def _picture(picture: Picture, folder: File, reading: Reading) -> Entry:
    """Return a picture as an item: its id is its path within the folder that sources share, or within its own."""
    own = absolute(picture) if isinstance(picture, Path) else picture
    inside = called(own, reading.root if isinstance(own, Path) and reading.root else folder)
    _check_id(inside, str(picture))
    place = {"folder": inside.rpartition("/")[0]} if "/" in inside else {}
    return Entry(inside, own, (), str(picture), place, origin=str(own))


def _entries_on_stdin(reading: Reading) -> Iterator[Entry]:
    """Yield the items of lines that come once; those of one picture must follow one another."""

    def late(entry: Entry) -> None:
        do = "Let the rows of one picture follow one another, or give each an id."
        reading.report(Finding("rows apart", entry.where, "other rows of its picture came before", do))

    rows = read_json_lines(sys.stdin.buffer, where="stdin", report=reading.report)
    named = ((line, reading.names.renamed(row)) for line, row in rows)
    described = _described(named, "stdin", Path.cwd(), None, CsvColumns(), reading)
    yield from joined_neighbours(described, _joining(reading.remark), late=late)


def _manifest_entries(path: File, root: File, reading: Reading) -> Iterator[Entry]:
    where = called(path, root)
    columns, counts = CsvColumns(), RowCounts(())
    if path.suffix.lower() == ".csv":
        rows = read_rows(path, where=where, report=lambda finding: None, names=reading.names)
        columns = CsvColumns.of(row for _, row in rows)
    if path.suffix.lower() != TAR:
        counts = RowCounts(key_rows(path, where=where, names=reading.names))
    rows = read_rows(path, where=where, report=reading.report, names=reading.names)
    base = path.parent if isinstance(path, Path) else path
    described = _described(rows, where, root, base, columns, reading)
    entries = joined_rows(described, counts, _joining(reading.remark))
    if path.suffix.lower() == TAR:
        # a sample's name is of its own tar
        place = str(absolute(path) if isinstance(path, Path) else path)[: -len(TAR)]
        entries = (replace(entry, origin=f"{place}/{entry.id}") for entry in entries)
    yield from entries


def _described(
    rows: Iterable[tuple[int, Row]], file: str, root: File, base: File | None, columns: CsvColumns, reading: Reading
) -> Iterator[tuple[str | None, Entry | None]]:
    """Yield for each row what tells its picture from others, and its item; None if it is faulty."""
    faults = RowFaults(file, reading.report)
    for line, row in rows:
        try:
            yield picture_key(row), _entry(row, f"{file}, line {line}", root, base, columns, reading.remark)
        except FaultError as fault:
            faults.add(fault)
            yield picture_key(row), None
        else:
            faults.usable()
    faults.end()


def _joining(remark: Remark) -> Callable[[Entry, Entry], Entry]:
    """Return what joins two rows of one picture."""

    def join(first: Entry, second: Entry) -> Entry:
        for name, value in second.metadata.items():
            if first.metadata.get(name, value) != value:
                remark(f"rows of one picture differ in the column {name}: the first row's value is kept.")
        return replace(first, texts=first.texts + second.texts, metadata={**second.metadata, **first.metadata})

    return join


def _entry(row: Row, where: str, root: File, base: File | None, columns: CsvColumns, remark: Remark) -> Entry:
    """Return the item that a row describes; only a manifest (with a `base`) is confined to its own folder."""
    confines = root if base or isinstance(root, Address) else Path(root.anchor)
    image = image_of(row, where, base or root, confines) if row.get("image") else None
    return _item(row, image, where, root, columns, remark)


def _item(
    row: Row,
    image: Picture | None,
    where: str,
    root: File,
    columns: CsvColumns,
    remark: Remark,
    *,
    pictured: bool = False,
) -> Entry:
    """Return the item of a row with its picture; without an id, it takes the picture's path within `root`."""
    texts = tuple(accepted_text(text, where=where) for text in strings_of(row, ("texts", "text"), where))
    if image is None and not texts and not pictured:
        do = "Name a picture in 'image', a text in 'text', or both."
        finding = Finding("empty item", where, "it has neither a picture nor a text", do)
        raise FaultError(finding) if row.keys() & {"image", "text", "texts"} else NoColumnError(finding, row)
    named = row.get("id") is not None
    identity = identity_of(row["id"], where) if named else _own_id(image, root, where)
    _check_id(identity, where)
    metadata = metadata_of(row, columns, remark)
    return Entry(identity, image, texts, where, metadata, origin="" if named else str(image))


def _own_id(image: Picture | None, root: File, where: str) -> str:
    if image is None:
        do = "Give it an 'id', so that it can be replaced later."
        raise FaultError(Finding("missing id", where, "a text without a picture has no default id", do))
    return called(image, root)


def _check_id(identity: str, where: str) -> None:
    if lone_surrogate(identity):
        do = "Rename the file, or write the id again, in UTF-8."
        raise FaultError(Finding("bad id", where, "its name or id is not UTF-8", do))
    if "\0" in identity or len(identity.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        do = f"Give it at most {LONGEST_ID} bytes of UTF-8, without NUL."
        raise FaultError(Finding("bad id", where, f"the id {identity[:40]!r} cannot be stored", do))


def _of_pair(pair: Pair, dataset: DataSet, *, several: bool) -> Entry:
    """Return a pair as an item; `category` is a list if `several`, that is if some pair has more than one."""
    metadata: dict[str, str | float | bool | tuple[str, ...]] = {}
    if pair.categories:
        metadata["category"] = pair.categories if several else pair.categories[0]
    if dataset.attribution:
        metadata[ATTRIBUTION] = dataset.attribution
    return Entry(pair.id, pair.image, pair.texts, f"{dataset.name}, {pair.id}", metadata)
