"""Build the documentation as a site: the guide, the references, every method, results and decisions, with a search.

python docs/website.py [FOLDER]    into build/site, unless another folder is named

The pages are those of the repository. What leads out of `docs` leads to a page made for it (README, changelog and the
like), or is text where there is none.
"""

import logging
import re
import shutil
import sys
from os.path import relpath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
BESIDE = {
    "README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}  # fmt: skip
"""Pages that lie beside `docs`, and what they are called on the site."""
GUIDE = ("index", "collections", "explaining", "serving", "models", "extending", "scaling")
SUFFIXES = (".md", ".png", ".webp", ".ipynb", ".css")
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)#\s]+)(#[^)]*)?\)")


def main(folder: Path) -> None:
    """Build the site; a link that leads nowhere, or to a heading that is not there, ends it."""
    with TemporaryDirectory() as place:
        source = Path(place)
        for page in sorted(path for path in DOCS.rglob("*") if path.suffix in SUFFIXES):
            copy(page, source / page.relative_to(DOCS), source)
        for name, called in BESIDE.items():
            copy(ROOT / name, source / called, source)
        build(configuration(source, folder))
    print(f"The site is in {folder}. Open {folder / 'index.html'}.")


def copy(page: Path, goal: Path, source: Path) -> None:
    """Copy a page to its place on the site, its links with it."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    if page.suffix != ".md":
        shutil.copyfile(page, goal)
        return

    def moved(link: re.Match[str]) -> str:
        picture, text, path, anchor = link.groups(default="")
        led = place_of((page.parent / path).resolve(), source)
        if led is None:
            return text
        return f"{picture}[{text}]({Path(relpath(led, goal.parent)).as_posix()}{anchor})"

    goal.write_text(LINK.sub(moved, page.read_text(encoding="utf-8")), encoding="utf-8")


def place_of(path: Path, source: Path) -> Path | None:
    """Return where the site has a file of the repository; None where it has none."""
    if path.parent == ROOT and path.name in BESIDE:
        return source / BESIDE[path.name]
    if path.is_relative_to(DOCS) and path.suffix in SUFFIXES:
        return source / path.relative_to(DOCS)
    return None


def configuration(source: Path, folder: Path) -> Any:
    """Return what the site's generator is told: `docs/mkdocs.yml` and the pages."""
    return load_config(
        str(DOCS / "mkdocs.yml"), docs_dir=str(source), site_dir=str(folder.resolve()), nav=navigation(source)
    )


def navigation(source: Path) -> list[dict[str, Any]]:
    """Return the pages in their order."""

    def all_of(folder: str) -> list[str]:
        return [path.relative_to(source).as_posix() for path in sorted((source / folder).glob("*.md"))]

    return [
        {"diptych": "index.md"},
        {"Guide": [f"guide/{name}.md" for name in GUIDE]},
        {"Reference": [{"Command line": "cli.md"}, {"Python": "python.md"}]},
        {"Methods": all_of("methods")},
        {"Figures": [{"Results": "results.md"}, {"From a laptop to a cluster": "scaling.md"}]},
        {"Project": ["changelog.md", "stability.md", "contributing.md", "security.md"]},
        {"Decisions": all_of("decisions")},
    ]


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site")
