"""Pictures from strangers: broken, disguised, too large, of other kinds; none gets further than its header."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from .conftest import Running, Serve, fault, png

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


def bomb(side: int) -> bytes:
    """Return a PNG of some bytes whose header announces side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def eps() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"


def with_a_page_behind() -> bytes:
    """Return a PNG with a page of HTML behind its end: what counts is the picture, and nothing of it is sent back."""
    return png() + b"<script>alert(1)</script>"


BAD = {
    "empty": (b"", "the picture is empty"),
    "text": (b"not a picture", "the picture cannot be read; its bytes are none of"),
    "svg": (SVG, "the picture cannot be read; its bytes are none of"),
    "eps": (eps(), "the picture cannot be read; its bytes are none of"),
    "pdf": (b"%PDF-1.7\n1 0 obj\n", "the picture cannot be read; its bytes are none of"),
    "zip": (b"PK\x03\x04" + bytes(60), "the picture cannot be read; its bytes are none of"),
    "bomb": (bomb(10_000), "the picture has 10,000 x 10,000 pixels, more than 40,000,000. Scale it down."),
    "large bomb": (bomb(60_000), "the picture has"),
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


def test_a_bad_picture_is_not_kept(serve: Serve, tmp_path: Path) -> None:
    with serve() as started:
        for name, (data, message) in BAD.items():
            answer = started.client.put("/v1/collections/shop/items/bad", files={"image": ("a.png", data, "image/png")})
            assert answer.status_code == 422, name
            assert message in fault(answer)["message"]
    assert [path for path in (tmp_path / "shop" / "pictures").rglob("*") if path.is_file()] == []


def test_a_picture_with_something_behind_it_is_a_picture(shop: Running) -> None:
    assert search(shop, with_a_page_behind()).status_code == 200
    assert search(shop, SVG + png()).status_code == 422


def test_pictures_of_all_kinds_are_taken(shop: Running) -> None:
    image = Image.new("RGB", (32, 32), "red")
    for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        written = io.BytesIO()
        image.save(written, form)
        assert search(shop, written.getvalue()).status_code == 200, form


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 400), flips=st.binary(min_size=1, max_size=20))
def test_a_picture_with_broken_bytes_is_searched_with_or_refused(shop: Running, position: int, flips: bytes) -> None:
    data = bytearray(png(size=(64, 64)))
    position %= len(data)
    data[position : position + len(flips)] = flips
    assert search(shop, bytes(data)).status_code in (200, 422)


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
