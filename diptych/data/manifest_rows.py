"""Rows of a manifest file, whatever its format."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from diptych.data.addresses import Address, File
from diptych.data.column_names import USUAL_NAMES, ColumnNames, Row
from diptych.data.csv_rows import read_csv_rows
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.paths import absolute
from diptych.data.tars import read_samples
from diptych.data.texts import kind_of_json
from diptych.errors import BadManifest, MissingData

SUFFIXES = (".jsonl", ".csv", ".parquet")
"""Formats that a manifest may have."""
TAR = ".tar"
"""The suffix of a file in the manner of WebDataset, which holds pictures beside their texts."""
PACKED = (*SUFFIXES, TAR)
"""The suffixes of all files that rows are read from."""
_UNREADABLE = (ValueError, OverflowError, KeyError, NotImplementedError)
"""What arises where Python cannot hold a cell of a Parquet file."""
AT_ONCE = 256
"""How many rows of a Parquet file are in memory at a time, since they may hold pictures."""


def read_rows(
    path: File,
    *,
    where: str,
    report: Report,
    names: ColumnNames = USUAL_NAMES,
    columns: Sequence[str] | None = None,
) -> Iterator[tuple[int, Row]]:
    """Yield each row of a JSONL, CSV, Parquet or tar file with its line number, counted from 1.

    Its columns have our names wherever `names` recognises them.

    Blank lines are skipped. A row that cannot be read is reported and passed over; `where` names the file.
    A line number counts the header of a CSV file; in a Parquet or tar file it is the row's. Pictures that such a file
    holds are addresses with their content at hand. `columns` are those to read of a Parquet file; all by default.
    """
    if not path.is_file():
        raise MissingData(f"the manifest '{path}' does not exist. Name a {', '.join(PACKED)} file.")
    for line, row in _rows(path, where, report, names, columns):
        yield line, names.renamed(row)


def _rows(
    path: File, where: str, report: Report, names: ColumnNames, columns: Sequence[str] | None
) -> Iterator[tuple[int, Row]]:
    match path.suffix.lower():
        case ".jsonl":
            with opened(path) as file:
                yield from read_json_lines(file, where=where, report=report)
        case ".csv":
            yield from _read_csv(path, where, report)
        case ".parquet":
            yield from _read_parquet(path, where, names.pictured, columns)
        case ".tar":
            source = str(absolute(path) if isinstance(path, Path) else path)
            with opened(path) as stream:
                yield from read_samples(stream, source=source, where=where, report=report)
        case suffix:
            raise BadManifest(f"{where}: a manifest must be a {', '.join(PACKED)} file; got {suffix or 'no suffix'!r}.")


def key_rows(path: File, *, where: str, names: ColumnNames = USUAL_NAMES) -> Iterator[Row]:
    """Yield the rows that can be read, of a Parquet file only the id and the columns that name a picture."""
    columns = None
    if path.suffix.lower() == ".parquet":
        from pyarrow import types

        with _parquet(path, where) as table:
            schema = table.schema_arrow
            named = [each.name for each in schema if each.name in names.pictured and types.is_string(each.type)]
            identity = {"id", names.given.get("id")} & set(schema.names)
            columns = [*named, *identity] if named else []
    if columns != []:
        for _, row in read_rows(path, where=where, report=lambda finding: None, names=names, columns=columns):
            yield row


def opened(path: File) -> Any:
    """Return a local or remote file as a stream of bytes."""
    return path.open("rb") if isinstance(path, Path) else path.open()


def read_json_lines(lines: Iterable[bytes], *, where: str, report: Report) -> Iterator[tuple[int, Row]]:
    """Yield the object in each line of JSONL with the line's number; blank lines are skipped, faults reported."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, _parse_line(line, f"{where}, line {number}")
        except FaultError as fault:
            report(fault.finding)


def _parse_line(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FaultError(_not_utf8(where, error)) from error
    except (ValueError, RecursionError) as error:
        what = f"it is not JSON ({error})"
        raise FaultError(Finding("bad line", where, what, "Write one JSON object per line.")) from error
    if not isinstance(row, dict):
        what = f"it must be a JSON object; got {kind_of_json(row)}"
        raise FaultError(Finding("bad line", where, what, "Write one JSON object per line."))
    return row


def _read_csv(path: File, where: str, report: Report) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a CSV file by the names in its first row, which may have blanks around them."""
    with io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="") as file:
        names: list[str] | None = None
        try:
            for line, cells, fault in read_csv_rows(file):
                at = f"{where}, line {line}"
                if fault:
                    do = "Fix the quotes (one within a text is doubled); for long texts use a .jsonl or .parquet file."
                    report(Finding("bad line", at, fault, do))
                    if names is None:
                        return
                elif names is not None and len(cells) > len(names):
                    do = "Put texts with commas in quotes."
                    report(Finding("bad line", at, "it has more cells than the header", do))
                elif names is None:
                    names = [cell.strip() for cell in cells]
                else:
                    yield line, dict(zip_longest(names, cells))
        except UnicodeDecodeError as error:
            report(_not_utf8(where, error))


def _read_parquet(
    path: File, where: str, pictured: Set[str], columns: Sequence[str] | None
) -> Iterator[tuple[int, Row]]:
    number = 0
    with _parquet(path, where) as table:
        for batch in table.iter_batches(AT_ONCE, columns=columns):
            for row in _rows_of(batch):
                number += 1
                yield number, {n: _cell(path, n, number - 1, v) if n in pictured else v for n, v in row.items()}


@contextmanager
def _parquet(path: File, where: str) -> Iterator[Any]:
    """Open a Parquet file; `BadManifest` if it cannot be read, be it later on."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with opened(path) as file, ParquetFile(file) as table:
            yield table
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BadManifest(f"{where} cannot be read as Parquet: {reason}. Write it again.") from error


def _rows_of(batch: Any) -> list[dict[str, Any]]:
    """Return the rows of a batch, even where a text is not UTF-8 or a date is beyond all calendars."""
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except _UNREADABLE:
        return [dict(zip(batch.schema.names, map(_python, cells), strict=True)) for cells in zip(*batch, strict=True)]
    return rows


def _python(cell: Any) -> Any:
    """Return a cell; as a text, with halves of letters where it is not UTF-8, or as None if Python cannot hold it."""
    try:
        return cell.as_py()
    except _UNREADABLE:
        if hasattr(cell, "as_buffer"):
            return cell.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
        if hasattr(cell, "values"):
            return [_python(each) for each in cell.values]
    try:
        return cell.cast("string").as_py()
    except _UNREADABLE:
        return None


def _cell(path: File, name: str, row: int, value: Any) -> Any:
    """Return a cell; the bytes of a picture, or bytes and path as Hugging Face keeps them, as an address."""
    content = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(value, dict) and content is None and isinstance(value.get("path"), str):
        return value["path"]
    if not isinstance(content, bytes):
        return value
    return Address(str(absolute(path) if isinstance(path, Path) else path), name, row, data=content)


def _not_utf8(where: str, error: UnicodeDecodeError) -> Finding:
    what = f"byte {error.start} (0x{error.object[error.start]:02x}) is not UTF-8"
    return Finding("encoding", where, what, "Save the file as UTF-8.")
