"""Several hits at once: selected, tagged, saved, deleted; and deletion only where it is offered."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych.web.keys import Keys
from tests.browser import Page, browser, expect

from .conftest import Running, Serve, png
from .pages import find, opened, settled, unfold

__all__ = ["browser"]

ITEMS = "/v1/collections/shop/items"


@pytest.fixture
def own(serve: Serve) -> Iterator[Running]:
    """Return a service of a collection to be changed, whose page deletes."""
    with serve(page_deletes=True) as started:
        yield started


@pytest.fixture
def page(browser: Any, own: Running) -> Iterator[Page]:
    with opened(browser, own) as shown:
        unfold(shown)
        find(shown, "a red square")
        yield shown


def begin(page: Page, *places: int) -> list[str]:
    """Select hits, and return their ids."""
    page.get_by_role("button", name="Select", exact=True).click()
    for place in places:
        page.locator(".hit").nth(place).click()
    return [page.evaluate(ID_OF, place) for place in places]


ID_OF = """async place => {
  const { hitOf } = await import("/results.js");
  return hitOf(document.querySelectorAll(".hit")[place]).id;
}"""


def test_hits_are_selected_by_click_shift_and_keyboard(page: Page) -> None:
    hits, count = page.locator(".hit"), page.locator("#selected")
    begin(page, 1)
    expect(page.locator("#item")).to_be_hidden()
    expect(count).to_have_text("1 selected")
    expect(hits.nth(1)).to_have_attribute("aria-pressed", "true")
    hits.nth(4).click(modifiers=["Shift"])
    expect(count).to_have_text("4 selected")
    hits.nth(2).click()
    expect(count).to_have_text("3 selected")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    expect(count).to_have_text("2 selected")
    page.get_by_role("button", name="All", exact=True).click()
    expect(count).to_have_text("24 selected")
    page.get_by_role("button", name="All", exact=True).click()
    expect(count).to_have_text("0 selected")
    for name in ("Tag", "CSV", "JSON lines", "Delete"):
        expect(page.locator("#selection").get_by_role("button", name=name)).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_empty()
    hits.nth(2).click(modifiers=["Control"])
    expect(count).to_have_text("1 selected")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name="Select", exact=True)).to_be_focused()
    hits.first.click()
    expect(page.locator("#item")).to_be_visible()


def test_a_new_search_ends_a_selection_and_more_hits_join_it(page: Page, own: Running) -> None:
    own.client.put(f"{ITEMS}/zz", data={"text": "a red square"}, files={"image": png()})
    find(page, "a blue square")
    begin(page, 0)
    page.get_by_role("button", name="More", exact=True).click()
    expect(page.locator(".hit")).to_have_count(25)
    expect(page.locator("#selected")).to_have_text("1 selected")
    expect(page.locator(".hit").nth(24)).to_have_attribute("aria-pressed", "false")
    find(page, "a red square")
    expect(page.locator("#selection")).to_be_empty()
    expect(page.locator(".hit[aria-pressed]")).to_have_count(0)


def test_selected_hits_are_tagged_and_the_facets_follow(page: Page, own: Running) -> None:
    ids = begin(page, 0, 3)
    page.get_by_role("button", name="Tag", exact=True).click()
    expect(page.get_by_label("Tag in column")).to_be_focused()
    page.keyboard.type("shelf")
    page.get_by_label("Tag", exact=True).fill("upper")
    page.get_by_role("button", name="Tag 2 items").click()
    expect(page.locator("#selection")).to_be_empty()
    for each in ids:
        assert own.client.get(f"{ITEMS}/{each}").json()["columns"]["shelf"] == "upper"
    tagged = own.client.get(ITEMS, params={"where": "shelf = 'upper'"}).json()["items"]
    assert {item["id"] for item in tagged} == set(ids)
    expect(page.locator("#column option")).to_have_text(["category", "shelf"])
    settled(page)
    begin(page, 0)
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tag in column").fill("id")
    page.get_by_label("Tag", exact=True).fill("x")
    page.get_by_role("button", name="Tag 1 item").click()
    expect(page.get_by_role("alert")).to_contain_text("'id' cannot be the name of a column.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#selected")).to_have_text("1 selected")


def test_selected_hits_are_saved_as_csv_and_as_json_lines(page: Page, own: Running) -> None:
    for k, text in enumerate(['=1+1, "quoted"', "two\nlines"]):
        columns = json.dumps({"note": text, "year": -2000 - k})
        own.client.put(f"{ITEMS}/n{k}", data={"text": ["first", "second"], "columns": columns}, files={"image": png()})
    page.goto("/?text=first&where=year+%3C+0")
    expect(page.locator(".hit")).to_have_count(2)
    page.get_by_role("button", name="Select", exact=True).click()
    page.get_by_role("button", name="All", exact=True).click()
    with page.expect_download() as kept:
        page.get_by_role("button", name="CSV").click()
    assert kept.value.suggested_filename == "shop.csv"
    with Path(kept.value.path()).open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file))
    assert head == ["id", "rank", "similarity", "texts", "note", "year"]
    assert {row[0]: (row[3], row[4], float(row[5])) for row in rows} == {
        "n0": ("first\nsecond", '\'=1+1, "quoted"', -2000),
        "n1": ("first\nsecond", "two\nlines", -2001),
    }
    assert [row[1] for row in rows] == ["1", "2"]
    with page.expect_download() as kept:
        page.get_by_role("button", name="JSON lines").click()
    assert kept.value.suggested_filename == "shop.jsonl"
    lines = [json.loads(line) for line in Path(kept.value.path()).read_text(encoding="utf-8").splitlines()]
    assert {line["id"]: line["note"] for line in lines} == {"n0": '=1+1, "quoted"', "n1": "two\nlines"}
    assert [line["rank"] for line in lines] == [1, 2]


def test_selected_hits_are_deleted_after_a_question(page: Page, own: Running) -> None:
    ids = begin(page, 0, 1)
    delete = page.locator("#selection").get_by_role("button", name="Delete")
    delete.click()
    expect(page.get_by_role("alert")).to_have_text("Delete 2 items from the collection?")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#selected")).to_have_text("2 selected")
    own.client.delete(f"{ITEMS}/{ids[0]}")
    delete.click()
    delete.click()
    expect(page.locator("#count")).to_contain_text("22 of 22")
    for each in ids:
        assert own.client.get(f"{ITEMS}/{each}").status_code == 404


def test_the_page_deletes_nothing_unless_the_service_was_started_so(browser: Any, serve: Serve) -> None:
    with serve() as started, opened(browser, started) as page:
        find(page, "a red square")
        begin(page, 0)
        expect(page.get_by_role("button", name="Tag")).to_be_visible()
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        page.keyboard.press("Escape")
        page.locator(".hit").first.click()
        expect(page.get_by_role("button", name="More like this")).to_be_visible()
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        assert started.client.delete(f"{ITEMS}/p3").json() == {"removed": 1}


def test_a_key_that_reads_selects_only_to_save(browser: Any, serve: Serve, tmp_path: Path) -> None:
    token = Keys(tmp_path / "keys.json").add("reader", "read")
    with serve(keys=tmp_path / "keys.json", page_deletes=True) as started, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{started.port}/?text=square")
        page.get_by_label("Key", exact=True).fill(token)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Select", exact=True).click()
        expect(page.locator("#selection").get_by_role("button")).to_have_text(["All", "CSV", "JSON lines", "Done"])
        expect(page.get_by_role("button", name="Add pictures")).to_be_hidden()
