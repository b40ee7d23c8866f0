"""Tars in the manner of WebDataset: files that follow one another and share a name up to its first dot are one sample.

    000012.jpg      the picture
    000012.txt      a text; also `.text` or `.caption`
    000012.json     an object with any columns of a row: `texts`, `category`, `split`, ...
    000012.cls      the category

The sample's id is what its files share. The picture stays in the tar: it is known by where its bytes are.
"""

import json
import tarfile
from collections.abc import Iterator
from itertools import groupby
from typing import IO, Any

from diptych.data.addresses import Address
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.pictures import SUFFIXES
from diptych.errors import BadManifest

TEXTS = ("txt", "text", "caption")
"""What files of texts end with."""


def read_samples(stream: IO[bytes], *, source: str, where: str, report: Report) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the row that each sample makes, with its number, counted from 1; one that is broken is reported.

    `source` is the path or address of the tar, by which its pictures are found again.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            files = (member for member in archive if member.isfile())
            for number, (key, members) in enumerate(groupby(files, lambda member: _key(member.name)), start=1):
                row: dict[str, Any] = {"id": key, "image": None}
                try:
                    for member in members:
                        row |= _columns(archive, member, source, f"{where}, {member.name}")
                except FaultError as fault:
                    report(fault.finding)
                else:
                    yield number, row
    except tarfile.TarError as error:
        raise BadManifest(f"{where} cannot be read as a tar file: {error}. Write it again, uncompressed.") from error


def _key(name: str) -> str:
    """Return what the files of a sample share.

    >>> _key("cats/000012.seg.png")
    'cats/000012'
    """
    folder, slash, last = name.removeprefix("./").rpartition("/")
    return folder + slash + last.partition(".")[0]


def _columns(archive: tarfile.TarFile, member: tarfile.TarInfo, source: str, where: str) -> dict[str, Any]:
    """Return what a file of a sample says."""
    kind = member.name.rpartition("/")[2].partition(".")[2].lower()
    if f".{kind}" in SUFFIXES:
        return {"image": Address(source, member.name, member.offset_data, member.size, _content(archive, member))}
    if kind not in (*TEXTS, "json", "cls"):
        return {}
    try:
        text = _content(archive, member).decode("utf-8-sig").strip()
        if kind == "json":
            return _object(text, where)
    except UnicodeDecodeError as error:
        raise FaultError(Finding("encoding", where, f"{error}", "Save the file as UTF-8.")) from error
    return {"category" if kind == "cls" else "text": text}


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FaultError(Finding("bad line", where, f"it is not JSON ({error})", "Write one object.")) from error
    if not isinstance(value, dict):
        what = f"it must be a JSON object; got a {type(value).__name__}"
        raise FaultError(Finding("bad line", where, what, "Write one object."))
    return {name: each for name, each in value.items() if name not in ("id", "image", "file_name")}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
