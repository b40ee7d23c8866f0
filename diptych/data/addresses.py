"""Addresses of content outside local files: in S3, elsewhere on the net, or inside a tar or a Parquet file.

An address is a URL (`s3://shop/cats/1.jpg`) or a path, followed by the part of the file it means:

    shard-00.tar#000012.jpg@1536+20463      20,463 bytes from byte 1,536 on, called 000012.jpg
    shard-00.parquet#image@17               the column `image` of row 17, counted from 0

Code that reads pictures uses it like a path. S3 is accessed through pyarrow, with the usual variables of AWS
(`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`); everything else through fsspec.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from diptych.errors import BadSetting, MissingData, MissingExtra
from diptych.files import file_digest

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s]")
_WITHIN = re.compile(r"(?P<place>.+)#(?P<name>[^#]*)@(?P<first>\d{1,18})(\+(?P<size>\d{1,18}))?")
_LOCAL = ("file", "local", "memory")
_GLOB = "*?["
MADE_UP = ("/proc/", "/sys/")
"""Folders whose files the kernel makes up: they say of this machine what no picture says."""
_WITHHELD = "/dev/null/withheld"
"""What precedes the path of a picture that may not be read: below a file there is nothing that could be read."""


@dataclass(frozen=True)
class Address:
    """The address of a picture or of a file of pairs."""

    place: str
    """A URL, or the path of a tar or Parquet file."""
    name: str = ""
    """A file in the tar, or a column in the Parquet file."""
    first: int | None = None
    """Its first byte in a tar, or its row in a Parquet file."""
    size: int | None = None
    """Its length in a tar, in bytes."""
    data: bytes | None = field(default=None, repr=False, compare=False)
    """The content, if it is in memory."""

    def __str__(self) -> str:
        if self.first is None:
            return self.place
        return f"{self.place}#{self.name}@{self.first}" + ("" if self.size is None else f"+{self.size}")

    @property
    def path(self) -> PurePosixPath:
        """The path that ends in its own name."""
        inner = self.name if self.size is not None else ""
        return PurePosixPath(inner or (urlsplit(self.place).path if is_url(self.place) else self.place))

    @property
    def suffix(self) -> str:
        """The suffix of its name, such as `.jpg`; a cell of a Parquet file has none."""
        return "" if self.first is not None and self.size is None else self.path.suffix

    def is_file(self) -> bool:
        """Return whether it exists; content inside a file does, since reading that file revealed it."""
        if self.data is not None or self.first is not None:
            return True
        with _reaching(self):
            system, path = filesystem(self.place)
            return bool(system.isfile(path))

    def open(self) -> Any:
        """Return the whole file as a stream."""
        with _reaching(self):
            system, path = filesystem(self.place)
            return system.open(path, "rb")

    def read_bytes(self) -> bytes:
        """Return the content; `MissingData` if it is unavailable."""
        if self.data is not None:
            return self.data
        if self.first is not None and self.size is None:
            return _cell(self)
        last = None if self.size is None else (self.first or 0) + self.size
        with _reaching(self):
            if not is_url(self.place):
                _check_file(self, last)
                with Path(self.place).open("rb") as file:
                    file.seek(self.first or 0)
                    return file.read(-1 if self.size is None else self.size)
            system, path = filesystem(self.place)
            return bytes(system.cat_file(path, start=self.first, end=last))

    def at_hand(self) -> "Address":
        """Return the same address with its content in memory."""
        return replace(self, data=self.read_bytes())

    def alone(self) -> "Address":
        """Return the same address without its content."""
        return replace(self, data=None)

    def beside(self, name: str) -> "Address":
        """Return the address of a name relative to this file's folder."""
        return Address(f"{self.place.rpartition('/')[0]}/{name}")

    def within(self, folder: str) -> str:
        """Return it relative to a folder; the whole address if it is outside that folder."""
        return str(self).removeprefix(folder.rstrip("/") + "/")


Picture = Path | Address
"""Anything that can be read as a picture."""
File = Path | Address
"""Anything that can hold pairs."""


def is_url(text: str) -> bool:
    """Return whether a text is a URL: an address on the net or in another file system.

    >>> is_url("s3://shop/cats"), is_url("cats/1.jpg")
    (True, False)
    """
    return _URL.match(text) is not None


def is_local(url: str) -> bool:
    """Return whether a URL reaches into this machine or through another URL, which no manifest may do."""
    return urlsplit(url).scheme in _LOCAL or "::" in url


def picture_at(text: str) -> Picture:
    """Return the picture that a stored path or address names.

    >>> picture_at("cats/1.jpg").name, picture_at("a.tar#1.jpg@512+99").size
    ('1.jpg', 99)
    """
    if match := _WITHIN.fullmatch(text):
        size = match["size"]
        return Address(match["place"], match["name"], int(match["first"]), None if size is None else int(size))
    return Address(text) if is_url(text) else Path(text)


def is_present(picture: Picture) -> bool:
    """Return whether a local picture, or the local file that it lies in, exists; true for a remote one."""
    if isinstance(picture, Path):
        return picture.is_file()
    return picture.data is not None or is_url(picture.place) or Path(picture.place).is_file()


