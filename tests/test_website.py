"""The documentation as a site, built as `make site` builds it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def built(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy of the repository."""
    command = [sys.executable, root / "docs" / "website.py", folder]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site of this repository."""
    folder = tmp_path_factory.mktemp("site")
    done = built(ROOT, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"The site is in {folder}. Open {folder / 'index.html'}.\n"
    return folder


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Return a copy of the documentation."""
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", root / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for page in ROOT.glob("*.md"):
        shutil.copy(page, root)
    return root


def test_every_page_of_the_documentation_is_on_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    beside = {Path(name) for name in ("index.html", "changelog.html", "contributing.html", "security.html")}
    there = {path.relative_to(site) for path in site.rglob("*.html")}
    assert there == pages | beside | {Path("404.html"), Path("search.html")}


def test_the_navigation_leads_to_every_page(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f'href="{page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()}"' in home, page


def test_links_to_pages_beside_the_folder_lead_to_their_places_on_the_site(site: Path) -> None:
    home, guide = ((site / name).read_text(encoding="utf-8") for name in ("index.html", "guide/index.html"))
    assert 'href="guide/collections.html"' in home
    assert 'src="images/search.png"' in home
    assert (site / "images" / "search.png").read_bytes() == (ROOT / "docs/images/search.png").read_bytes()
    assert 'href="../index.html">README</a>' in guide


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("[gone](guide/nowhere.md)", "'guide/nowhere.md', but the target is not found"),
        ("[gone](guide/index.md#nothing)", "'guide/index.md#nothing', but the doc 'guide/index.md' does not contain"),
    ],
)
def test_a_link_that_leads_nowhere_ends_the_building(link: str, said: str, copied: Path, tmp_path: Path) -> None:
    with (copied / "docs" / "stability.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{link}\n")
    done = built(copied, tmp_path / "site")
    assert done.returncode == 1
    assert said in done.stderr
