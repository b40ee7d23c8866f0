"""Unpacks untrusted archives: inside their folder, within bounds, without links."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from diptych.errors import BadDownload

MAX_BYTES = 64 * 2**30
"""The most bytes that an archive may unpack to."""

MAX_FILES = 1_000_000
"""The most members that an archive may have."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Member:
    name: str
    stream: AbstractContextManager[IO[bytes]] | None
    """Its bytes; None for a folder."""


def unpack(archive: Path, into: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
    """Write the files of a zip or tar archive (plain, gz, bz2, xz) below the folder `into`.

    `BadDownload` refuses absolute names, names with `..`, links, devices, and more than the bounds allow; sizes are
    counted as they are written, whatever the headers say. What was written by then stays: unpack into an empty folder.
    """
    left = max_bytes
    try:
        for count, member in enumerate(_members(archive), start=1):
            if count > max_files:
                raise BadDownload(
                    f"{archive.name} has more than {max_files:,} members. It is not the expected archive."
                )
            target = into / _safe(member.name, archive)
            if member.stream is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            left -= _write(member.stream, target, left, archive, max_bytes)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, OSError, RuntimeError) as error:
        raise BadDownload(f"{archive.name} cannot be unpacked: {error}. Delete it and download it again.") from error


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    elif tarfile.is_tarfile(archive):
        yield from _tar_members(archive)
    else:
        raise BadDownload(f"{archive.name} is neither a zip nor a tar archive. Check the URL.")


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise _unsafe(archive, entry.filename, "is a link")
            yield _Member(entry.filename, None if entry.is_dir() else file.open(entry))


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as file:
        for entry in file:
            if not (entry.isfile() or entry.isdir()):
                raise _unsafe(archive, entry.name, "is a link" if entry.islnk() or entry.issym() else "is a device")
            yield _Member(entry.name, file.extractfile(entry) if entry.isfile() else None)


def _safe(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name.partition("/")[0] or "\0" in name:
        raise _unsafe(archive, name, "leads out of its folder")
    return path


def _write(stream: AbstractContextManager[IO[bytes]], target: Path, left: int, archive: Path, bound: int) -> int:
    """Return how many bytes were written; `BadDownload` once they are more than `left`."""
    written = 0
    with stream as source, target.open("wb") as file:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > left:
                raise BadDownload(
                    f"{archive.name} unpacks to more than {bound:,} bytes. It is not the expected archive."
                )
            file.write(block)
    return written


def _unsafe(archive: Path, name: str, fault: str) -> BadDownload:
    return BadDownload(f"{archive.name} is unsafe: its member {name!r} {fault}. Nothing was unpacked.")
