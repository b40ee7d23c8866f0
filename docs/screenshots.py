"""Take pictures of the page of a running service: python docs/screenshots.py http://localhost:8000 FOLDER.

Needs playwright and a Chromium, as the tests of the page do. README shows `search-light-1280.webp` and
`item-light-1280.webp` of the collection that `make demo` makes.
"""

import io
import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

VIEWS = {
    "start": "",
    "search": "?text=a+smiling+cat",
    "texts": "?text=a+smiling+cat&against=text",
    "empty": "?text=a+smiling+cat&where=category+%3D+%27nothing%27",
    "error": "?text=a+smiling+cat&where=colour+%3D+1",
    "map": "?tab=map",
    "benchmarks": "?tab=benchmarks",
    "runs": "?tab=runs",
}
SIZES = {1280: 860, 390: 844}


def main(service: str, folder: Path) -> None:
    """Write each view in both themes and at both widths."""
    executable = os.environ.get("DIPTYCH_BROWSER") or shutil.which("chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        for theme in ("light", "dark"):
            for width, height in SIZES.items():
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
                for view, address in VIEWS.items():
                    page.goto(f"{service}/{address}", wait_until="networkidle")
                    keep(page, folder / f"{view}-{theme}-{width}.webp")
                page.goto(f"{service}/{VIEWS['search']}")
                page.locator(".hit").first.click()
                page.locator("#explanation .legend").first.wait_for()
                page.get_by_label("Occlusion").check()
                keep(page, folder / f"item-{theme}-{width}.webp")
                page.close()
        browser.close()


def keep(page: Page, path: Path) -> None:
    """Write what the page shows, compressed."""
    Image.open(io.BytesIO(page.screenshot())).save(path, quality=80, method=6)


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
