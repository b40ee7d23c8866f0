"""Tars in the manner of WebDataset: files that share a name up to its first dot are one sample.

    000012.jpg      the picture
    000012.txt      a text; also `.text` or `.caption`
    000012.json     an object with any columns of a row: `texts`, `category`, `split`, ...
    000012.cls      the category

The sample's id is what its files share. Where nothing is called so plainly (`p.2020.01.png`, `p.2020.01.txt`), names
are shared up to their last dot. Hidden files, as macOS writes them beside others (`._000012.jpg`), are skipped. The
picture stays in the tar: it is known by where its bytes are.
"""

import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import IO, Any

from diptych.data.addresses import Address, is_url
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.pictures import SUFFIXES
from diptych.data.texts import kind_of_json
from diptych.errors import BadManifest

TEXTS = ("txt", "text", "caption")
"""What files of texts end with."""

_OTHERS = ("json", "cls")
_BLOCK = 512
"""Bytes of a header; a tar ends with two blocks of zeros."""

Member = tarfile.TarInfo
Sample = tuple[str, Sequence[tuple[str, Member]]]
"""What the files of a sample share, and the files by the rest of their names."""


def read_samples(stream: IO[bytes], *, source: str, where: str, report: Report) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the row that each sample makes, with its number, counted from 1; one that is broken is reported.

    `source` is the path or address of the tar, by which its pictures are found again. The files of a sample may lie
    anywhere in a local tar, and must follow one another in one that is read from the net. `BadManifest` if the tar
    cannot be read or has no end; a local one is checked before the first sample.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            samples = _in_sequence(archive, where, report) if is_url(source) else _anywhere(archive, stream, where)
            for number, (key, members) in enumerate(samples, start=1):
                row: dict[str, Any] = {"id": key, "image": None}
                try:
                    for kind, member in members:
                        said = _columns(archive, member, kind, source, f"{where}, {member.name}")
                        row |= _together(row, said, f"{where}, {member.name}")
                except FaultError as fault:
                    report(fault.finding)
                else:
                    yield number, row
            _check_end(archive, stream, where)
    except tarfile.TarError as error:
        raise BadManifest(f"{where} cannot be read as a tar file: {error}. Write it again, uncompressed.") from error


def _anywhere(archive: tarfile.TarFile, stream: IO[bytes], where: str) -> Iterator[Sample]:
    """Yield the samples of a tar whose headers can be read first, in the order of their first files."""
    groups: dict[str, list[Member]] = defaultdict(list)
    for member in archive.getmembers():
        if _counts(member):
            groups[_key(member.name)].append(member)
    _check_end(archive, stream, where)
    for key, members in groups.items():
        yield from _named(key, members)


def _in_sequence(archive: tarfile.TarFile, where: str, report: Report) -> Iterator[Sample]:
    """Yield the samples of a tar that is read once, from its beginning to its end."""
    gone: set[str] = set()
    for key, members in groupby(filter(_counts, archive), lambda member: _key(member.name)):
        if key in gone:
            do = "Write the tar again with the files of a sample side by side: tar --sort=name."
            report(Finding("files apart", f"{where}, {key}", "other files of this sample came before", do))
            continue
        gone.add(key)
        yield from _named(key, list(members))


def _named(key: str, members: Sequence[Member]) -> Iterator[Sample]:
    """Yield the sample of files that share a name up to the first dot; several if dots belong to their names."""
    kinds = [member.name.rpartition("/")[2].partition(".")[2].lower() for member in members]
    if any(map(_known, kinds)) or not any(_known(kind.rpartition(".")[2]) for kind in kinds):
        yield key, list(zip(kinds, members, strict=True))
        return
    groups: dict[str, list[tuple[str, Member]]] = defaultdict(list)
    for member in members:
        name, _, kind = _plain(member.name).rpartition(".")
        groups[name].append((kind.lower(), member))
    yield from groups.items()


def _counts(member: Member) -> bool:
    """Return whether a member is a file that is not hidden."""
    return member.isfile() and not member.name.rpartition("/")[2].startswith(".")


def _known(kind: str) -> bool:
    return f".{kind}" in SUFFIXES or kind in (*TEXTS, *_OTHERS)


def _plain(name: str) -> str:
    return name.removeprefix("./")


def _key(name: str) -> str:
    """Return what the files of a sample share.

    >>> _key("cats/000012.seg.png")
    'cats/000012'
    """
    folder, slash, last = _plain(name).rpartition("/")
    return folder + slash + last.partition(".")[0]


def _check_end(archive: tarfile.TarFile, stream: IO[bytes], where: str) -> None:
    """Raise `BadManifest` unless a block of zeros ends the members that were read: others may have been lost."""
    stream.seek(archive.offset)
    if stream.read(_BLOCK) != bytes(_BLOCK):
        raise BadManifest(f"{where} has no end: it was cut off, or is broken in the middle. Copy or write it again.")


def _columns(archive: tarfile.TarFile, member: Member, kind: str, source: str, where: str) -> dict[str, Any]:
    """Return what a file of a sample says."""
    if member.issparse():
        do = "Write the tar again without --sparse."
        raise FaultError(Finding("bad sample", where, "it is stored with holes, which may fill the memory", do))
    if f".{kind}" in SUFFIXES:
        return {"image": Address(source, member.name, member.offset_data, member.size, _content(archive, member))}
    if not _known(kind):
        return {}
    try:
        text = _content(archive, member).decode("utf-8-sig").strip()
        if kind == "json":
            return _object(text, where)
    except UnicodeDecodeError as error:
        raise FaultError(Finding("encoding", where, f"{error}", "Save the file as UTF-8.")) from error
    return {"category" if kind == "cls" else "text": text}


def _together(row: Mapping[str, Any], said: dict[str, Any], where: str) -> dict[str, Any]:
    """Return what a file says beside those before it: texts add up, and a sample has one picture."""
    if row["image"] is not None and "image" in said:
        do = "Give each picture a name of its own."
        raise FaultError(Finding("bad sample", where, f"it is a second picture of the sample {row['id']!r}", do))
    if "text" in row and "text" in said:
        before = row["text"] if isinstance(row["text"], list) else [row["text"]]
        return {**said, "text": [*before, said["text"]]}
    return said


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FaultError(Finding("bad line", where, f"it is not JSON ({error})", "Write one object.")) from error
    if not isinstance(value, dict):
        what = f"it must be a JSON object; got {kind_of_json(value)}"
        raise FaultError(Finding("bad line", where, what, "Write one object."))
    return {name: each for name, each in value.items() if name not in ("id", "image", "file_name")}


def _content(archive: tarfile.TarFile, member: Member) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