def withheld(text: str) -> str:
    """Return a stored path or address in a form that names the same and that nothing can read."""
    return f"{_WITHHELD}/{text.lstrip('/')}"


def is_withheld(text: str) -> bool:
    """Return whether `withheld` wrote a path or address."""
    return text.startswith(f"{_WITHHELD}/")


def withheld_path(text: str) -> str:
    """Return the path that was withheld, to be told and not to be read."""
    return text.removeprefix(_WITHHELD)


def is_made_up(path: str | Path) -> bool:
    """Return whether a path, or what it links to, is no file on a disk but one that the kernel makes up."""
    return os.path.realpath(path).startswith(MADE_UP)


def picture_digest(picture: Picture) -> str:
    """Return the SHA-256 of a picture's bytes, wherever they are."""
    if isinstance(picture, Path):
        return file_digest(picture)
    return hashlib.sha256(picture.read_bytes()).hexdigest()


def matching(source: str) -> list[File]:
    """Return the files that a URL or a pattern with `*` names, sorted; `MissingData` if there are none."""
    if not any(sign in source for sign in _GLOB):
        return [Address(source)] if is_url(source) else [Path(source)]
    with _reaching(Address(source)):
        system, pattern = filesystem(source)
        names = sorted(system.glob(pattern))
    if not names:
        raise MissingData(f"no file matches '{source}'. Check the pattern.")
    if not is_url(source):
        return [Path(each) for each in names]
    return [_named(each, source) for each in names]


def below(folder: str) -> list[Address]:
    """Return every file in a remote folder and its subfolders, sorted."""
    with _reaching(Address(folder)):
        system, path = filesystem(folder.rstrip("/"))
        return [_named(each, folder) for each in sorted(system.find(path))]


def _named(path: str, url: str) -> Address:
    """Return the address of a path that a file system lists; most of them omit the scheme."""
    return Address(path if is_url(path) else f"{urlsplit(url).scheme}://{path.lstrip('/')}")


def is_pattern(source: str) -> bool:
    """Return whether a source is a URL, or a pattern for several files that is not itself a file."""
    return is_url(source) or (any(sign in source for sign in _GLOB) and not Path(source).exists())


def filesystem(place: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL or path, and the path within it."""
    scheme = urlsplit(place).scheme if is_url(place) else ""
    if scheme == "s3":
        return _s3(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")), place[len("s3://") :]
    from fsspec.core import url_to_fs

    system, path = url_to_fs(place)
    return system, path


@cache
def _s3(endpoint: str | None) -> Any:
    """Return S3, or a compatible service at an endpoint; credentials are looked up as AWS' own tools do."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import S3FileSystem

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return ArrowFSWrapper(S3FileSystem(endpoint_override=endpoint, region=region, connect_timeout=10))


@contextmanager
def _reaching(address: Address) -> Iterator[None]:
    """Turn the errors of file systems into a sentence."""
    try:
        yield
    except ImportError as error:
        scheme, reason = urlsplit(address.place).scheme, str(error).rstrip(".")
        raise MissingExtra(f"{scheme}:// URLs need another package: {reason}.") from error
    except ValueError as error:  # fsspec's own answer to a scheme that it does not know
        raise BadSetting(
            f"'{address.place}' cannot be opened: {error}. Give a path or a URL that fsspec supports."
        ) from error
    except FileNotFoundError as error:
        raise MissingData(f"'{address}' does not exist. Check the bucket and file names.") from error
    except OSError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise MissingData(f"'{address}' cannot be read: {reason}. Check the address and the credentials.") from error


def _check_file(address: Address, last: int | None) -> None:
    """Refuse a place on this machine that is no file on a disk, or that ends before the byte `last`."""
    status = Path(address.place).stat()
    if not stat.S_ISREG(status.st_mode) or is_made_up(address.place):
        raise MissingData(f"'{address.place}' is not a file on a disk, so it holds no pictures. Name one that is.")
    if last is not None and last > status.st_size:
        raise MissingData(f"'{address.place}' ends before '{address.name}' does. Load the data set again.")


def _cell(address: Address) -> bytes:
    """Return the bytes in a cell of a Parquet file."""
    from pyarrow.parquet import ParquetFile

    with _reaching(address):
        if not is_url(address.place):
            _check_file(address, None)
        system, path = filesystem(address.place)
        with system.open(path, "rb") as stream, ParquetFile(stream) as table:
            group, row = 0, address.first or 0
            if row >= table.metadata.num_rows:
                raise MissingData(f"'{address}' names a row that is not there. Load the data set again.")
            while row >= (rows := table.metadata.row_group(group).num_rows):
                group, row = group + 1, row - rows
        value = _column(address.place, group, address.name)[row].as_py()
    content = value["bytes"] if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        raise MissingData(f"'{address}' holds no picture. Load the data set again.")
    return content


@lru_cache(maxsize=2)
def _column(place: str, group: int, name: str) -> Any:
    """Return a column of a row group; the last few are cached, since rows are read in order."""
    from pyarrow.parquet import ParquetFile

    system, path = filesystem(place)
    with system.open(path, "rb") as stream, ParquetFile(stream) as table:
        return table.read_row_group(group, columns=[name]).column(name)
