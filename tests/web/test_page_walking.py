"""From hit to hit by arrow keys, and an opened picture enlarged and kept."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.browser import Page, browser, expect

from .conftest import Running, Serve, png
from .pages import explained, find, opened, page, site, unfold

__all__ = ["browser", "page", "site"]


def focused(page: Page) -> int:
    """Return the place of the hit that has the focus, from 0."""
    place: int = page.evaluate("[...document.querySelectorAll('.hit')].indexOf(document.activeElement)")
    return place


def columns(page: Page) -> int:
    """Return how many hits are in the first row."""
    tops = page.locator(".hit").evaluate_all("hits => hits.map(hit => hit.getBoundingClientRect().top)")
    return tops.count(tops[0])


def test_arrow_keys_lead_through_the_grid(page: Page) -> None:
    unfold(page)
    find(page, "a red square")
    across = columns(page)
    assert 1 < across < 24
    page.locator(".hit").first.focus()
    walk = {"ArrowRight": 1, "ArrowDown": 1 + across, "ArrowLeft": across, "ArrowUp": 0, "End": 23, "Home": 0}
    for key, place in walk.items():
        page.keyboard.press(key)
        assert focused(page) == place, key
    for key in ("ArrowUp", "ArrowLeft", "Shift+ArrowRight", "Control+ArrowDown"):
        page.keyboard.press(key)
        assert focused(page) == 0, key
    page.keyboard.press("End")
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        assert focused(page) == 23, key


def test_the_hits_are_one_stop_of_the_tabulator(page: Page) -> None:
    unfold(page)
    find(page, "a red square")
    page.locator(".hit").nth(3).focus()
    page.keyboard.press("Shift+Tab")
    assert focused(page) == -1
    page.keyboard.press("Tab")
    assert focused(page) == 3


def test_arrow_keys_lead_through_the_newest_pictures(page: Page) -> None:
    tiles = page.locator(".tile")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    name = tiles.nth(2).locator(".name").text_content()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#item")).to_contain_text(name)


def test_an_opened_hit_leads_to_the_ones_beside_it(page: Page) -> None:
    unfold(page)
    find(page, "a red square")
    hits = page.locator(".hit")
    rank = page.locator("#item dd").first
    hits.first.click()
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    expect(rank).to_have_text("2")
    page.get_by_role("button", name="Next").click()
    expect(rank).to_have_text("3")
    expect(page.get_by_role("button", name="Next")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(rank).to_have_text("1")
    page.keyboard.press("ArrowLeft")
    expect(rank).to_have_text("1")
    page.keyboard.press("ArrowRight")
    explained(page)
    page.get_by_label("Gradients", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(rank).to_have_text("2")
    page.keyboard.press("Escape")
    expect(hits.nth(1)).to_be_focused()


@pytest.fixture
def large(browser: Any, serve: Serve) -> Iterator[tuple[Page, Running]]:
    """Return the page of a service with a picture of many pixels, opened."""
    with serve() as started:
        path = "/v1/collections/shop/items/far%2Flarge.png"
        picture = png("green", (2400, 1200))
        assert started.client.put(path, data={"text": "a field"}, files={"image": picture}).status_code == 200
        with opened(browser, started, "/?where=id+%3D+'far/large.png'") as page:
            page.locator(".hit").click()
            yield page, started


def test_an_opened_picture_is_enlarged(large: tuple[Page, Running]) -> None:
    page, _ = large
    page.get_by_role("button", name="Zoom").click()
    image, pane = page.locator("#zoom img"), page.locator("#zoom .pane")
    expect(image).to_have_js_property("naturalWidth", 2048)
    expect(page.locator("#zoom output")).to_have_text("100 %")
    fit = image.bounding_box()
    assert fit["width"] <= pane.bounding_box()["width"]
    page.keyboard.press("+")
    expect(page.locator("#zoom output")).to_have_text("150 %")
    assert abs(image.bounding_box()["width"] / fit["width"] - 1.5) < 0.01
    page.get_by_role("button", name="Larger").click()
    expect(page.locator("#zoom output")).to_have_text("200 %")
    page.get_by_role("button", name="Smaller").click()
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect(page.locator("#zoom output")).to_have_text("100 %")
    expect(page.get_by_role("button", name="Smaller")).to_be_disabled()
    image.click(position={"x": 10, "y": 10})
    expect(page.locator("#zoom output")).to_have_text("200 %")
    assert pane.evaluate("pane => pane.scrollLeft") < 30
    middle = pane.bounding_box()
    page.mouse.move(middle["x"] + 400, middle["y"] + 200)
    page.mouse.down()
    page.mouse.move(middle["x"] + 300, middle["y"] + 150, steps=4)
    page.mouse.up()
    assert 90 <= pane.evaluate("pane => pane.scrollLeft") <= 130
    expect(page.locator("#zoom output")).to_have_text("200 %")
    page.mouse.wheel(0, -100)
    expect(page.locator("#zoom output")).to_have_text("300 %")
    page.keyboard.press("0")
    expect(page.locator("#zoom output")).to_have_text("100 %")
    page.keyboard.press("Escape")
    expect(page.locator("#zoom")).to_be_hidden()
    expect(page.locator("#item")).to_be_visible()
    expect(page.get_by_role("button", name="Zoom")).to_be_focused()


def test_an_opened_picture_is_downloaded(large: tuple[Page, Running]) -> None:
    page, started = large
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download").click()
    assert kept.value.suggested_filename == "large.webp"
    with Image.open(io.BytesIO(kept.value.path().read_bytes())) as picture:
        assert (picture.format, picture.size) == ("WEBP", (2048, 1024))
    started.client.delete("/v1/collections/shop/items/far%2Flarge.png")
    page.route("**/thumbnails/**", lambda route: route.abort())
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer.")
    page.get_by_role("button", name="Zoom").click()
    expect(page.locator("#zoom")).to_contain_text("The picture could not be loaded.")
