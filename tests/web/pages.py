"""The page of a service that runs, open in a browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from diptych.web.limits import Limits
from diptych.web.startup import Options
from tests.browser import Page, expect

from .conftest import Made, Running, running


@pytest.fixture(scope="module")
def site(made: Made, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a service of a copy of the collection, which takes small uploads only."""
    place = shutil.copytree(made.place, tmp_path_factory.mktemp("site") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        options = Options(
            [str(place)], runs=made.run.parent, page_deletes=True, limits=Limits(rate=0.0, upload_bytes=60_000)
        )
        with running(options) as started:
            yield started


@contextmanager
def opened(browser: Any, started: Running, address: str = "/", **options: Any) -> Iterator[Page]:
    """Yield a page of a service; the test fails where a script failed or something foreign was asked for."""
    with browser.new_context(base_url=f"http://127.0.0.1:{started.port}", **options) as context:
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: "Content Security" in message.text and faults.append(message.text))
        page.goto(address)
        yield page
        assert faults == []


@pytest.fixture
def page(browser: Any, site: Running, own_cache: Path) -> Iterator[Page]:
    """Return the open page."""
    with opened(browser, site) as shown:
        expect(shown.locator("#collection option")).to_have_count(1)
        yield shown


def find(page: Page, text: str) -> None:
    page.get_by_label("Search for").fill(text)
    page.get_by_role("button", name="Search", exact=True).click()
    settled(page)


def unfold(page: Page) -> None:
    """Have no hits folded together from now on: to a small model, many squares are nearly the same."""
    page.route("**/alike", lambda route: route.fulfill(json={"groups": []}))


def settled(page: Page) -> None:
    """Wait until a search has been answered."""
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#count")).not_to_be_empty()


def explained(page: Page) -> None:
    """Wait until a hit has been explained."""
    expect(page.locator("#explanation .legend").first).to_be_visible(timeout=30_000)
