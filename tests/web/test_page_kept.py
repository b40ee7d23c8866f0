"""Near-identical hits folded together, and searches that the browser keeps."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import Page, browser, expect

from .conftest import Serve, png
from .pages import find, opened, page, settled, site

__all__ = ["browser", "page", "site"]

ITEMS = "/v1/collections/shop/items"


@pytest.fixture
def folded(browser: Any, serve: Serve) -> Iterator[Page]:
    """Return the page of a service with one picture under three ids."""
    with serve() as started:
        for name in ("copy-a", "copy-b", "copy-c"):
            data = {"text": "a quiet field", "columns": '{"year": 1900}'}
            started.client.put(f"{ITEMS}/{name}", data=data, files={"image": png("green")})
        started.client.put(f"{ITEMS}/said", data={"text": "a quiet field", "columns": '{"year": 1900}'})
        with opened(browser, started, "/?text=a+quiet+field&against=image&where=year+%3D+1900") as shown:
            settled(shown)
            yield shown


def test_near_identical_hits_are_folded_below_the_first(folded: Page) -> None:
    hits = folded.locator(".hit:visible")
    expect(hits).to_have_count(1)
    expect(folded.locator(".hit")).to_have_count(3)
    folded.locator(".hit").first.focus()
    folded.keyboard.press("ArrowRight")
    expect(folded.locator(".hit").first).to_be_focused()
    show = folded.get_by_role("button", name="Show 2 alike")
    expect(show).to_have_attribute("aria-expanded", "false")
    show.click()
    expect(hits).to_have_count(3)
    hide = folded.get_by_role("button", name="Hide 2 alike")
    expect(hide).to_be_focused()
    folded.locator(".hit").first.focus()
    folded.keyboard.press("ArrowRight")
    expect(folded.locator(".hit").nth(1)).to_be_focused()
    hide.click()
    expect(hits).to_have_count(1)
    expect(folded.get_by_role("alert")).to_have_count(0)


def test_hits_are_shown_unfolded_where_the_service_cannot_tell(folded: Page) -> None:
    folded.route("**/alike", lambda route: route.abort())
    folded.reload()
    settled(folded)
    expect(folded.locator(".hit:visible")).to_have_count(3)


def rows(page: Page, name: str) -> list[str]:
    """Return what a row of kept searches offers."""
    chips: list[str] = page.get_by_role("group", name=name).get_by_role("button").all_text_contents()
    return chips


def test_the_latest_searches_are_offered_again(page: Page) -> None:
    find(page, "a red square")
    find(page, "a blue disc")
    page.goto("/?like=p3&not=blue&where=category+%3D+'disc'")
    settled(page)
    find(page, "a red square")
    page.goto("/")
    expect(page.get_by_role("group", name="Recent")).to_be_visible()
    mixed = "like p3 · without blue · category = 'disc'"
    assert rows(page, "Recent") == [f"a red square · {mixed}", mixed, "a blue disc", "a red square", "Clear"]
    page.get_by_role("group", name="Recent").get_by_role("button", name="a blue disc").click()
    expect(page.locator(".hit")).to_have_count(24)
    expect(page.get_by_label("Search for")).to_have_value("a blue disc")
    page.go_back()
    expect(page.locator(".tile").first).to_be_visible()
    assert rows(page, "Recent")[0] == "a blue disc"
    page.get_by_role("group", name="Recent").get_by_role("button", name="Clear").click()
    expect(page.get_by_role("group", name="Recent")).to_have_count(0)
    page.reload()
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.get_by_role("group", name="Recent")).to_have_count(0)


def test_a_search_is_saved_until_it_is_forgotten(page: Page) -> None:
    find(page, "a red square")
    save = page.get_by_role("button", name="Save search")
    expect(save).to_have_attribute("aria-pressed", "false")
    save.click()
    expect(save).to_have_attribute("aria-pressed", "true")
    page.goto("/")
    page.get_by_role("group", name="Saved").get_by_role("button", name="a red square").click()
    expect(page.locator(".hit")).to_have_count(24)
    expect(save).to_have_attribute("aria-pressed", "true")
    save.click()
    page.goto("/")
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.get_by_role("group", name="Saved")).to_have_count(0)


def test_a_search_by_a_picture_is_not_kept(page: Page) -> None:
    page.locator("#file").set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": png()})
    expect(page.locator(".hit")).to_have_count(24)
    expect(page.get_by_role("button", name="Save search")).to_be_hidden()
    page.goto("/")
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.get_by_role("group", name="Recent")).to_have_count(0)


@pytest.mark.parametrize(
    "kept",
    [
        "no JSON",
        "{}",
        json.dumps([{"label": "<img src=x onerror=alert(1)>", "address": "?text=square"}]),
        json.dumps(
            [{"label": "elsewhere", "address": "https://example.org/"}, {"label": 1, "address": "?text=a"}, None]
        ),
    ],
)
def test_whatever_the_browser_keeps_is_text_and_leads_nowhere_else(page: Page, kept: str) -> None:
    page.evaluate("kept => localStorage.setItem('diptych-saved', kept)", kept)
    page.reload()
    expect(page.locator(".tile").first).to_be_visible()
    expected = ["<img src=x onerror=alert(1)>"] if "onerror" in kept else []
    assert rows(page, "Saved") == expected
    expect(page.locator("#state img[src=x]")).to_have_count(0)
