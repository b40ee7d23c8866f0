"""The map of a collection: over HTTP, and on the page."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from diptych.web.routes import plane
from tests.browser import Page, browser, expect

from .conftest import Running, Serve, fault, png
from .pages import opened, page, site

__all__ = ["browser", "page", "site"]

PLACE = "/v1/collections/shop/map"


@pytest.fixture
def own(serve: Serve) -> Iterator[Running]:
    """Return a service of a collection to be changed."""
    with serve() as started:
        yield started


@pytest.fixture
def mapped(page: Page) -> Page:
    """Return the page with the map in view."""
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#map canvas")).to_be_visible()
    return page


def test_the_map_of_the_service_is_that_of_the_collection(own: Running) -> None:
    found = own.client.get(PLACE).json()
    known = own.service.collection("shop").collection.map()
    assert [point["id"] for point in found["points"]] == [item.id for item in known.items]
    assert [[point["x"], point["y"]] for point in found["points"]] == known.points.tolist()
    assert [point["kind"] for point in found["points"]] == known.kinds
    assert found["shares"] == list(known.shares)
    assert all(own.client.get(point["thumbnail"]).status_code == 200 for point in found["points"][:2])
    discs = own.client.get(PLACE, params={"where": "category = 'disc'"}).json()["points"]
    assert {point["kind"] for point in discs} == {"disc"}


def test_a_map_of_too_many_items_is_refused(own: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "MAPPED", 20)
    message = "a map has at most 20 items; these are 24. Narrow them with a filter."
    assert fault(own.client.get(PLACE))["message"] == message
    assert len(own.client.get(PLACE, params={"where": "category = 'disc'"}).json()["points"]) == 12


def test_items_are_drawn_pointed_at_and_opened(mapped: Page) -> None:
    expect(mapped.locator("#map")).to_contain_text("24 items, in the plane in which their vectors vary most;")
    expect(mapped.locator("#map .keys")).to_contain_text("disc")
    canvas, told = mapped.locator("#map canvas"), mapped.locator(".told")
    expect(told).to_be_hidden()
    mapped.wait_for_function(INKED)
    canvas.focus()
    mapped.keyboard.press("Shift+Tab")
    mapped.keyboard.press("Tab")
    expect(told).to_be_visible()
    first = told.text_content()
    names = {first}
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        mapped.keyboard.press(key)
        names.add(told.text_content())
    assert len(names) > 1
    last = told.text_content()
    mapped.keyboard.press("Enter")
    expect(mapped.locator("#item")).to_contain_text(str(last))
    mapped.keyboard.press("Escape")
    expect(canvas).to_be_focused()
    mapped.keyboard.press("Enter")
    mapped.get_by_role("button", name="More like this").click()
    expect(mapped.locator(".hit")).to_have_count(23)
    expect(mapped.locator("#panel-search")).to_be_visible()
    mapped.go_back()
    expect(canvas).to_be_visible()


INKED = """() => {
  const canvas = document.querySelector("#map canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some(value => value > 0);
}"""


def shares(points: list[dict[str, Any]], name: str) -> list[float]:
    """Return how far each point is along an axis, from 0 to 1."""
    values = [point[name] for point in points]
    return [(value - min(values)) / (max(values) - min(values)) for value in values]


def test_the_pointer_finds_the_nearest_item_moves_and_enlarges(mapped: Page, site: Running) -> None:
    points = site.client.get(PLACE).json()["points"]
    box = mapped.locator("#map canvas").bounding_box()
    spots = [
        (box["x"] + 36 + across * (box["width"] - 72), box["y"] + 36 + (1 - up) * (box["height"] - 72))
        for across, up in zip(shares(points, "x"), shares(points, "y"), strict=True)
    ]
    alone = max(range(len(spots)), key=lambda k: sorted(math.dist(spots[k], spot) for spot in spots)[1])
    spot, far = spots[alone], points[alone]
    told = mapped.locator(".told")
    mapped.mouse.move(*spot)
    expect(told).to_have_text(far["title"])
    mapped.mouse.wheel(0, -100)
    expect(told).to_have_text(far["title"])
    mapped.get_by_role("button", name="Closer").focus()
    mapped.keyboard.press("Enter")
    mapped.get_by_role("button", name="Farther").press("Enter")
    expect(told).to_have_text(far["title"])
    corners = (box["x"], box["y"]), (box["width"], box["height"])
    inwards = [200 if place < start + size / 2 else -200 for place, start, size in zip(spot, *corners, strict=True)]
    moved = (spot[0] + inwards[0], spot[1] + inwards[1] / 4)
    mapped.mouse.down()
    mapped.mouse.move(*moved, steps=4)
    mapped.mouse.up()
    mapped.mouse.move(moved[0] + 1, moved[1] + 1)
    expect(told).to_have_text(far["title"])
    expect(mapped.locator("#item")).to_be_hidden()
    mapped.mouse.click(moved[0] + 1, moved[1] + 1)
    expect(mapped.locator("#item-title")).to_have_text(far["id"])
    mapped.keyboard.press("Escape")
    mapped.keyboard.press("0")
    mapped.mouse.move(spot[0] + 1, spot[1])
    expect(told).to_have_text(far["title"])


def test_an_item_that_is_deleted_leaves_the_map(page: Page, site: Running) -> None:
    data, files = {"text": "a passing word", "columns": '{"category": "guest"}'}, {"image": png()}
    for name in ("za", "zb"):
        site.client.put(f"/v1/collections/shop/items/{name}", data=data, files=files)
    page.goto("/?tab=map&where=category+%3D+'guest'")
    expect(page.locator("#map")).to_contain_text("2 items")
    page.locator("#map canvas").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#map")).to_contain_text("1 item with category = 'guest'")
    site.client.delete("/v1/collections/shop/items/za")
    site.client.delete("/v1/collections/shop/items/zb")


def test_the_map_follows_the_filter_and_says_what_fails(page: Page) -> None:
    page.goto("/?tab=map&where=category+%3D+'disc'")
    expect(page.locator("#map")).to_contain_text("12 items with category = 'disc'")
    page.goto("/?tab=map&where=category+%3D+'nothing'")
    expect(page.locator("#map")).to_contain_text("No items to place.")
    page.goto("/?tab=map&where=colour+%3D+1")
    expect(page.locator("#map").get_by_role("alert")).to_contain_text("colour")
    page.route("**/shop/map", lambda route: route.abort())
    page.goto("/?tab=map")
    expect(page.locator("#map").get_by_role("alert")).to_contain_text("The service does not answer.")
    page.unroute("**/shop/map")
    page.locator("#map").get_by_role("button", name="Try again").click()
    expect(page.locator("#map canvas")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_has_no_serious_fault_of_accessibility(browser: Any, site: Running, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    with opened(browser, site, "/?tab=map", color_scheme=theme) as page:
        expect(page.locator("#map canvas")).to_be_visible()
        found = axe.run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
