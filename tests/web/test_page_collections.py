"""The page of a service with several collections: with texts alone, with credits, and an empty one."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych.collection import Collection
from diptych.web.limits import Limits
from diptych.web.startup import Options
from tests.browser import Page, browser, expect
from tests.collection.conftest import items_file

from .conftest import Made, Running, running
from .pages import explained, find, opened, settled

__all__ = ["browser"]

SAYINGS = [
    {"id": "red", "text": "a red square with a rather long story behind it", "year": 2001, "attribution": "By Ann."},
    {"id": "blue", "text": "a blue disc", "year": 2002, "attribution": "By Bob."},
    {"id": "plain", "texts": ["a disc", "something round"], "year": 2003},
]


@pytest.fixture(scope="module")
def collections(
    made: Made, shared_cache: Path, tiny_set: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Return a service of pictures, of texts, of pictures with a credit and of nothing."""
    folder = tmp_path_factory.mktemp("collections")
    shutil.copytree(made.place, folder / "shop")
    shutil.copy(tiny_set / "3.png", folder)
    drawn = {"id": "drawn", "image": "3.png", "text": "a red square", "attribution": "Drawn by Cas."}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        for name, rows in {"sayings": SAYINGS, "drawings": [drawn], "nothing": []}.items():
            with Collection.create(str(folder / name), str(made.run)) as collection:
                if rows:
                    added = collection.add(str(items_file(folder, *rows, name=f"{name}.jsonl")))
                    assert added.added == len(rows)
        places = [str(folder / name) for name in ("shop", "sayings", "drawings", "nothing")]
        with running(Options(places, limits=Limits(rate=0.0))) as started:
            yield started


@pytest.fixture
def page(browser: Any, collections: Running, own_cache: Path) -> Iterator[Page]:
    with opened(browser, collections) as shown:
        expect(shown.locator("#collection option")).to_have_count(4)
        yield shown


def choose(page: Page, name: str) -> None:
    page.get_by_text("Options").click()
    page.get_by_label("Collection").select_option(name)


def test_a_collection_is_chosen_and_the_address_keeps_it(page: Page) -> None:
    find(page, "a red square")
    expect(page.locator("#count")).to_contain_text("24 of 24")
    choose(page, "sayings")
    expect(page.locator("#count")).to_contain_text("3 of 3")
    assert "collection=sayings" in page.url
    expect(page.locator("#column option")).to_have_text(["year"])
    page.go_back()
    expect(page.locator("#count")).to_contain_text("24 of 24")
    expect(page.get_by_label("Collection")).to_have_value("shop")
    expect(page.locator("#column option")).to_have_text(["category"])


def test_texts_alone_are_cards_that_open(page: Page) -> None:
    page.goto("/?collection=sayings&text=a+red+square")
    settled(page)
    expect(page.locator(".hit .said")).to_have_count(3)
    expect(page.locator(".hit img")).to_have_count(0)
    expect(page.locator(".hit").first).to_contain_text("a red square with a rather long story behind it")
    page.locator(".hit").first.click()
    explained(page)
    expect(page.locator("#item-title")).to_have_text("red")
    expect(page.locator("#item")).to_contain_text("year2001")
    expect(page.locator("#item .seen")).to_have_count(0)
    expect(page.locator("#explanation")).to_contain_text("Compared with the text “a red square”, which is kept fixed.")
    page.get_by_label("Integrated gradients").check()
    expect(page.locator("#explanation mark")).to_contain_text(["a", "red", "square"])


def test_more_like_a_text_is_explained_by_its_words(page: Page) -> None:
    page.goto("/?collection=sayings&text=a+disc")
    page.get_by_role("button").filter(has_text="something round").or_(page.get_by_text("plain")).first.click()
    page.get_by_role("button", name="More like this").click()
    expect(page.locator("#like-name")).to_have_text("plain")
    expect(page.locator(".hit")).to_have_count(2)
    page.locator(".hit").first.click()
    explained(page)
    expect(page.locator("#explanation")).to_contain_text("Compared with the text of 'plain', which is kept fixed.")


def test_a_credit_is_shown_and_not_offered_as_a_filter(page: Page, collections: Running) -> None:
    page.goto("/?collection=drawings&text=a+red+square")
    expect(page.locator("#attribution")).to_have_text("Drawn by Cas.")
    columns = collections.client.get("/v1/collections/drawings").json()["columns"]
    assert [column["name"] for column in columns] == ["attribution"]
    page.get_by_text("Options").click()
    expect(page.locator("#builder")).to_be_hidden()
    page.locator(".hit").click()
    expect(page.locator("#item figcaption")).to_have_text("Drawn by Cas.")
    explained(page)
    expect(page.locator("#item figcaption")).to_have_text("Drawn by Cas.")
    page.goto("/?collection=sayings&text=a+red+square")
    expect(page.locator("#attribution")).to_contain_text("By Ann.")
    expect(page.locator("#attribution")).to_contain_text("By Bob.")


@pytest.mark.parametrize("where", ["", "&where=id+%3D+'drawn'"])
def test_a_credit_is_shown_with_pictures_that_no_search_has_found(page: Page, where: str) -> None:
    page.goto(f"/?collection=drawings{where}")
    expect(page.locator("#attribution")).to_have_text("Drawn by Cas.")
    page.locator(".tile, .hit").click()
    expect(page.locator("#item figcaption")).to_have_text("Drawn by Cas.")
    page.goto("/?collection=nothing")
    expect(page.locator("#state")).to_contain_text("This collection is empty.")
    expect(page.locator("#attribution")).to_be_empty()


def test_an_empty_collection_says_how_to_fill_it(page: Page) -> None:
    choose(page, "nothing")
    expect(page.locator("#state")).to_contain_text("This collection is empty.")
    expect(page.locator("#state")).to_contain_text("diptych collection add nothing FOLDER")
    find(page, "a red square")
    expect(page.locator("#state")).to_contain_text("No items match.")


def test_a_number_is_filtered_by_its_size(page: Page) -> None:
    page.goto("/?collection=sayings&text=a+disc")
    settled(page)
    page.get_by_text("Options").click()
    page.get_by_label("Test").select_option(label="at least")
    page.get_by_label("Value").fill("2002")
    page.get_by_role("button", name="Add to filter").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("year >= 2002")
    expect(page.locator("#count")).to_contain_text("2 of 2")
