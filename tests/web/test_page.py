"""The page in a real browser."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych.drawing.heat import colour
from diptych.web.keys import Keys
from diptych.web.limits import Limits
from diptych.web.opening import Options

from .conftest import Made, Running, Serve, png, running

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the page's tests need playwright: pip install playwright"
)
expect = playwright.expect
Page = Any
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Chromium, or skip with how to get it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = os.environ.get("DIPTYCH_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip("no Chromium: install the system's package chromium, or name a browser in DIPTYCH_BROWSER")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=executable)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def site(made: Made, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a service of a copy of the collection, which takes small uploads only."""
    place = shutil.copytree(made.place, tmp_path_factory.mktemp("site") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        options = Options([str(place)], runs=made.run.parent, limits=Limits(rate=0.0, upload_bytes=60_000))
        with running(options) as started:
            yield started


@pytest.fixture
def page(browser: Any, site: Running, own_cache: Path) -> Iterator[Page]:
    """Return the open page; the test fails where a script failed or something foreign was asked for."""
    with browser.new_context(base_url=f"http://127.0.0.1:{site.port}") as context:
        opened = context.new_page()
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("console", lambda message: "Content Security" in message.text and faults.append(message.text))
        opened.goto("/")
        expect(opened.locator("#collection option")).to_have_count(1)
        yield opened
        assert faults == []


def find(page: Page, text: str) -> None:
    page.get_by_label("Search for").fill(text)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#count")).not_to_be_empty()


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
    page.get_by_role("button", name="Add to the filter").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("category = 'disc'")
    expect(page.locator("#count")).to_contain_text("12 of 12")
    page.get_by_label("Value").fill("it's")
    page.get_by_role("button", name="Add to the filter").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("category = 'disc' and category = 'it''s'")
    expect(page.locator("#state")).to_contain_text("Nothing found.")
    page.get_by_label("Filter", exact=True).fill("colour = 1")
    page.get_by_label("Filter", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("colour")


def test_an_item_leads_to_more_like_it(page: Page) -> None:
    find(page, "a red square")
    page.locator(".hit").first.click()
    name = page.locator("#item-title").text_content()
    page.get_by_role("button", name="More like this").click()
    expect(page.locator("#like-name")).to_have_text(name)
    assert f"like={name}" in page.url


def test_a_deleted_item_is_gone(page: Page, site: Running) -> None:
    site.client.put("/v1/collections/shop/items/zz", data={"text": "a red square"}, files={"image": png()})
    find(page, "a red square")
    page.goto("/?text=square&where=id+%3D+%27zz%27")
    page.locator(".hit").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#state")).to_contain_text("Nothing found.")
    assert site.client.get("/v1/collections/shop/items/zz").status_code == 404


def test_too_large_a_picture_is_refused_in_the_services_words(page: Page) -> None:
    page.locator("#file").set_input_files({"name": "big.png", "mimeType": "image/png", "buffer": bytes(100_000)})
    expect(page.get_by_role("alert")).to_contain_text("more than 60,000 bytes")
    expect(page.get_by_role("alert")).to_contain_text("Send a smaller picture.")


def test_everything_can_be_done_with_the_keyboard(page: Page) -> None:
    page.get_by_label("Search for").focus()
    page.keyboard.type("a red square")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(24)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "hit":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#item")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#item")).to_be_hidden()
    expect(page.locator(".hit").first).to_be_focused()
    page.locator("#tab-search").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#panel-runs svg")).not_to_have_count(0)


def test_runs_have_curves_and_without_benchmarks_it_says_how(page: Page) -> None:
    page.get_by_role("tab", name="Training").click()
    expect(page.get_by_role("img", name=re.compile("^Validation MAP"))).to_be_visible()
    page.get_by_role("tab", name="Benchmarks").click()
    expect(page.locator("#benchmarks")).to_contain_text("Start the service with --benchmarks DIR.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_has_a_serious_fault_of_accessibility(page: Page, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    page.emulate_media(color_scheme=theme)
    find(page, "a red square")
    faults = serious(axe, page)
    page.locator(".hit").first.click()
    expect(page.locator("#explanation .waiting")).to_have_count(0)
    faults += serious(axe, page)
    page.keyboard.press("Escape")
    for tab in ("Benchmarks", "Training"):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(".waiting:visible")).to_have_count(0)
        faults += serious(axe, page)
    assert faults == []


def serious(axe: Any, page: Page) -> list[Any]:
    found = axe.run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")]


def test_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    find(page, "a red square")
    for tab in ("Training", "Benchmarks", "Search"):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(".waiting:visible")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_key_is_asked_for_and_one_that_reads_cannot_delete(browser: Any, serve: Serve, tmp_path: Path) -> None:
    token = Keys(tmp_path / "keys.json").add("reader", "read")
    with serve(keys=tmp_path / "keys.json") as started, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{started.port}/?text=square")
        page.get_by_label("Key", exact=True).fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#key-reason")).to_contain_text("This key is not known.")
        page.get_by_label("Key", exact=True).fill(token)
        page.keyboard.press("Enter")
        page.locator(".hit").first.click()
        expect(page.get_by_role("button", name="More like this")).to_be_visible()
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        expect(page.locator(".seen img")).to_have_js_property("complete", True)
        assert started.client.get("/v1/access", headers={"Authorization": f"Bearer {token}"}).json() == {
            "scope": "read"
        }


RECORD = {
    "text": "\N{CAT FACE} red square",
    "image": {"width": 48, "height": 48, "regions": [
        {"left": 0, "top": 0, "right": 24, "bottom": 48}, {"left": 24, "top": 0, "right": 48, "bottom": 48}]},
    "words": [{"text": "red", "start": 2, "end": 5}, {"text": "square", "start": 6, "end": 12}],
    "fused": 1.5, "fusion": {"rule": "product", "weight": None, "reference": "the pictures of shop"},
    "fused_ways": {"attention": {"image": [0.5, 0.5], "words": []}, "occlusion": {"image": [0.5, 0.1], "words": []}},
    "attribution": "",
    "spaces": [
        {"name": "visual", "similarity": 0.9, "ways": {
            "attention": {"image": [0.25, 0.75], "words": []},
            "occlusion": {"image": [0.5, -0.5], "words": [0.1, 0.2]}}},
        {"name": "textual", "similarity": 0.6, "ways": {
            "attention": {"image": [], "words": [0.9, 0.1]},
            "occlusion": {"image": [], "words": [], "reason": "It is not offered here."}}},
    ],
}  # fmt: skip
"""An explanation: the right half is lit most, and the word red."""
ENDS = tuple(map(colour, (0.0, 1.0, -1.0)))
"""What explanations that are saved look like."""


def mixed(share: int, end: str) -> str:
    return f"color-mix(in oklab, {end} {share}%, {ENDS[0]})"


def test_regions_are_lit_and_words_shaded_space_by_space(page: Page) -> None:
    page.route("**/v1/explain", lambda route: route.fulfill(json=RECORD))
    find(page, "a red square")
    page.locator(".hit").first.click()
    expect(page.locator("#explanation .legend")).to_contain_text("regions: full colour is 0.75")
    fills = "rects => rects.map(rect => rect.getAttribute('fill'))"
    assert page.locator(".seen rect").evaluate_all(fills) == [mixed(33, ENDS[1]), mixed(100, ENDS[1])]
    page.get_by_label("Occlusion").check()
    assert page.locator(".seen rect").evaluate_all(fills) == [mixed(100, ENDS[1]), mixed(100, ENDS[2])]
    page.get_by_label("textual").check()
    expect(page.locator("#explanation")).to_contain_text("It is not offered here.")
    page.get_by_label("Attention").check()
    expect(page.locator("#explanation mark")).to_have_text(["red", "square"])
    inks = "marks => marks.map(mark => mark.style.color)"
    assert page.locator("#explanation mark").evaluate_all(inks) == ["white", "black"]
    expect(page.locator("#explanation mark").first).to_have_css("background-color", re.compile("oklab"))
    expect(page.locator(".seen rect")).to_have_count(0)
    page.get_by_label("fused").check()
    expect(page.locator("#explanation")).to_contain_text("1.500")
    expect(page.locator("#explanation")).to_contain_text("the pictures of shop")
    expect(page.locator(".seen rect")).to_have_count(2)


def test_a_hit_is_explained_by_the_service(page: Page) -> None:
    find(page, "a red square")
    page.locator(".hit").first.click()
    expect(page.locator("#explanation .legend").first).to_be_visible(timeout=30_000)
    expect(page.locator(".seen rect")).not_to_have_count(0)
    for way in ("Gradients", "Integrated gradients", "Occlusion"):
        page.get_by_label(way, exact=True).check()
    page.get_by_label("textual").check()
    expect(page.locator("#explanation mark")).to_have_text(["a", "red", "square"])


def test_a_wheel_brings_the_page(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "diptych", tmp_path / "diptych", ignore=shutil.ignore_patterns("__pycache__"))
    program = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        shipped = {name for name in opened.namelist() if name.startswith("diptych/web/page/")}
    files = [path for path in (ROOT / "diptych" / "web" / "page").rglob("*") if path.is_file()]
    assert shipped == {path.relative_to(ROOT).as_posix() for path in files}
    assert "diptych/web/page/index.html" in shipped
