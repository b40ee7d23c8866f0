"""Inputs that no reader expects, for hypothesis: valid files that were damaged, and odd ones that are valid."""

import csv
import io
import json
import tarfile
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pyarrow import parquet

NAMES = ("a.png", "./a.png", "b.jpg", "cats/c.gif")
"""Pictures that lie beside every manifest."""

_HOSTILE = (
    "", " ", "\0", "a\0.png", "..", "../a.png", "/etc/passwd", "/dev/zero", "~", "missing.png", "a.png/", "a.png/b.png",
    "x" * 300 + ".png", "x/" * 3000 + ".png", "http://[", "http://[::1", "file:///etc/passwd", "memory://a", "s3://",
    "zip://a.png::http://x", "a.png#b@1+2", "#", "[", "[1", "[[", "[" * 5000, "[" * 900 + "]" * 900, '["a"]', '[""]',
    "[1, null]", "[" + "9" * 5000 + "]", "{", "\ud800", "caf\udce9.png", "\ufffd", "\ufeff", "\u202e", "\x85", "\u2028",
    "cafÃ©", "00417", "1e999", "9" * 400, "NaN", "true", "train", "val", '"', '""', "a\nb", "a\r", "=1",
)  # fmt: skip
_NESTED: Any = []
for _ in range(300):
    _NESTED = [_NESTED]
_TOKENS = (
    b"", b"\n", b"\r\n", b"\r", b"\0", b'"', b",", b";", b"\t", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"[", b"{", b"]",
    b"}", b'","', b"null", b"NaN", b"1e999", b"-1", b"\\ud800", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f" * 8,
    b"\xff\xda", b"\xff\xc4", b"IDAT", b"../", b"a.png", b" " * 512, bytes(512), b"PAX", b"path=", b"size=",
)  # fmt: skip
_COLUMNS = (
    "id", "image", "file_name", "text", "texts", "category", "categories", "split", "year", "my credit", "", "\0", "2",
)  # fmt: skip

texts = st.one_of(st.sampled_from(NAMES + _HOSTILE), st.text(max_size=8), st.text(st.characters(), max_size=20))
"""Texts and paths, halves of letters among them."""
numbers = st.one_of(
    st.integers(-3, 3), st.integers(), st.floats(), st.sampled_from([10**18, 10**400, 2**53 + 1, -(2**63)])
)
_plain = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.one_of(
    _plain, st.lists(_plain, max_size=3), st.dictionaries(texts, _plain, max_size=2), st.just(_NESTED)
)  # fmt: skip
"""Everything that a cell may hold."""
_valid = st.one_of(
    st.fixed_dictionaries({"image": st.sampled_from(NAMES), "text": st.sampled_from(("a cat", "a dog"))}),
    st.fixed_dictionaries({"id": st.integers(0, 9), "image": st.none(), "text": st.text(min_size=1)}),
)
_rows = st.one_of(
    _valid,
    st.tuples(_valid, st.dictionaries(st.sampled_from(_COLUMNS), values, max_size=2)).map(lambda two: two[0] | two[1]),
    st.dictionaries(st.sampled_from(_COLUMNS), values, max_size=6),
)


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Return one of some files after flips, cuts, insertions and repetitions."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        length = draw(st.one_of(st.integers(0, 8), st.integers(0, 600)))
        match draw(st.sampled_from(("flip", "set", "cut", "insert", "repeat", "end"))):
            case "flip" if content:
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "set" if content:
                content[at] = draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFE, 0xFF)))
            case "cut":
                del content[at : at + length]
            case "insert":
                content[at:at] = draw(st.one_of(st.binary(max_size=8), st.sampled_from(_TOKENS)))
            case "repeat":
                content[at:at] = content[at : at + length] * draw(st.integers(1, 3))
            case "end":
                del content[at:]
    return bytes(content)


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    """Return lines of JSON, some of which are none."""
    lines = []
    for row in draw(st.lists(st.one_of(_rows, values), max_size=6)):
        text = json.dumps(row, ensure_ascii=draw(st.booleans()))
        lines.append(text.encode("utf-8", "surrogatepass") + draw(st.sampled_from((b"\n", b"\r\n", b"\n \n", b",\n"))))
    return draw(st.sampled_from((b"", b"\xef\xbb\xbf", b"\n"))) + b"".join(lines)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """Return CSV, with quotes that are not closed and rows that are too long."""
    written = io.StringIO(newline="")
    sign = draw(st.sampled_from(",;\t"))
    writer = csv.writer(written, delimiter=sign, lineterminator=draw(st.sampled_from(("\n", "\r\n", "\r"))))
    names = draw(st.lists(st.sampled_from(_COLUMNS), min_size=1, max_size=5))
    writer.writerow(names)
    for row in draw(st.lists(st.lists(texts, max_size=len(names) + 1), max_size=6)):
        writer.writerow(row)
        written.write(draw(st.sampled_from(("", "", "", "\n", '"', 'a","x\n', 'a.png,"red\n', '"5" nails",b\n'))))
    return written.getvalue().encode("utf-8", draw(st.sampled_from(("replace", "surrogatepass"))))


