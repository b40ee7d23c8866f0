import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from diptych.data import fetching
from diptych.data.fetching import SETS, Archive, fetch
from diptych.errors import BadDownload, BadSetting, MissingData, UnknownName


class Site:
    """A server of one file that can break off, ignore ranges and lie about nothing else."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[str | None] = []
        self.breaks_after: list[int] = []
        self.ranges = True
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self.server.server_port}/set.zip"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers["Range"]
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if "gone" in request.path or start >= len(self.content):
            request.send_response(404 if "gone" in request.path else 416)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.breaks_after.pop(0)] if self.breaks_after else body)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve a zip of a manifest and some noise from a real HTTP server."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("wrapped/pairs.jsonl", '{"image": null, "text": "one"}\n')
        file.writestr("wrapped/noise.bin", hashlib.shake_256(b"noise").digest(300_000))
    running = Site(packed.getvalue())
    running.thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    running.thread.join()


def test_an_archive_is_downloaded_verified_and_unpacked_without_its_wrapper(site, tmp_path):
    told: list[tuple[int, int, str]] = []
    folder = fetch(site.url, into=tmp_path, sha256=site.sha256.upper(), progress=lambda *args: told.append(args))
    assert folder == tmp_path / "set"
    assert (folder / "pairs.jsonl").read_text().startswith('{"image"')
    assert told[-1] == (len(site.content), len(site.content), "set.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_transfer_that_breaks_off_continues_where_it_stopped(site, tmp_path):
    site.breaks_after = [100_000, 50_000]
    fetch(site.url, into=tmp_path, sha256=site.sha256)
    assert site.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_call_continues_what_an_earlier_one_left(site, tmp_path):
    site.breaks_after = [1000] * fetching._ATTEMPTS
    with pytest.raises(BadDownload, match=r"was interrupted 5 times. Run the command again to continue"):
        fetch(site.url, into=tmp_path, sha256=site.sha256)
    assert not (tmp_path / "set").exists()
    fetch(site.url, into=tmp_path, sha256=site.sha256)
    assert site.asked[-1] == "bytes=5000-"


def test_a_server_without_ranges_is_read_from_the_start_again(site, tmp_path):
    site.ranges, site.breaks_after = False, [100_000]
    assert fetch(site.url, into=tmp_path, sha256=site.sha256).is_dir()


def test_a_part_that_is_already_whole_is_taken(site, tmp_path):
    part = tmp_path / ".downloads" / "set" / "set.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(site.content)
    assert fetch(site.url, into=tmp_path, sha256=site.sha256).is_dir()


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(site, tmp_path):
    with pytest.raises(
        BadDownload, match=rf"set.zip must have the SHA-256 {'0' * 64}; got {site.sha256}. The file was deleted"
    ):
        fetch(site.url, into=tmp_path, sha256="0" * 64)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_more_than_the_bound_is_refused_before_it_comes(site, tmp_path, monkeypatch):
    monkeypatch.setitem(SETS, "wikipedia", (Archive(site.url, site.sha256, 1000),))
    with pytest.raises(BadDownload, match=r"set.zip has more than 1,000 bytes. It is not the expected archive"):
        fetch("wikipedia", into=tmp_path)


def test_an_unsafe_archive_leaves_no_folder(site, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("good.txt", "x")
        file.writestr("../../evil.txt", "x")
    site.content = packed.getvalue()
    with pytest.raises(BadDownload, match=r"its member '../../evil.txt' leads out"):
        fetch(site.url, into=tmp_path / "data", sha256=site.sha256)
    assert not (tmp_path / "data" / "set").exists()
    assert not list(tmp_path.rglob("evil.txt"))
    assert not list(tmp_path.rglob("good.txt"))


def test_a_set_of_several_archives_is_unpacked_into_one_folder(site, tmp_path, monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("annotations/a.json", "{}")
        file.writestr("train/a.jpg", "x")
    site.content = packed.getvalue()
    archives = tuple(Archive(site.url.replace("set", name), site.sha256) for name in ("one", "two"))
    monkeypatch.setitem(SETS, "coco-2017", archives)
    folder = fetch("coco_2017", into=tmp_path)
    assert folder.name == "coco_2017"
    assert sorted(path.name for path in folder.iterdir()) == ["annotations", "train"]


def test_what_is_there_already_is_not_overwritten(site, tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(BadDownload, match=r"set' already exists. Delete it"):
        fetch(site.url, into=tmp_path, sha256=site.sha256)


def test_an_address_that_answers_with_an_error_is_named(site, tmp_path):
    with pytest.raises(BadDownload, match=r"gone.zip could not be downloaded: HTTP Error 404"):
        fetch(site.url.replace("set", "gone"), into=tmp_path, sha256="0" * 64)


@pytest.mark.parametrize(
    ("name", "sha256", "sentence"),
    [
        (
            "wikipedia",
            None,
            r"no checksum is published for http://www.svcl.ucsd.edu/.* Pass one that you trust with --sha256",
        ),
        ("http://127.0.0.1/a.zip", None, r"no checksum is published for http://127.0.0.1/a.zip"),
        ("file:///etc/passwd", "0" * 64, r"a URL must begin with http:// or https://"),
        ("coco", "0" * 64, r"--sha256 belongs to one archive; coco has 3, with published checksums"),
    ],
)
def test_a_download_without_a_way_to_verify_it_is_refused(tmp_path, name, sha256, sentence):
    with pytest.raises(BadSetting, match=sentence):
        fetch(name, into=tmp_path, sha256=sha256)


def test_an_unknown_set_gets_the_nearest_name(tmp_path):
    with pytest.raises(UnknownName, match=r"data get has no entry 'wikpedia'. Did you mean 'wikipedia'"):
        fetch("wikpedia", into=tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("openmoji", r"openmoji cannot be downloaded by name. It comes with the installation"),
        ("pascal_sentence", r"pascal-sentence cannot be downloaded by name. Its home is https://"),
    ],
)
def test_a_set_without_a_download_says_where_it_comes_from(tmp_path, name, sentence):
    with pytest.raises(MissingData, match=sentence):
        fetch(name, into=tmp_path)


def test_a_checksum_of_another_form_is_refused_before_anything_is_fetched(tmp_path):
    with pytest.raises(BadSetting, match=r"--sha256 must be 64 hexadecimal digits; got 'zz'"):
        fetch("http://127.0.0.1:9/a.zip", into=tmp_path, sha256="zz")


def test_every_known_set_is_checked_by_a_sha256_or_asks_for_one():
    for archives in SETS.values():
        for archive in archives:
            assert archive.sha256 is None or len(bytes.fromhex(archive.sha256)) == 32
            assert archive.name.endswith(".zip")
