"""A real browser: Chromium, where there is one."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the page's tests need playwright: pip install playwright"
)
expect = playwright.expect
Page = Any


# of each module anew: as long as it is open, no other test of the same thread may run an event loop
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
