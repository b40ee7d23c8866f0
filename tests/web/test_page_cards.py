"""The cards of the page: pictures that fill them, and captions that can be read as a whole."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.browser import Page, browser, expect

from .conftest import Running, Serve, png
from .pages import opened

__all__ = ["browser"]

LONG = "a caption that is far too long for the narrow line below a card of the page"
ITEMS = "/v1/collections/shop/items"


def ring() -> bytes:
    """Return a picture that is transparent but for a black bar, twice as wide as it is high."""
    picture, written = Image.new("RGBA", (96, 48)), io.BytesIO()
    picture.paste((0, 0, 0, 255), (20, 20, 76, 28))
    picture.save(written, "PNG")
    return written.getvalue()


@pytest.fixture
def cards(serve: Serve) -> Iterator[Running]:
    """Return a service that also has a wide photograph, a wide pictogram and a text."""
    with serve() as started:
        for name, picture in {"photos/wide one.png": png("green", (96, 48)), "ring": ring()}.items():
            path = f"{ITEMS}/{name.replace('/', '%2F')}"
            started.client.put(path, data={"text": [LONG, "another"]}, files={"image": picture})
        started.client.put(f"{ITEMS}/{'said-' * 12}", data={"text": "a word"})
        yield started


def card(page: Page, item: str) -> Any:
    page.goto(f"/?where=id+%3D+'{item}'")
    return page.locator(".hit")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_photographs_fill_their_cards_and_pictograms_are_whole_on_white(
    browser: Any, cards: Running, theme: str
) -> None:
    with opened(browser, cards, color_scheme=theme) as page:
        photo = card(page, "photos/wide one.png").locator(".frame")
        expect(photo.locator("img")).to_have_js_property("naturalWidth", 96)
        expect(photo.locator("img")).to_have_css("object-fit", "cover")
        box, frame = photo.locator("img").bounding_box(), photo.bounding_box()
        assert (box["width"], box["height"]) == (frame["width"], frame["height"])
        pictogram = card(page, "ring").locator(".frame")
        expect(pictogram.locator("img")).to_have_css("object-fit", "contain")
        expect(pictogram).to_have_css("background-color", "rgb(255, 255, 255)")


def test_whole_captions_and_ids_are_read_on_hover_and_on_focus(browser: Any, cards: Running) -> None:
    with opened(browser, cards) as page:
        hit = card(page, "photos/wide one.png")
        expect(hit.locator(".whole")).to_have_count(0)
        hit.hover()
        expect(hit.locator(".whole span")).to_have_text([LONG, "another", "photos/wide one.png"])
        page.get_by_label("Search for").hover()
        expect(hit.locator(".whole")).to_have_count(0)
        page.get_by_label("Search for").focus()
        while not hit.evaluate("hit => hit === document.activeElement"):
            page.keyboard.press("Tab")
        expect(hit.locator(".whole")).to_contain_text("photos/wide one.png")
        whole = hit.locator(".whole").evaluate("told => told.scrollHeight - told.clientHeight")
        assert whole == 0
        page.keyboard.press("Escape")
        expect(hit.locator(".whole")).to_have_count(0)


def test_a_text_has_its_whole_id_where_the_line_cuts_it(browser: Any, cards: Running) -> None:
    with opened(browser, cards) as page:
        hit = card(page, "said-" * 12)
        hit.hover()
        expect(hit.locator(".whole")).to_have_text("said-" * 12)
        cards.client.put(f"{ITEMS}/short", data={"text": "a word"})
        hit = card(page, "short")
        hit.hover()
        expect(hit.locator(".whole")).to_have_count(0)
