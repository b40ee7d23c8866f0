"""What the page shows before a search: newest pictures, queries to try, facets, and only tabs that have content."""

import os
from pathlib import Path
from typing import Any

from tests.browser import Page, browser, expect

from .conftest import Running, Serve, png
from .pages import opened, page, settled, site

__all__ = ["browser", "page", "site"]


def test_the_page_begins_with_the_newest_pictures_which_open(browser: Any, serve: Serve, tmp_path: Path) -> None:
    with serve() as started:
        items = "/v1/collections/shop/items"
        started.client.put(f"{items}/fresh", data={"text": "the latest"}, files={"image": png("green")})
        (path,) = (tmp_path / "shop" / "pictures").rglob("*.png")
        os.utime(path, (4e9, 4e9))
        with opened(browser, started) as page:
            expect(page.get_by_role("heading", name="Newest pictures")).to_be_visible()
            expect(page.get_by_role("list", name="Newest pictures").get_by_role("listitem")).to_have_count(24)
            first = page.locator(".tile").first
            expect(first).to_have_text("the latest")
            width = "image => image.decode().then(() => image.naturalWidth)"
            assert first.locator("img").evaluate(width) == 48
            first.click()
            expect(page.locator("#item-title")).to_have_text("fresh")
            expect(page.locator("#item")).to_contain_text("the latest")
            expect(page.locator("#item")).not_to_contain_text("Similarity")
            expect(page.locator("#explanation")).to_be_empty()
            page.keyboard.press("Escape")
            expect(first).to_be_focused()


def test_a_query_to_try_is_searched(page: Page) -> None:
    tries = page.get_by_role("group", name="Try").get_by_role("button")
    expect(tries).to_have_count(6)
    text = tries.nth(2).text_content()
    tries.nth(2).click()
    expect(page.locator(".hit")).to_have_count(24)
    expect(page.get_by_label("Search for")).to_have_value(text)
    expect(page.locator(".tile")).to_have_count(0)
    page.go_back()
    expect(page.locator(".tile")).to_have_count(24)


def test_a_facet_lists_its_items_and_narrows_a_search(page: Page) -> None:
    discs = page.get_by_role("group", name="category").get_by_role("button", name="disc 12")
    discs.click()
    expect(page.locator(".hit")).to_have_count(12)
    expect(page.locator("#count")).to_have_text("12 items, in the order of their ids")
    expect(page.locator(".similarity")).to_have_count(0)
    expect(discs).to_have_attribute("aria-pressed", "true")
    assert "where=category+%3D+%27disc%27" in page.url
    expect(discs).to_be_focused()
    page.get_by_label("Search for").fill("a red square")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_contain_text("12 of 12")
    discs.click()
    expect(page.locator("#count")).to_contain_text("24 of 24")
    expect(discs).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Search for").fill("")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(24)


def test_more_of_a_list_is_shown_on_demand(page: Page, site: Running) -> None:
    site.client.put("/v1/collections/shop/items/zz", data={"text": "a red square"}, files={"image": png()})
    page.goto("/?where=id+!%3D+%27nothing%27")
    settled(page)
    expect(page.locator("#count")).to_have_text("The first 24 items, in the order of their ids")
    page.get_by_role("button", name="More", exact=True).click()
    expect(page.locator(".hit")).to_have_count(25)
    expect(page.locator(".hit").nth(24)).to_be_focused()
    expect(page.locator("#count")).to_have_text("25 items, in the order of their ids")
    site.client.delete("/v1/collections/shop/items/zz")


def test_a_row_of_facets_is_one_stop_and_has_arrow_keys(page: Page) -> None:
    row = page.get_by_role("group", name="category").get_by_role("button")
    row.first.focus()
    page.keyboard.press("ArrowRight")
    expect(row.nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(row.nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("group", name="Try").get_by_role("button").first).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(row.nth(1)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(row.first).to_have_attribute("aria-pressed", "true")


def test_tabs_without_content_are_not_shown_unless_the_address_names_one(browser: Any, serve: Serve) -> None:
    with serve() as started, opened(browser, started) as page:
        expect(page.locator(".tile").first).to_be_visible()
        expect(page.get_by_role("tab")).to_have_text(["Search", "Map"])
        few = [{"name": "shop", "items": 2, "images": 2, "texts": 2}]
        page.route("**/v1/collections", lambda route: route.fulfill(json=few))
        page.reload()
        expect(page.locator(".tile").first).to_be_visible()
        expect(page.get_by_role("tab")).to_have_count(0)
        page.goto("/?tab=benchmarks")
        expect(page.get_by_role("tab")).to_have_text(["Search", "Benchmarks"])
        expect(page.locator("#benchmarks")).to_contain_text("Start the service with --benchmarks DIR.")
        page.get_by_role("tab", name="Search").click()
        expect(page.locator(".tile").first).to_be_visible()


def test_a_page_without_an_overview_still_searches(page: Page) -> None:
    page.route("**/overview", lambda route: route.abort())
    page.reload()
    expect(page.locator("#state")).to_contain_text("24 items to search")
    page.get_by_label("Search for").fill("a red square")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(24)