_moments = st.integers(-(2**63), 2**63 - 1)
_ARROW: dict[str, tuple[pyarrow.DataType, st.SearchStrategy[Any]]] = {
    "string": (pyarrow.string(), st.text(max_size=8)),
    "path": (pyarrow.string(), st.sampled_from(NAMES)),
    "number": (pyarrow.float64(), st.floats()),
    "half": (pyarrow.float32(), st.floats(width=32)),
    "whole": (pyarrow.int64(), _moments),
    "truth": (pyarrow.bool_(), st.booleans()),
    "bytes": (pyarrow.binary(), st.binary(max_size=8)),
    "decimal": (pyarrow.decimal128(20, 3), st.decimals(-(10**9), 10**9, places=3)),
    "list": (pyarrow.list_(pyarrow.string()), st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=3)),
    "numbers": (pyarrow.list_(pyarrow.int32()), st.lists(st.integers(-5, 5), max_size=3)),
    "picture": (
        pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()}),
        st.one_of(st.none(), st.fixed_dictionaries({"bytes": st.one_of(st.none(), st.binary(max_size=8))})),
    ),
    "map": (pyarrow.map_(pyarrow.string(), pyarrow.int32()), st.lists(st.tuples(st.text(max_size=3), st.just(1)))),
    "date": (pyarrow.date32(), st.dates()),
    "far date": (pyarrow.date32(), st.integers(-(2**31), 2**31 - 1)),
    "nothing": (pyarrow.null(), st.none()),
    "time in s": (pyarrow.timestamp("s"), st.integers(-(10**15), 10**15)),
    **{f"time in {unit}": (pyarrow.timestamp(unit), _moments) for unit in ("ms", "us", "ns")},
    "zoned": (pyarrow.timestamp("us", "Europe/Berlin"), _moments),
    "unknown zone": (pyarrow.timestamp("us", "Nowhere/At all"), _moments),
    "span": (pyarrow.duration("ns"), _moments),
    "not text": (pyarrow.string(), st.binary(max_size=5)),
}
"""Types that a column of Parquet may have, and values of them."""


@st.composite
def parquet_files(draw: st.DrawFn) -> bytes:
    """Return Parquet with columns of types that nobody needs."""
    count = draw(st.integers(0, 5))
    columns = {}
    for name in draw(st.lists(st.sampled_from(_COLUMNS), max_size=5, unique=True)):
        kind, cells = _ARROW[draw(st.sampled_from(sorted(_ARROW)))]
        drawn = draw(st.lists(st.one_of(cells, st.none()), min_size=count, max_size=count))
        columns[name] = _column(kind, drawn)
    return written_parquet(columns)


def _column(kind: pyarrow.DataType, cells: list[Any]) -> pyarrow.Array:
    if pyarrow.types.is_string(kind) and any(isinstance(cell, bytes) for cell in cells):
        raw = pyarrow.array(cells, pyarrow.binary())
        return pyarrow.Array.from_buffers(kind, len(raw), raw.buffers())
    if pyarrow.types.is_date32(kind) and any(isinstance(cell, int) for cell in cells):
        return pyarrow.array(cells, pyarrow.int32()).view(kind)
    if pyarrow.types.is_temporal(kind) and not pyarrow.types.is_date32(kind):
        return pyarrow.array(cells, pyarrow.int64()).view(kind)
    return pyarrow.array(cells, kind)


def written_parquet(columns: dict[str, Any]) -> bytes:
    """Return Parquet of some columns."""
    written = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), written)
    return written.getvalue()


_MEMBERS = (
    "a.png", "a.txt", "a.json", "a.cls", "a.seg.png", "./a.caption", "b.2020.png", "b.2020.txt", "cats/c.jpg", "c.txt",
    ".x", "._a.png", "d", "d.bin", "..", "../e.png", "/e.png", "x" * 300 + ".png", "\0.png", "é.png", "caf\udce9.png",
    "e.jpg",
)  # fmt: skip
_KINDS = (*[tarfile.REGTYPE] * 6, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE)


@st.composite
def tars(draw: st.DrawFn) -> bytes:
    """Return a tar of odd members, in an order that nobody chose."""
    written = io.BytesIO()
    form = draw(st.sampled_from((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)))
    with tarfile.open(fileobj=written, mode="w", format=form, errors="surrogateescape") as archive:
        for name in draw(st.lists(st.sampled_from(_MEMBERS), max_size=8)):
            content = draw(st.one_of(st.binary(max_size=8), _json_columns, texts.map(_bytes)))
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = draw(st.sampled_from(_KINDS)), len(content), "a.png"
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


_json_columns = st.dictionaries(st.sampled_from(_COLUMNS), values, max_size=3).map(lambda row: _bytes(json.dumps(row)))


