"""Pictures from strangers: broken, disguised, too large, of other kinds; none gets further than its header."""

import io
import json
import struct
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from diptych.data import apart
from diptych.data.worker_pool import WorkerPool

from .conftest import NDJSON, Running, Serve, fault, png, told

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int) -> bytes:
    """Return a PNG of some bytes whose header announces side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def packed(kind: bytes, begin: bytes) -> bytes:
    """Return a PNG with a chunk of some hundred kilobytes that unpacks to 200 megabytes."""
    packer = zlib.compressobj(9)
    swollen = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    whole = png()
    return whole[:33] + chunk(kind, begin + swollen) + whole[33:]


def announced(form: str, side: int) -> bytes:
    """Return a picture in a format whose header says side x side pixels, and whose data are those of one."""
    written = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(written, form)
    data = bytearray(written.getvalue())
    if form == "GIF":
        data[6:10] = struct.pack("<HH", side, side)
    elif form == "BMP":
        data[18:26] = struct.pack("<ii", side, side)
    else:
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", side, side)
    return bytes(data)


def eps() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"


def with_a_page_behind() -> bytes:
    """Return a PNG with a page of HTML behind its end: what counts is the picture, and nothing of it is sent back."""
    return png() + b"<script>alert(1)</script>"


BAD = {
    "empty": (b"", "the picture is empty"),
    "text": (b"not a picture", "the picture cannot be read; its format is not one of"),
    "svg": (SVG, "the picture cannot be read; its format is not one of"),
    "eps": (eps(), "the picture cannot be read; its format is not one of"),
    "pdf": (b"%PDF-1.7\n1 0 obj\n", "the picture cannot be read; its format is not one of"),
    "zip": (b"PK\x03\x04" + bytes(60), "the picture cannot be read; its format is not one of"),
    "bomb": (bomb(10_000), "the picture has 10,000 x 10,000 pixels, more than 40,000,000. Scale it down."),
    "large bomb": (bomb(60_000), "the picture has"),
    **{
        f"{form} bomb": (announced(form, 20_000), "the picture has more than 40,000,000 pixels. Scale it down.")
        for form in ("GIF", "BMP", "JPEG")
    },
    "html": (b"<!doctype html><script>alert(1)</script>", "the picture cannot be read; its format is not one of"),
    "video": (b"\x00\x00\x00\x18ftypmp42" + bytes(60), "the picture cannot be read; its format is not one of"),
    "header alone": (png()[:40], "cannot be"),
    "truncated": (png(size=(300, 300))[:-40], "cannot be decoded"),
}


def search(running: Running, data: bytes, name: str = "a.png") -> httpx.Response:
    return running.client.post("/v1/search", data={"collection": "shop"}, files={"image": (name, data, "image/png")})


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_a_bad_picture_is_refused_by_a_search(shop: Running, data: bytes, message: str) -> None:
    for name in ("a.png", "a.svg", "../../a.jpg"):
        answer = search(shop, data, name)
        assert answer.status_code == 422
        assert message in fault(answer)["message"]


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_a_bad_picture_is_refused_wherever_it_is_sent(shop: Running, data: bytes, message: str) -> None:
    fields = {"collection": "shop", "text": "a red square"}
    for route, asked in (("similarity", fields), ("explain", fields), ("explain", {"collection": "shop", "id": "p1"})):
        answer = shop.client.post(f"/v1/{route}", data=asked, files={"image": ("a.png", data, "image/png")})
        assert answer.status_code == 422, (route, answer.text)
        assert message in fault(answer)["message"]


def test_a_bad_picture_in_a_line_is_set_aside_and_not_kept(serve: Serve, tmp_path: Path) -> None:
    rows = [{"id": name, "image": b64encode(data).decode()} for name, (data, _) in BAD.items()]
    rows += [{"id": "words", "image": "no base64"}, {"id": "path", "image": "/etc/passwd"}]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    with serve() as started:
        answer = started.client.post("/v1/collections/shop/items", content=content, headers=NDJSON)
        lines = told(answer)
        assert lines[-1]["added"] == lines[-1]["updated"] == 0
        rejects = [each for line in lines[:-1] for each in line["rejects"]]
        reasons = [each["reason"] for each in sorted(rejects, key=lambda each: each["line"])]
        assert len(reasons) == len(rows)
        for reason, (name, (_, message)) in zip(reasons, BAD.items(), strict=False):
            assert message in reason, name
            assert str(tmp_path) not in reason
    assert {path.name for path in (tmp_path / "shop" / "pictures").rglob("*") if path.is_file()} <= {"lock"}


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP"])
def test_a_picture_whose_notes_unpack_to_very_much_is_searched_with_or_refused(shop: Running, kind: str) -> None:
    begin = {"zTXt": b"note\0\0", "iTXt": b"note\0\1\0\0\0", "iCCP": b"note\0\0"}[kind]
    data = packed(kind.encode(), begin)
    assert len(data) < 300_000
    start = time.monotonic()
    assert search(shop, data).status_code in (200, 422)
    assert time.monotonic() - start < 5


def test_only_the_picture_of_a_polyglot_is_ever_shown(serve: Serve) -> None:
    script = b"<script>alert(1)</script>"
    written = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(written, "GIF", comment=script)
    jpeg = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(jpeg, "JPEG", comment=script)
    hidden = {
        "gif": written.getvalue(),
        "jpeg": jpeg.getvalue(),
        "png": png() + script,
        "zip": png() + b"PK\3\4" + script,
    }
    with serve() as started:
        for name, data in hidden.items():
            assert script in data
            url = f"/v1/collections/shop/items/{name}"
            assert started.client.put(url, files={"image": ("a.html", data, "text/html")}).status_code == 200, name
            answer = started.client.get(f"/v1/collections/shop/thumbnails/{name}")
            assert script not in answer.content
            assert (answer.headers["content-type"], answer.content[8:12]) == ("image/webp", b"WEBP")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert script.decode() not in started.client.get(url).text


def test_of_many_frames_the_first_is_the_picture(shop: Running) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green") * 100]
    written = io.BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    first = io.BytesIO()
    frames[0].save(first, "GIF")
    one, many = (search(shop, each.getvalue()).json()["hits"] for each in (first, written))
    assert [hit["id"] for hit in many] == [hit["id"] for hit in one]


def test_a_bad_picture_is_not_kept(serve: Serve, tmp_path: Path) -> None:
    with serve() as started:
        for name, (data, message) in BAD.items():
            answer = started.client.put("/v1/collections/shop/items/bad", files={"image": ("a.png", data, "image/png")})
            assert answer.status_code == 422, name
            assert message in fault(answer)["message"]
            assert str(tmp_path) not in answer.text
    assert {path.name for path in (tmp_path / "shop" / "pictures").rglob("*") if path.is_file()} <= {"lock"}


def test_a_picture_with_something_behind_it_is_a_picture(shop: Running) -> None:
    assert search(shop, with_a_page_behind()).status_code == 200
    assert search(shop, SVG + png()).status_code == 422


def test_pictures_of_all_kinds_are_taken(shop: Running) -> None:
    image = Image.new("RGB", (32, 32), "red")
    for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        written = io.BytesIO()
        image.save(written, form)
        assert search(shop, written.getvalue()).status_code == 200, form


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]),
    share=st.floats(0, 1),
    more=st.binary(max_size=9),
)
def test_a_picture_that_ends_anywhere_is_searched_with_or_refused(
    shop: Running, form: str, share: float, more: bytes
) -> None:
    written = io.BytesIO()
    Image.effect_noise((40, 30), 50).convert("RGB").save(written, form)
    data = written.getvalue()
    answer = search(shop, data[: round(share * len(data))] + more)
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert fault(answer)["message"].startswith("the picture ")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 400), flips=st.binary(min_size=1, max_size=20))
def test_a_picture_with_broken_bytes_is_searched_with_or_refused(shop: Running, position: int, flips: bytes) -> None:
    data = bytearray(png(size=(64, 64)))
    position %= len(data)
    data[position : position + len(flips)] = flips
    assert search(shop, bytes(data)).status_code in (200, 422)


def test_a_picture_that_takes_too_long_to_decode_holds_up_nobody_else(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(limits={"picture_seconds": 1.0}) as started, ThreadPoolExecutor(6) as pool:
        gate, encoder = Event(), started.service.collections["shop"].model.encoder("image")
        monkeypatch.setattr(type(encoder), "prepare", lambda *_: gate.wait(30))
        sent = [pool.submit(search, started, png()) for _ in range(6)]
        assert started.search().status_code == 200
        assert started.client.get("/v1/collections/shop/items/p1").status_code == 200
        for each in sent:
            answer = each.result()
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert fault(answer)["message"].startswith("the picture took too long to decode.")
        assert started.client.get("/metrics").text.count('diptych_waiting{work="threads"} 0.0') == 0
        gate.set()


def test_a_picture_that_takes_a_process_too_long_is_refused_and_the_process_ended(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "endless.py").write_text(
        "from diptych.data.bounded_work import work_within_bounds\n"
        "def work(content, number):\n    while True: pass\n"
        "if __name__ == '__main__': work_within_bounds(work, seconds=1, memory=1 << 32)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with serve() as started:
        assert search(started, png()).status_code == 200
        pool = WorkerPool("endless", does="decodes", late="takes too long. Scale it down.", large="is large.")
        monkeypatch.setattr(apart, "workers", pool)
        answer = search(started, png())
        assert (answer.status_code, fault(answer)["message"]) == (422, "the picture takes too long. Scale it down.")
        assert not pool.workers
        monkeypatch.undo()
        assert search(started, png()).status_code == 200


@pytest.fixture
def small(serve: Serve) -> Iterator[Running]:
    with serve(limits={"upload_bytes": 100_000}) as started:
        yield started


def test_a_body_that_is_too_large_is_refused_however_it_is_sent(small: Running) -> None:
    request = small.client.build_request(
        "POST", "/v1/search", data={"collection": "shop"}, files={"image": bytes(300_000)}
    )
    content = request.read()
    announced = small.client.send(request)

    def parts() -> Iterator[bytes]:
        for start in range(0, len(content), 10_000):
            yield content[start : start + 10_000]

    headers = {"Content-Type": request.headers["content-type"]}
    streamed = small.client.post("/v1/search", content=parts(), headers=headers)
    for answer in (announced, streamed):
        assert answer.status_code == 413
        assert fault(answer)["message"] == "the request has more than 100,000 bytes. Send a smaller picture."


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "image/png", ""])
def test_a_body_of_another_type_is_refused(shop: Running, kind: str) -> None:
    answer = shop.client.post("/v1/search", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert "the body must be multipart/form-data or application/x-www-form-urlencoded" in fault(answer)["message"]


def test_a_form_that_cannot_be_parsed_is_refused(shop: Running) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for content in (b"--y\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", b"\x00" * 100):
        answer = shop.client.post("/v1/search", content=content, headers=headers)
        assert answer.status_code == 422
        assert fault(answer)["code"] == "invalid"
