"""The page in a real browser: searching, looking, deleting."""

import re
from pathlib import Path
from typing import Any

import pytest

from diptych.web.keys import Keys
from tests.browser import Page, browser, expect

from .conftest import Running, Serve, png
from .pages import explained, find, page, site

__all__ = ["browser", "page", "site"]


def test_a_text_finds_pictures_and_the_address_keeps_the_search(page: Page) -> None:
    find(page, "a red square")
    expect(page.locator(".hit")).to_have_count(24)
    expect(page.locator("#count")).to_contain_text("24 of 24")
    find(page, "a blue disc")
    assert "text=a+blue+disc" in page.url
    page.go_back()
    expect(page.get_by_label("Search for")).to_have_value("a red square")
    page.reload()
    expect(page.locator(".hit")).to_have_count(24)


def test_the_address_may_hold_every_field_of_a_search(page: Page) -> None:
    with page.expect_request("**/v1/search") as sent:
        page.goto("/?text=a+disc&not=blue&not=red&balance=0.25&against=text&fusion=rrf&where=id+%3D+'p1'&k=3&offset=1")
    form = sent.value.post_data
    given = {"text": ["a disc"], "not": ["blue", "red"], "balance": ["0.25"], "against": ["text"], "fusion": ["rrf"]}
    for name, values in {**given, "where": ["id = 'p1'"], "k": ["24"], "offset": ["0"]}.items():
        assert re.findall(rf'name="{name}"\r\n\r\n(.*?)\r\n', form) == values
    expect(page.get_by_role("textbox", name="Without")).to_have_value("blue, red")
    page.goto("/?text=a+disc&balance=7")
    expect(page.locator("#balance")).to_have_value("0.5")


@pytest.mark.parametrize("submitted", [True, False])
def test_what_is_typed_before_the_page_has_read_its_collections_stays(
    browser: Any, site: Running, submitted: bool
) -> None:
    with browser.new_context(base_url=f"http://127.0.0.1:{site.port}") as context:
        page, held = context.new_page(), []
        page.route("**/v1/collections", lambda route: held.append(route))
        with page.expect_request("**/v1/collections"):
            page.goto("/")
        page.get_by_label("Search for").fill("a red square")
        if submitted:
            page.get_by_role("button", name="Search", exact=True).click()
            assert "text=a+red+square" in page.url
        held[0].continue_()
        expect(page.locator("#collection option")).to_have_count(1)
        expect(page.locator(".hit")).to_have_count(24 if submitted else 0)
        expect(page.get_by_label("Search for")).to_have_value("a red square")
        find(page, "a blue disc")
        expect(page.locator(".hit")).to_have_count(24)


def test_a_picture_finds_texts_and_can_be_taken_out_again(page: Page) -> None:
    page.locator("#file").set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": png()})
    expect(page.locator(".hit")).to_have_count(24)
    expect(page.locator("#preview-name")).to_have_text("red.png")
    expect(page.locator("#balance-field")).to_be_hidden()
    find(page, "a red square")
    expect(page.locator("#balance-field")).to_be_visible()
    page.get_by_role("button", name="Search without the picture").click()
    expect(page.locator("#preview")).to_be_hidden()