def sparse_tar(size: int) -> bytes:
    """Return a tar of a kilobyte with a picture that is all hole: it takes `size` bytes once it is read."""
    member = tarfile.TarInfo("a.png")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (size, 0)
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def _drawn(mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", (24, 17), "white")
    ImageDraw.Draw(image).ellipse((3, 2, 18, 14), fill="red", outline="blue")
    return image.convert(mode)


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a disc"
    return exif


def _deep(kind: str) -> Image.Image:
    return Image.fromarray((np.arange(24 * 17).reshape(17, 24) * 100).astype(kind))


PICTURES: dict[str, tuple[bytes, ...]] = {
    ".png": (
        _saved(_drawn(), "PNG"),
        _saved(_drawn("P"), "PNG", transparency=0),
        _saved(_drawn("RGBA"), "PNG", exif=_turned()),
        _saved(_drawn("1"), "PNG"),
        _saved(_deep("uint16"), "PNG"),
        _saved(_drawn(), "PNG", save_all=True, append_images=[_drawn("L").convert("RGB")]),
    ),
    ".jpg": (
        _saved(_drawn(), "JPEG", exif=_turned()),
        _saved(_drawn(), "JPEG", progressive=True),
        _saved(_drawn("CMYK"), "JPEG"),
        _saved(_drawn("L"), "JPEG"),
        _saved(_drawn(), "MPO", save_all=True, append_images=[_drawn()]),
    ),
    ".gif": (
        _saved(_drawn("P"), "GIF", transparency=0),
        _saved(_drawn(), "GIF", save_all=True, append_images=[_drawn()]),
    ),
    ".webp": (
        _saved(_drawn(), "WEBP", exif=_turned()),
        _saved(_drawn("RGBA"), "WEBP", lossless=True),
        _saved(_drawn(), "WEBP", save_all=True, append_images=[_drawn("L").convert("RGB")]),
    ),
    ".tif": (
        *(_saved(_drawn(), "TIFF", compression=kind, exif=_turned()) for kind in ("raw", "tiff_lzw", "jpeg")),
        _saved(_drawn(), "TIFF", compression="packbits"),
        _saved(_drawn("1"), "TIFF", compression="group4"),
        *(_saved(_deep(kind), "TIFF") for kind in ("uint16", "int32", "float32")),
    ),
    ".svg": (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="5" height="5" fill="red"/></svg>',
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY r "red">]>'
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><defs>'
        b'<linearGradient id="g"><stop offset="0" stop-color="&r;"/></linearGradient></defs>'
        b'<g transform="scale(2)">'
        b'<path d="M0 0L9 9z" fill="url(#g)"/><use href="#g"/><text x="1" y="3">a</text></g></svg>',
    ),
}  # fmt: skip
"""Small pictures of each format, by suffix."""

ROWS = tuple(
    json.dumps(row).encode()
    for row in (
        {"id": 1, "image": "a.png", "text": "a cat", "year": 2010},
        {"image": "b.jpg", "texts": ["a dog", "an animal"], "split": "train"},
        {"image": "cats/c.gif", "text": "café", "category": "cat", "split": "test"},
        {"id": "x", "text": "words alone", "tags": ["a", "b"], "credit": {"by": "me"}},
    )
)
JSON_LINES = (b"\n".join(ROWS) + b"\n", b"\n".join(ROWS[:1] * 3))
CSV_FILES = (
    b'id,image,text\n1,a.png,"a cat, black"\n2,b.jpg,a dog\n3,,"words ""alone"""\n',
    'image;texts;year\r\na.png;"[""a"", ""b""]";2010\r\na.png;café;2011\r\n'.encode(),
    b'\xef\xbb\xbfimage\ttext\na.png\t"two\nlines"\nb.jpg\t5" nails\n',
)


def parquet_seeds() -> tuple[bytes, ...]:
    """Return plain Parquet files to be damaged."""
    pictures = pyarrow.array([{"bytes": PICTURES[".png"][0], "path": "a.png"}] * 3)
    return (
        written_parquet({"id": [1, 2, 3], "text": ["a", "b", None], "year": [1.5, None, 2.0]}),
        written_parquet({"image": pictures, "text": ["a", "b", "c"]}),
        written_parquet(
            {"image": ["a.png", "a.png"], "when": [datetime(2026, 1, 2, 3), None], "texts": [["a"], ["b"]]}
        ),
        written_parquet({"id": ["x"], "text": ["y"], "day": [date(2026, 1, 2)], "price": [Decimal("1.50")]}),
        written_parquet({"id": ["x"], "text": ["y"], "took": [timedelta(seconds=3)], "raw": [b"\xff"]}),
    )


def tar_seeds() -> tuple[bytes, ...]:
    """Return plain tars to be damaged, in the three formats that there are."""
    made = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w", format=form) as archive:
            for name, content in (
                ("a.png", PICTURES[".png"][0]), ("a.txt", b"a cat"), ("é.jpg", b"no picture"),
                ("é.json", b'{"text": "t"}'), ("folder/" + "x" * 90 + ".txt", b"long"),
            ):  # fmt: skip
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        made.append(written.getvalue())
    return (*made, sparse_tar(4096))
