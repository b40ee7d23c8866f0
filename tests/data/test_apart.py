"""Pictures decoded in processes of their own: the same pixels, the same words, and an end to what takes too long."""

import os
import signal
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import ExifTags, Image

from diptych.data import apart
from diptych.data.addresses import Address
from diptych.data.picture_plug_ins import missing_plug_in
from diptych.data.pictures import RASTER, decode
from diptych.data.worker_pool import WorkerPool
from diptych.errors import BadImage, MissingData

SIDEWAYS = 6


@pytest.fixture(autouse=True)
def no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode here, whatever service another test has left running in this process."""
    monkeypatch.setattr(apart.decoding_apart, "_wanted", 0)


@pytest.fixture
def decoding_apart(no_service: None) -> Iterator[None]:
    """Decode in processes for the test."""
    with apart.decoded_apart():
        yield


def picture(path: Path, **options: object) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((500, 300)).save(path, **options)
    return path


def processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "diptych.data.raster_worker" in child.cmdline()]


@pytest.mark.parametrize("form", RASTER)
def test_pixels_are_those_of_a_picture_decoded_here(form: str, tmp_path: Path) -> None:
    path = picture(tmp_path / f"a{RASTER[form]}", format=form)
    here = [decode(path, side=side) for side in (32, 224)]
    with apart.decoded_apart():
        there = [decode(path, side=side) for side in (32, 224)]
    assert [each.size for each in here] == [each.size for each in there]
    assert [each.tobytes() for each in here] == [each.tobytes() for each in there]


def test_a_picture_on_its_side_and_one_within_a_tar_are_decoded_alike(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = SIDEWAYS
    path = picture(tmp_path / "a.jpg", exif=exif)
    data = path.read_bytes()
    (tmp_path / "all.tar").write_bytes(b"before" + data + b"after")
    within = Address(str(tmp_path / "all.tar"), "a.jpg", 6, len(data))
    for each in (path, within):
        here = decode(each)
        with apart.decoded_apart():
            there = decode(each)
        assert here.size == there.size == (300, 500)
        assert here.tobytes() == there.tobytes()


BAD = {
    "nothing": b"",
    "no picture": b"a text",
    "a cut PNG": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 9, 9, 8, 2, 0, 0, 0, 0),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_refusals_say_the_same(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(data)
    with pytest.raises(BadImage) as here:
        decode(tmp_path / "bad.png")
    with apart.decoded_apart(), pytest.raises(BadImage) as there:
        decode(tmp_path / "bad.png")
    assert str(there.value) == str(here.value)


@pytest.mark.usefixtures("decoding_apart")
def test_a_picture_that_is_not_there_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingData, match=r"a.png' does not exist"):
        decode(tmp_path / "a.png")
    monkeypatch.setattr(apart, "MAX_BYTES", 1 << 20)
    (tmp_path / "large.bmp").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(BadImage, match=r"large.bmp' has more than 1 MiB"):
        decode(tmp_path / "large.bmp")


PROGRAM = """
from diptych.data.bounded_work import work_within_bounds

def work(content, number):
    while content == b"slow":
        pass
    return bytes(number) if content == b"large" else content

if __name__ == "__main__":
    work_within_bounds(work, seconds=1, memory=1 << 30)
"""


def test_work_that_takes_too_long_is_ended_while_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "program_of_a_test.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    pool = WorkerPool("program_of_a_test", does="works", late="is slow.", large="is large.", least=3)
    try:
        assert pool.ask(b"quick", 0, named="it") == b"quick"
        with ThreadPoolExecutor(2) as threads:
            waiting = [threads.submit(pool.ask, b"slow", 0, named="it") for _ in range(2)]
            assert [pool.ask(b"quick", 0, named="it") for _ in range(5)] == [b"quick"] * 5
            assert not any(each.done() for each in waiting)
            for each in waiting:
                with pytest.raises(BadImage, match=r"^it is slow\.$"):
                    each.result()
        assert len(pool.ask(b"large", 1 << 20, named="it")) == 1 << 20
        with pytest.raises(ValueError, match=r"^$"):  # MemoryError, which says nothing
            pool.ask(b"large", 1 << 31, named="it")
        assert pool.ask(b"quick", 0, named="it") == b"quick"
    finally:
        pool.end()


@pytest.mark.usefixtures("decoding_apart")
@pytest.mark.parametrize("name", ["caf\udce9.png", "\ud800.png"])
def test_a_name_that_is_not_unicode_is_told_as_it_is(name: str) -> None:
    with pytest.raises(BadImage, match=f"{name}@6\\+10' cannot be decoded because its format is not known"):
        decode(Address("all.tar", name, 6, 10, data=b"no picture"))


@pytest.mark.usefixtures("decoding_apart")
@pytest.mark.skipif(missing_plug_in(".heic") is None, reason="pillow-heif is installed")
def test_a_missing_package_is_told_when_modules_cannot_be_searched_for_any_more(tmp_path: Path) -> None:
    decode(picture(tmp_path / "a.png"))
    os.utime(Path.cwd())  # what Python remembers of a folder that it imports from is out of date from now on
    with pytest.raises(BadImage, match="without the package pillow-heif"):
        decode(Address("all.tar", "a.heic", 6, 10, data=b"no picture"))


@pytest.mark.usefixtures("decoding_apart")
def test_a_process_that_somebody_else_ended_is_replaced(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    decode(path)
    for process in processes():
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert decode(path).size == (500, 300)


@pytest.mark.usefixtures("decoding_apart")
def test_a_process_can_open_no_file(tmp_path: Path) -> None:
    decode(picture(tmp_path / "a.png"))
    assert processes()
    assert not any(process.open_files() for process in processes())
    assert all(process.rlimit(psutil.RLIMIT_NOFILE) == (0, 0) for process in processes())


def test_without_a_service_pictures_are_decoded_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(apart.WorkerPool, "ask", refuse)
    assert decode(picture(tmp_path / "a.png")).size == (500, 300)