def test_a_filter_is_built_from_the_columns(page: Page) -> None:
    find(page, "something")
    page.get_by_text("Options").click()
    page.get_by_label("Value").fill("disc")
    page.get_by_role("button", name="Add to filter").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("category = 'disc'")
    expect(page.locator("#count")).to_contain_text("12 of 12")
    page.get_by_label("Value").fill("it's")
    page.get_by_role("button", name="Add to filter").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("category = 'disc' and category = 'it''s'")
    expect(page.locator("#state")).to_contain_text("No items match.")
    page.get_by_label("Filter", exact=True).fill("colour = 1")
    page.get_by_label("Filter", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("colour")


def shown(page: Page) -> list[str]:
    """Return the names below the hits, in their order."""
    names: list[str] = page.locator(".hit .name").all_text_contents()
    return names


def test_an_item_leads_to_more_like_it_until_it_is_taken_out(page: Page, site: Running) -> None:
    find(page, "a red square")
    page.locator(".hit").first.click()
    name = page.locator("#item-title").text_content()
    page.get_by_role("button", name="More like this").click()
    expect(page.locator("#like-name")).to_have_text(name)
    assert f"like={name}" in page.url
    expect(page.get_by_label("Search for")).to_have_value("")
    expect(page.locator(".hit")).to_have_count(23)
    answer = site.client.post("/v1/search", data={"collection": "shop", "like": name, "k": 23}).json()
    assert shown(page) == [hit["texts"][0] for hit in answer["hits"]]
    page.get_by_role("button", name="Search without the similar item").click()
    expect(page.locator("#like-chip")).to_be_hidden()
    expect(page.locator("#state")).to_contain_text("24 items to search")


def test_hits_are_without_what_they_should_not_be_about(page: Page, site: Running) -> None:
    page.get_by_text("Options").click()
    page.get_by_role("textbox", name="Without").fill("a blue disc, number 4")
    find(page, "a disc")
    assert "not=a+blue+disc&not=number+4" in page.url
    fields = {"collection": "shop", "text": "a disc", "k": 24}
    answer = site.client.post("/v1/search", data={**fields, "not": ["a blue disc", "number 4"]}).json()
    assert shown(page) == [hit["texts"][0] for hit in answer["hits"]]
    plain = site.client.post("/v1/search", data=fields).json()
    assert shown(page) != [hit["texts"][0] for hit in plain["hits"]]
    page.reload()
    expect(page.get_by_role("textbox", name="Without")).to_have_value("a blue disc, number 4")


def test_a_picture_is_dropped_anywhere_and_what_is_none_is_refused(page: Page, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(png())
    (tmp_path / "notes.txt").write_text("no picture")
    page.get_by_role("tab", name="Training").click()
    drop(page, tmp_path / "red.png")
    expect(page.locator("#preview-name")).to_have_text("red.png")
    expect(page.locator(".hit")).to_have_count(24)
    drop(page, tmp_path / "notes.txt")
    expect(page.get_by_role("alert")).to_contain_text("The dropped file is not a picture.")
    assert page.url.startswith("http")


def drop(page: Page, path: Path) -> None:
    """Drag a file over the lower edge of the page and let it fall, as a file manager does."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 700, "data": data})
    expect(page.locator("form.over")).to_have_count(1)
    session.send("Input.dispatchDragEvent", {"type": "drop", "x": 600, "y": 700, "data": data})
    expect(page.locator("form.over")).to_have_count(0)


COPY = """async bytes => {
  const image = new Blob([new Uint8Array(bytes)], { type: "image/png" });
  await navigator.clipboard.write([new ClipboardItem({ "image/png": image })]);
}"""


def test_a_picture_is_pasted_but_not_behind_an_open_hit(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(COPY, list(png("blue")))
    find(page, "a red square")
    page.locator(".hit").first.click()
    page.keyboard.press("Control+V")
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()
    page.get_by_label("Search for").focus()
    page.keyboard.press("Control+V")
    expect(page.locator("#preview")).to_be_visible()
    expect(page.locator("#balance-field")).to_be_visible()
    expect(page.get_by_label("Search for")).to_have_value("a red square")
    assert page.locator("#preview-image").evaluate("image => image.decode().then(() => image.naturalWidth)") == 48


def test_more_hits_are_shown_on_demand(page: Page, site: Running) -> None:
    for name in ("zx", "zy"):
        site.client.put(f"/v1/collections/shop/items/{name}", data={"text": "a red square"}, files={"image": png()})
    try:
        find(page, "a red square")
        expect(page.locator(".hit")).to_have_count(24)
        page.get_by_role("button", name="More", exact=True).click()
        expect(page.locator(".hit")).to_have_count(26)
        expect(page.locator(".hit").nth(24)).to_be_focused()
        expect(page.get_by_role("button", name="More", exact=True)).to_be_hidden()
    finally:
        for name in ("zx", "zy"):
            site.client.delete(f"/v1/collections/shop/items/{name}")


def test_it_says_when_it_waits_fails_and_may_be_asked_again(page: Page) -> None:
    expect(page.locator("#state")).to_contain_text("24 items to search, 24 with a picture.")
    held = []
    page.route("**/v1/search", lambda route: held.append(route))
    page.get_by_label("Search for").fill("a red square")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_contain_text("Searching …")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "true")
    held[0].abort()
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer.")
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".hit")).to_have_count(24)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_deleted_item_is_gone(page: Page, site: Running) -> None:
    site.client.put("/v1/collections/shop/items/zz", data={"text": "a red square"}, files={"image": png()})
    find(page, "a red square")
    page.goto("/?text=square&where=id+%3D+%27zz%27")
    page.locator(".hit").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#state")).to_contain_text("No items match.")
    assert site.client.get("/v1/collections/shop/items/zz").status_code == 404
    page.goto("/?text=square")
    expect(page.locator("#count")).to_contain_text("24 of 24")


def test_too_large_a_picture_is_refused_in_the_services_words(page: Page) -> None:
    page.locator("#file").set_input_files({"name": "big.png", "mimeType": "image/png", "buffer": bytes(100_000)})
    expect(page.get_by_role("alert")).to_contain_text("more than 60,000 bytes")
    expect(page.get_by_role("alert")).to_contain_text("Send a smaller picture.")


def test_everything_can_be_done_with_the_keyboard(page: Page) -> None:
    page.get_by_label("Search for").focus()
    page.keyboard.type("a red square")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(24)
    tab_to(page, "document.activeElement.className === 'hit'")
    page.keyboard.press("Enter")
    expect(page.locator("#item")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#item")).to_be_hidden()
    expect(page.locator(".hit").first).to_be_focused()
    page.locator("#tab-search").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#panel-runs svg")).not_to_have_count(0)


def test_an_explanation_and_a_deletion_need_no_mouse(page: Page, site: Running) -> None:
    site.client.put("/v1/collections/shop/items/zz", data={"text": "a red square"}, files={"image": png()})
    page.goto("/?text=square&where=id+%3D+%27zz%27")
    page.locator(".hit").focus()
    page.keyboard.press("Enter")
    explained(page)
    tab_to(page, "document.activeElement.name === 'way'")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Gradients", exact=True)).to_be_checked()
    expect(page.get_by_label("Gradients", exact=True)).to_be_focused()
    tab_to(page, "document.activeElement.textContent === 'Delete'")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_contain_text("No items match.")
    expect(page.get_by_label("Search for")).to_be_focused()


def test_a_picture_is_chosen_and_the_content_reached_with_the_keyboard(page: Page) -> None:
    red = {"name": "red.png", "mimeType": "image/png", "buffer": png()}
    # listened for from the beginning, so that the browser asks the test in place of the desktop
    page.on("filechooser", lambda chooser: chooser.set_files(red))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("button", name="Picture", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(24)
    expect(page.get_by_label("Search for")).to_be_focused()
    tab_to(page, "document.activeElement.id === 'drop-picture'")
    page.keyboard.press("Enter")
    expect(page.locator("#preview")).to_be_hidden()
    expect(page.get_by_role("button", name="Picture", exact=True)).to_be_focused()


def tab_to(page: Page, reached: str) -> None:
    """Press the tabulator until a condition of the page holds."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate(reached):
            return
    raise AssertionError(f"no focus with {reached}")


def test_a_key_is_asked_for_and_one_that_reads_cannot_delete(browser: Any, serve: Serve, tmp_path: Path) -> None:
    token = Keys(tmp_path / "keys.json").add("reader", "read")
    with serve(keys=tmp_path / "keys.json") as started, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{started.port}/?text=square")
        page.get_by_label("Key", exact=True).fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#key-reason")).to_contain_text("This key is unknown.")
        page.get_by_label("Key", exact=True).fill(token)
        page.keyboard.press("Enter")
        page.locator(".hit").first.click()
        expect(page.get_by_role("button", name="More like this")).to_be_visible()
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        expect(page.locator(".seen img")).to_have_js_property("complete", True)
        assert started.client.get("/v1/access", headers={"Authorization": f"Bearer {token}"}).json() == {
            "scope": "read"
        }
