import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from diptych.data.unpacking import unpack
from diptych.errors import BadDownload


def _zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _tar(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for entry, content in entries:
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return path


def _link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@pytest.fixture
def into(tmp_path) -> Path:
    """Return an empty folder to unpack into."""
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_files_of_a_zip_and_a_tar_are_written_with_their_folders(tmp_path, into):
    unpack(_zip(tmp_path / "a.zip", **{"x/": b"", "x/y/a.txt": b"zip"}), into)
    folder = tarfile.TarInfo("t")
    folder.type = tarfile.DIRTYPE
    unpack(_tar(tmp_path / "a.tar.gz", (folder, b""), (tarfile.TarInfo("t/b.txt"), b"tar")), into)
    assert (into / "x" / "y" / "a.txt").read_bytes() == b"zip"
    assert (into / "t" / "b.txt").read_bytes() == b"tar"


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_a_member_that_leads_out_is_refused(tmp_path, into, name):
    for archive in (_zip(tmp_path / "a.zip", **{name: b"x"}), _tar(tmp_path / "a.tgz", (tarfile.TarInfo(name), b"x"))):
        with pytest.raises(BadDownload, match=r"is unsafe: its member .*evil.txt' leads out of its folder"):
            unpack(archive, into)
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_tar_with_a_link_out_and_a_file_through_it_is_refused(tmp_path, into, kind):
    entries = (_link("out", str(tmp_path), kind), b""), (tarfile.TarInfo("out/evil.txt"), b"x")
    with pytest.raises(BadDownload, match=r"its member 'out' is a link"):
        unpack(_tar(tmp_path / "a.tar.gz", *entries), into)
    assert not (tmp_path / "evil.txt").exists()


def test_a_zip_with_a_link_is_refused(tmp_path, into):
    entry = zipfile.ZipInfo("out")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(entry, "/etc/passwd")
    with pytest.raises(BadDownload, match=r"a.zip is unsafe: its member 'out' is a link"):
        unpack(tmp_path / "a.zip", into)


def test_a_device_is_refused(tmp_path, into):
    with pytest.raises(BadDownload, match=r"its member 'null' is a device"):
        unpack(_tar(tmp_path / "a.tar.gz", (_link("null", "", tarfile.CHRTYPE), b"")), into)


def test_more_bytes_than_the_bound_are_refused_while_they_come(tmp_path, into):
    archive = _zip(tmp_path / "bomb.zip", a=bytes(600_000), b=bytes(600_000))
    with pytest.raises(BadDownload, match=r"bomb.zip unpacks to more than 1,000,000 bytes"):
        unpack(archive, into, max_bytes=1_000_000)
    unpack(archive, into, max_bytes=1_200_000)


def test_more_members_than_the_bound_are_refused(tmp_path, into):
    with pytest.raises(BadDownload, match=r"a.zip has more than 2 members"):
        unpack(_zip(tmp_path / "a.zip", a=b"", b=b"", c=b""), into, max_files=2)


def test_a_damaged_archive_is_named(tmp_path, into):
    archive = _zip(tmp_path / "a.zip", a=b"some content here")
    content = bytearray(archive.read_bytes())
    content[32] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(BadDownload, match=r"a.zip cannot be unpacked: .* Delete it and download it again"):
        unpack(archive, into)


def test_what_is_no_archive_is_named(tmp_path, into):
    (tmp_path / "page.html").write_text("<html>404</html>")
    with pytest.raises(BadDownload, match=r"page.html is neither a zip nor a tar archive"):
        unpack(tmp_path / "page.html", into)
