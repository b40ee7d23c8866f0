"""Rows of a manifest file, whatever its format."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from diptych.data.addresses import Address, File
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.tars import read_samples
from diptych.errors import BadManifest, MissingData

Row = Mapping[str, Any]

SUFFIXES = (".jsonl", ".csv", ".parquet")
"""Formats that a manifest may have."""
TAR = ".tar"
"""The suffix of a file in the manner of WebDataset, which holds pictures beside their texts."""
PACKED = (*SUFFIXES, TAR)
"""The suffixes of all files that rows are read from."""
PICTURED = ("image", "file_name")
"""Columns that name or hold a picture."""
AT_ONCE = 256
"""How many rows of a Parquet file are in memory at a time, since they may hold pictures."""


def read_rows(path: File, *, where: str, report: Report) -> Iterator[tuple[int, Row]]:
    """Yield each row of a JSONL, CSV, Parquet or tar file with its line number, counted from 1.

    Blank lines are skipped. A row that cannot be read is reported and passed over; `where` names the file.
    A line number counts the header of a CSV file; in a Parquet or tar file it is the row's. Pictures that such a file
    holds are addresses with their content at hand.
    """
    if not path.is_file():
        raise MissingData(f"the manifest '{path}' does not exist. Name a {', '.join(PACKED)} file.")
    match path.suffix.lower():
        case ".jsonl":
            with opened(path) as file:
                yield from read_json_lines(file, where=where, report=report)
        case ".csv":
            yield from _read_csv(path, where, report)
        case ".parquet":
            yield from _read_parquet(path, where)
        case ".tar":
            source = str(path.absolute()) if isinstance(path, Path) else str(path)
            with opened(path) as stream:
                yield from read_samples(stream, source=source, where=where, report=report)
        case suffix:
            raise BadManifest(f"{where}: a manifest must be a {', '.join(PACKED)} file; got {suffix or 'no suffix'!r}.")


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
        what = f"it must be a JSON object; got a {type(row).__name__}"
        raise FaultError(Finding("bad line", where, what, "Write one JSON object per line."))
    return row


def _read_csv(path: File, where: str, report: Report) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a CSV file; a fault that loses track of rows ends the reading."""
    with io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        try:
            for row in rows:
                if None in row:
                    what = "it has more cells than the header"
                    report(
                        Finding("bad line", f"{where}, line {rows.line_num}", what, "Put texts with commas in quotes.")
                    )
                else:
                    yield rows.line_num, row
        except UnicodeDecodeError as error:
            report(_not_utf8(where, error))
        except csv.Error as error:
            what = f"the rest cannot be read ({error})"
            do = "Fix the quotes; for long texts use a .jsonl or .parquet file."
            report(Finding("bad line", f"{where}, after line {rows.line_num}", what, do))


def _read_parquet(path: File, where: str) -> Iterator[tuple[int, Row]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        with opened(path) as file, ParquetFile(file) as table:
            for batch in table.iter_batches(AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name: _cell(path, name, number - 1, value) for name, value in row.items()}
    except (ArrowException, OSError) as error:
        raise BadManifest(f"{where} cannot be read as Parquet: {error}. Write it again.") from error


def _cell(path: File, name: str, row: int, value: Any) -> Any:
    """Return a cell; the bytes of a picture, or bytes and path as Hugging Face keeps them, as an address."""
    content = value.get("bytes") if isinstance(value, dict) and name in PICTURED else value
    if not isinstance(content, bytes):
        return value
    return Address(str(path), name, row, data=content)


def _not_utf8(where: str, error: UnicodeDecodeError) -> Finding:
    what = f"byte {error.start} (0x{error.object[error.start]:02x}) is not UTF-8"
    return Finding("encoding", where, what, "Save the file as UTF-8.")
