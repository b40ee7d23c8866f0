"""The page for every eye and hand: themes, contrast, screen readers, a phone; its tables and curves."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Page, browser, expect

from .conftest import Running, Serve, png
from .pages import explained, find, opened, page, site

__all__ = ["browser", "page", "site"]

ROWS = [
    {"method": "mcsm", "preset": "default", "image_to_text": 0.5, "text_to_image": 0.25, "average": 0.375,
     "std": None, "seconds": 12.5},
    {"method": "cca", "preset": "paper", "image_to_text": 0.25, "text_to_image": 0.75, "average": 0.5,
     "std": None, "seconds": 1.0},
]  # fmt: skip
REPORT = """<!doctype html><title>Report</title><p id="told">quiet</p><script>
try { told.textContent = "read " + sessionStorage.getItem("diptych-key"); } catch { told.textContent = "kept out"; }
</script>"""


@pytest.fixture
def benchmarks(tmp_path: Path) -> Path:
    """Return a folder with one benchmark, whose report has a script that looks for the key."""
    folder = tmp_path / "benchmarks" / "mine & yours"
    folder.mkdir(parents=True)
    table = {"data": "tiny", "splits": ["0", "1"], "rows": ROWS, "seed": 0}
    (folder / "table.json").write_text(json.dumps(table))
    (folder / "report.html").write_text(REPORT, encoding="utf-8")
    return tmp_path / "benchmarks"


def test_a_benchmark_is_a_table_whose_best_stands_out(browser: Any, serve: Serve, benchmarks: Path) -> None:
    with serve(benchmarks=benchmarks) as started, opened(browser, started, "/?tab=benchmarks") as page:
        expect(page.get_by_role("heading", name="mine & yours")).to_be_visible()
        expect(page.locator("#benchmarks")).to_contain_text("tiny, 2 splits.")
        heads = ["method", "image → text", "text → image", "average", "seconds"]
        expect(page.get_by_role("columnheader")).to_have_text(heads)
        expect(page.get_by_role("rowheader")).to_have_text(["mcsm", "cca:paper"])
        expect(page.locator("td.best")).to_have_text(["0.500", "0.750", "0.500"])
        page.get_by_role("link", name="Full report").click()
        expect(page.locator("#told")).to_have_text("kept out")
        page.go_back()
        expect(page.get_by_role("columnheader")).to_have_count(5)


def test_a_run_has_its_curves_and_facts(page: Page, site: Running) -> None:
    page.get_by_role("tab", name="Training").click()
    (run,) = site.client.get("/v1/runs").json()
    epochs = site.client.get("/v1/runs/first/history").json()
    expect(page.locator("#panel-runs dl")).to_contain_text(f"Best validation MAP{run['validation_map']:.3f}")
    first, last = (epoch["validation_map"] for epoch in (epochs[0], epochs[-1]))
    told = f"Validation MAP: validation MAP from {first:.3f} to {last:.3f}"
    expect(page.get_by_role("img", name=told)).to_be_visible()
    losses = page.get_by_role("img", name=re.compile("^Losses: "))
    expect(losses.locator("polyline")).to_have_count(len(epochs[0]["losses"]))


def test_what_is_not_shown_says_how_it_would_be(browser: Any, page: Page, serve: Serve, tmp_path: Path) -> None:
    page.goto("/?tab=benchmarks")
    expect(page.locator("#benchmarks")).to_contain_text("Start the service with --benchmarks DIR.")
    (tmp_path / "runs").mkdir()
    with serve(runs=tmp_path / "runs") as started, opened(browser, started, "/?tab=runs") as other:
        expect(other.locator("#runs")).to_contain_text("Start the service with --runs DIR.")


def test_tables_and_curves_that_fail_are_asked_for_again(page: Page) -> None:
    for tab, route, panel in (("Training", "runs", "runs"), ("Benchmarks", "benchmarks", "benchmarks")):
        page.route(f"**/v1/{route}", lambda route: route.abort())
        page.reload()
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(f"#{panel}").get_by_role("alert")).to_contain_text("The service does not answer.")
        page.unroute(f"**/v1/{route}")
        page.locator(f"#{panel}").get_by_role("button", name="Try again").click()
        expect(page.locator(f"#{panel}").get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_has_a_serious_fault_of_accessibility(
    browser: Any, serve: Serve, benchmarks: Path, site: Running, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    faults = []
    with opened(browser, site, color_scheme=theme) as page:
        faults += serious(axe, page)
        find(page, "a red square")
        faults += serious(axe, page)
        page.locator(".hit").first.click()
        explained(page)
        faults += serious(axe, page)
        page.get_by_role("button", name="Delete", exact=True).click()
        faults += serious(axe, page)
        page.keyboard.press("Escape")
        page.get_by_text("Options").click()
        page.get_by_label("Filter", exact=True).fill("colour = 1")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        faults += serious(axe, page)
        page.get_by_role("tab", name="Training").click()
        expect(page.locator("#panel-runs svg").first).to_be_visible()
        faults += serious(axe, page)
    with serve(benchmarks=benchmarks) as started, opened(browser, started, color_scheme=theme) as page:
        page.get_by_role("tab", name="Benchmarks").click()
        expect(page.locator("table")).to_be_visible()
        faults += serious(axe, page)
    assert faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_action_on_items_has_a_serious_fault_of_accessibility(
    browser: Any, serve: Serve, tmp_path: Path, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    faults = []
    with serve(page_deletes=True) as started, opened(browser, started, color_scheme=theme) as page:
        for name in ("copy-a", "copy-b"):
            path = f"/v1/collections/shop/items/{name}"
            started.client.put(path, data={"text": "a caption"}, files={"image": png("green")})
        find(page, "a red square")
        page.get_by_role("button", name="Save search").click()
        page.locator(".hit:visible").nth(1).hover()
        expect(page.locator(".whole")).to_be_visible()
        faults += serious(axe, page)
        page.get_by_role("button", name="Show 1 alike").first.click()
        page.get_by_role("button", name="Select", exact=True).click()
        page.locator(".hit").first.click()
        faults += serious(axe, page)
        for action in ("Tag", "Delete"):
            page.locator("#selection").get_by_role("button", name=action).click()
            faults += serious(axe, page)
            page.locator("#selection").get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Done").click()
        page.locator(".hit").first.click()
        page.get_by_role("button", name="Zoom").click()
        expect(page.locator("#zoom output")).to_have_text("100 %")
        page.keyboard.press("+")
        faults += serious(axe, page)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.locator("#add-files").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": png()})
        faults += serious(axe, page)
        page.keyboard.press("Escape")
        page.goto("/")
        expect(page.get_by_role("group", name="Saved")).to_be_visible()
        faults += serious(axe, page)
    assert faults == []


def serious(axe: Any, page: Page) -> list[Any]:
    found = axe.run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")]


def test_the_theme_follows_the_system_until_the_switch_is_used(page: Page) -> None:
    def papered(colour: str) -> None:
        expect(page.locator("body")).to_have_css("background-color", colour)

    dark, light = "rgb(20, 23, 27)", "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    papered(dark)
    page.emulate_media(color_scheme="light")
    papered(light)
    page.get_by_role("button", name="Dark").click()
    papered(dark)
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    page.reload()
    papered(dark)
    expect(page.get_by_role("button", name="Light")).to_be_visible()


@pytest.fixture
def phone(browser: Any, serve: Serve, benchmarks: Path, site: Running) -> Iterator[Page]:
    """Return the page of a service with benchmarks and runs on a phone."""
    assert site.service.runs is not None
    with (
        serve(benchmarks=benchmarks, runs=site.service.runs) as started,
        opened(browser, started, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page,
    ):
        yield page


def test_nothing_is_wider_than_a_phone(phone: Page) -> None:
    find(phone, "a red square")
    phone.get_by_text("Options").click()
    for tab in ("Training", "Benchmarks", "Search"):
        phone.get_by_role("tab", name=tab).click()
        expect(phone.locator(".waiting:visible")).to_have_count(0)
        assert phone.evaluate("document.documentElement.scrollWidth") == 390, tab
    phone.locator(".hit").first.tap()
    explained(phone)
    assert phone.locator("#item").evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") == 0
    phone.get_by_role("button", name="Zoom").tap()
    expect(phone.locator("#zoom output")).to_have_text("100 %")
    assert phone.locator("#zoom").evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") == 0
    phone.locator("#zoom").get_by_role("button", name="Close").tap()
    phone.locator("#item").get_by_role("button", name="Close").tap()
    phone.get_by_role("button", name="Select", exact=True).tap()
    phone.locator(".hit").first.tap()
    phone.get_by_role("button", name="Tag", exact=True).tap()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.locator("#add-files").set_input_files({"name": "a" * 200, "mimeType": "image/png", "buffer": png()})
    assert phone.locator("#adding").evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") == 0
    phone.goto("/?text=x&where=" + "a" * 300)
    expect(phone.get_by_role("alert")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
