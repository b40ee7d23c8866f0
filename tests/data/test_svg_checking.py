import gzip
from pathlib import Path

import pytest

from diptych.data.pictures import decode
from diptych.data.svg_checking import MAX_DEPTH, MAX_ELEMENTS, MAX_SVG_BYTES, checked_svg
from diptych.errors import BadImage

RED = (255, 0, 0)
RECTANGLE = '<rect width="10" height="10" fill="#f00"/>'


def svg(content: str = RECTANGLE, head: str = "") -> bytes:
    return f'{head}<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{content}</svg>'.encode()


def nested(depth: int) -> bytes:
    return svg("<g>" * (depth - 2) + RECTANGLE + "</g>" * (depth - 2))


def colour(tmp_path: Path, content: bytes) -> object:
    (tmp_path / "a.svg").write_bytes(content)
    return decode(tmp_path / "a.svg", side=32).getpixel((16, 16))


def test_elements_may_be_nested_up_to_the_bound(tmp_path: Path) -> None:
    assert colour(tmp_path, nested(MAX_DEPTH)) == RED
    for depth in (MAX_DEPTH + 1, 500, 100_000):
        with pytest.raises(BadImage, match=r"a.svg' is an SVG with elements more than 100 deep. Flatten its groups."):
            colour(tmp_path, nested(depth))


def test_the_number_of_elements_is_bounded() -> None:
    assert checked_svg(svg("<g/>" * 1_000), named="it")
    with pytest.raises(BadImage, match=r"it is an SVG of more than 250,000 elements"):
        checked_svg(svg("<g/>" * MAX_ELEMENTS), named="it")


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY a "ha"><!ENTITY lol "&a;&a;&a;">',
        '<!ENTITY lol SYSTEM "file:///etc/passwd">',
        '<!ENTITY lol PUBLIC "x" "http://127.0.0.1/x">',
        '<!ENTITY % lol "x">',
        f"<!ENTITY lol '{RECTANGLE}'>",
        '<!ENTITY lol "&#38;a;">',
    ],
)
def test_an_entity_that_is_more_than_text_is_refused(tmp_path: Path, entities: str) -> None:
    with pytest.raises(BadImage, match=r"a.svg' is an SVG that declares the entity 'lol' as more than plain text"):
        colour(tmp_path, svg("<desc>&lol;</desc>", head=f"<!DOCTYPE svg [{entities}]>"))


def test_entities_of_text_as_illustrator_writes_them_are_read(tmp_path: Path) -> None:
    head = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
        '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>'
    )
    assert colour(tmp_path, svg(head=head).replace(b'"http://www.w3.org/2000/svg" view', b'"&ns_svg;" view')) == RED


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + svg(),
        svg(
            "<desc>caf\N{LATIN SMALL LETTER E WITH ACUTE}</desc>" + RECTANGLE,
            head='<?xml version="1.0" encoding="ISO-8859-1"?>',
        ),
        svg(head='\n \n<?xml version="1.1"?>'),
        svg(head="<!-- drawn by hand -->"),
        svg(RECTANGLE + "<a href='http://example.org'><g/></a><style>@import url(http://example.org/a.css);</style>"),
        b'<svg viewBox="0 0 10 10"><rect width="10" height="10" fill="#f00"/></svg>',
        gzip.compress(svg(), mtime=0),
    ],
)
def test_what_users_files_look_like_is_read(tmp_path: Path, content: bytes) -> None:
    assert colour(tmp_path, content) == RED


def test_a_compressed_svg_is_bounded_by_what_it_holds(tmp_path: Path) -> None:
    content = gzip.compress(svg(RECTANGLE + " " * MAX_SVG_BYTES))
    assert len(content) < 20_000
    with pytest.raises(BadImage, match=r"a.svg' is an SVG of over 10,000,000 bytes"):
        colour(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a picture", id="text"),
        pytest.param(svg()[:-10], id="cut off"),
        pytest.param(gzip.compress(svg(), mtime=0)[:-30], id="compressed and cut off"),
        pytest.param(svg().decode().encode("utf-16"), id="UTF-16"),
    ],
)
def test_what_is_no_svg_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadImage, match=r"a.svg' cannot be decoded: "):
        colour(tmp_path, content)
