"""Pictures added on the page: dropped on their field, or chosen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Page, browser, expect

from .conftest import Running, Serve, png
from .pages import opened

__all__ = ["browser"]

ITEMS = "/v1/collections/shop/items"


@pytest.fixture
def own(serve: Serve) -> Iterator[Running]:
    """Return a service of a collection to be added to, which takes small uploads only."""
    with serve(limits={"upload_bytes": 60_000}) as started:
        yield started


@pytest.fixture
def page(browser: Any, own: Running) -> Iterator[Page]:
    with opened(browser, own) as shown:
        expect(shown.locator(".tile")).to_have_count(24)
        yield shown


def drop_on_the_field(page: Page, *paths: Path) -> None:
    """Drag files over the page, and let them fall on the field for adding that appears."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    expect(page.locator("#add-zone")).to_be_visible()
    box = page.locator("#add-zone").bounding_box()
    place = {"x": box["x"] + 50, "y": box["y"] + 50, "data": data}
    for kind in ("dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place})
    expect(page.locator("#add-zone")).to_be_hidden()
    expect(page.locator("form.over")).to_have_count(0)


def test_dropped_pictures_are_added_with_ids_and_captions(page: Page, own: Running, tmp_path: Path) -> None:
    (tmp_path / "green.png").write_bytes(png("green"))
    (tmp_path / "teal.png").write_bytes(png("teal"))
    (tmp_path / "notes.txt").write_text("no picture")
    drop_on_the_field(page, tmp_path / "green.png", tmp_path / "notes.txt", tmp_path / "teal.png")
    dialog = page.locator("#adding")
    expect(dialog.get_by_role("heading")).to_have_text("Add pictures to shop")
    expect(dialog).to_contain_text("One file is not a picture and left out.")
    expect(page.locator("#preview")).to_be_hidden()
    assert own.client.get(f"{ITEMS}/green.png").status_code == 404
    dialog.get_by_label("Id", exact=True).nth(1).fill("my/teal one")
    dialog.get_by_label("Caption").nth(1).fill("all teal")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_be_hidden()
    assert own.client.get(f"{ITEMS}/green.png").json()["texts"] == []
    assert own.client.get(f"{ITEMS}/my%2Fteal%20one").json()["texts"] == ["all teal"]
    expect(page.locator("#state")).to_contain_text("26 items to search, 26 with a picture.")
    names = page.locator(".tile .name")
    assert {names.nth(0).text_content(), names.nth(1).text_content()} == {"green.png", "all teal"}


def test_an_item_is_never_replaced_and_faults_are_told(page: Page, own: Running) -> None:
    files = [
        {"name": "p3", "mimeType": "image/png", "buffer": png("green")},
        {"name": "broken.png", "mimeType": "image/png", "buffer": b"nothing"},
        {"name": "big.png", "mimeType": "image/png", "buffer": bytes(100_000)},
        {"name": "fine.png", "mimeType": "image/png", "buffer": png("green")},
    ]
    before = own.client.get(f"{ITEMS}/p3").json()
    page.on("filechooser", lambda chooser: chooser.set_files(files))
    page.get_by_role("button", name="Add pictures").click()
    dialog = page.locator("#adding")
    rows = dialog.get_by_role("listitem")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(rows.nth(0)).to_contain_text("There is an item with this id already. Give it another one.")
    expect(rows.nth(1)).to_contain_text("The picture cannot be read;")
    expect(rows.nth(2)).to_contain_text("more than 60,000 bytes")
    expect(rows.nth(3)).to_contain_text("Added.")
    expect(dialog).to_contain_text("1 added, 3 not.")
    expect(rows.nth(3).get_by_label("Id", exact=True)).to_be_disabled()
    assert own.client.get(f"{ITEMS}/p3").json() == before
    rows.nth(0).get_by_label("Id", exact=True).fill("other")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_contain_text("2 added, 2 not.")
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("#state")).to_contain_text("26 items to search")


def test_nothing_is_added_without_a_picture_or_after_cancel(page: Page, own: Running, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    drop_on_the_field(page, tmp_path / "notes.txt")
    expect(page.locator("#adding").get_by_role("button", name="Add", exact=True)).to_be_disabled()
    page.locator("#adding").get_by_role("button", name="Cancel").click()
    (tmp_path / "green.png").write_bytes(png("green"))
    drop_on_the_field(page, tmp_path / "green.png")
    page.keyboard.press("Escape")
    assert own.client.get("/v1/collections/shop").json()["items"] == 24
