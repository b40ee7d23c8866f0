"""Downloads data sets: resumes broken transfers, verifies, unpacks safely; a data set appears whole or not at all."""

import re
import shutil
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from diptych.data import ROOM
from diptych.data.unpacking import unpack
from diptych.errors import BadDownload, BadSetting, MissingData, UnknownName
from diptych.files import file_digest
from diptych.progress import Progress

MAX_ARCHIVE_BYTES = 32 * 2**30
"""The most bytes that an archive may have if its size is not published."""

_ATTEMPTS = 5
"""How often a broken transfer is resumed before giving up."""
_BLOCK = 1 << 18
_SECONDS = 60.0
_RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class Archive:
    """An archive on the net: its address, its SHA-256 and its size."""

    url: str
    sha256: str | None
    """None if none is published: the user must then supply it."""
    max_bytes: int = MAX_ARCHIVE_BYTES
    """The size if it is published, else a bound."""

    @property
    def name(self) -> str:
        """The last part of the address's path."""
        return PurePosixPath(urlsplit(self.url).path).name


_COCO = "http://images.cocodataset.org"

SETS: dict[str, tuple[Archive, ...]] = {
    "coco": (
        Archive(
            f"{_COCO}/annotations/annotations_trainval2014.zip",
            "031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
            252_872_794,
        ),
        Archive(
            f"{_COCO}/zips/train2014.zip",
            "ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
            13_510_573_713,
        ),
        Archive(
            f"{_COCO}/zips/val2014.zip",
            "fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
            6_645_013_297,
        ),
    ),
    "coco-2017": (
        Archive(
            f"{_COCO}/annotations/annotations_trainval2017.zip",
            "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
            252_907_541,
        ),
        Archive(
            f"{_COCO}/zips/train2017.zip",
            "69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
            19_336_861_798,
        ),
        Archive(
            f"{_COCO}/zips/val2017.zip",
            "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
            815_585_330,
        ),
    ),
    "wikipedia": (Archive("http://www.svcl.ucsd.edu/projects/crossmodal/wikipedia_dataset.zip", None),),
}
"""Data sets with an official download; checksums and sizes of COCO are those that TensorFlow Datasets publishes."""


def fetch(name_or_url: str, *, into: Path, sha256: str | None = None, progress: Progress | None = None) -> Path:
    """Download, verify and unpack a data set, and return its folder below `into`.

    `name_or_url` is one of `SETS`, or the address of an archive, which then names the folder. A call after a broken
    transfer resumes it. The folder appears only when all is verified. `progress` counts bytes.
    """
    name, archives = _archives(name_or_url, sha256)
    target = into / name.replace("-", "_")
    if target.exists():
        raise BadDownload(f"'{target}' already exists. Delete it to download it again.")
    downloads = into / ".downloads" / target.name
    files = [_download(archive, downloads, progress) for archive in archives]
    staging = downloads / "unpacked"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        for file in files:
            unpack(file, staging)
        _content(staging).rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(downloads)
    with suppress(OSError):
        downloads.parent.rmdir()
    return target


def _archives(name_or_url: str, sha256: str | None) -> tuple[str, tuple[Archive, ...]]:
    """Return the folder's name and the archives, each with the checksum that it must have."""
    if "://" in name_or_url:
        if urlsplit(name_or_url).scheme not in ("http", "https"):
            raise BadSetting(f"a URL must begin with http:// or https://; got {name_or_url!r}.")
        archives: tuple[Archive, ...] = (Archive(name_or_url, None),)
        name = archives[0].name.partition(".")[0] or "download"
    elif (name := name_or_url.lower().replace("_", "-")) in SETS:
        archives = SETS[name]
    elif name in ROOM.names():
        raise MissingData(f"{name} cannot be downloaded by name. {_way_to(name)}")
    else:
        raise UnknownName.among("data get", name_or_url, SETS)
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise BadSetting(f"--sha256 must be 64 hexadecimal digits; got {sha256!r}.")
    if sha256 is not None and len(archives) > 1:
        raise BadSetting(
            f"--sha256 belongs to one archive; {name} has {len(archives)}, with published checksums. Omit the option."
        )
    if sha256 is not None:
        archives = (replace(archives[0], sha256=sha256.lower()),)
    for archive in archives:
        if archive.sha256 is None:
            raise BadSetting(f"no checksum is published for {archive.url}. Pass one that you trust with --sha256.")
    return name, archives


def _way_to(name: str) -> str:
    """Return where a data set that has a reader and no official download comes from, as a sentence."""
    module = ROOM.open(name)
    if "folder" not in module.CARD.needs:
        return "It comes with the installation (extra demo): use it as it is."
    return str(module.SOURCE)


def _content(folder: Path) -> Path:
    """Return the folder, or its only subfolder if it holds nothing else: many archives wrap their files in one."""
    inner = list(folder.iterdir())
    return inner[0] if len(inner) == 1 and inner[0].is_dir() else folder


def _download(archive: Archive, folder: Path, progress: Progress | None) -> Path:
    """Return the archive's file, whole and verified; a partial download stays in a `.part` file."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / archive.name
    if not whole.exists():
        part = folder / f"{archive.name}.part"
        _complete(archive, part, progress)
        part.rename(whole)
    if (digest := file_digest(whole)) != archive.sha256:
        whole.unlink()
        raise BadDownload(
            f"{archive.name} must have the SHA-256 {archive.sha256}; got {digest}. The file was deleted. Try again."
        )
    return whole


def _complete(archive: Archive, part: Path, progress: Progress | None) -> None:
    """Bring `part` to its full length, resuming a broken transfer a few times."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            if _transfer(archive, part, progress):
                return
        except (OSError, HTTPException) as error:
            if attempt == _ATTEMPTS or isinstance(error, urllib.error.HTTPError):
                raise BadDownload(
                    f"{archive.url} could not be downloaded: {error}. Run the command again to continue."
                ) from error
    raise BadDownload(f"{archive.url} was interrupted {_ATTEMPTS} times. Run the command again to continue.")


def _transfer(archive: Archive, part: Path, progress: Progress | None) -> bool:
    """Append the rest of the archive to `part`; return whether it is whole."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(archive.url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            continues = response.status == 206 and _range_start(response) == done
            return _receive(response, archive, part, done if continues else 0, progress)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and done:
            return True
        raise


def _receive(response: HTTPResponse, archive: Archive, part: Path, done: int, progress: Progress | None) -> bool:
    """Write the response's body from position `done` on, within the bound; return whether it arrived in full."""
    length = response.headers["Content-Length"]
    total = done + int(length) if length is not None else None
    if (total or 0) > archive.max_bytes:
        raise _oversize(archive)
    with part.open("ab" if done else "wb") as file:
        while block := response.read(_BLOCK):
            done += len(block)
            if done > archive.max_bytes:
                raise _oversize(archive)
            file.write(block)
            if progress is not None:
                progress(done, total or 0, archive.name)
    return total is None or done == total


def _range_start(response: HTTPResponse) -> int:
    """Return the first byte of a partial response: its `Content-Range` reads `bytes FIRST-LAST/TOTAL`."""
    first = str(response.headers["Content-Range"]).removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else -1


def _oversize(archive: Archive) -> BadDownload:
    return BadDownload(f"{archive.url} has more than {archive.max_bytes:,} bytes. It is not the expected archive.")
