"""Finds the pictures in a folder, and what is there beside them."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from diptych.data.picture_plug_ins import missing_plug_in
from diptych.data.pictures import SUFFIXES

NAMED = 5
"""How many kinds of files a remark names."""


class FolderWalk:
    """The pictures in a folder and its subfolders, and a count of the files passed over.

    Hidden files and folders are skipped. Links are followed, but no folder is entered twice: where a link leads to a
    folder that is there by itself, its pictures are found in that one, and a link to a parent is not followed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.passed_over: Counter[str] = Counter()
        """How many files were no pictures, by suffix or kind; complete once all pictures were yielded."""
        self.closed: list[Path] = []
        """Folders that could not be entered."""

    def __iter__(self) -> Iterator[Path]:
        """Yield the pictures, those of each folder sorted; folders behind links come last."""
        entered: set[tuple[int, int]] = set()
        links = [self.folder]
        while links:
            found: list[Path] = []
            for link in links:
                yield from self._within(link, entered, found)
            links = found

    def remark(self) -> str:
        """Return how many files of which kinds were passed over, and which folders; nothing if there were none."""
        return " ".join(each for each in (self._files_passed_over(), self._folders_passed_over()) if each)

    def _files_passed_over(self) -> str:
        if not self.passed_over:
            return ""
        total = self.passed_over.total()
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.passed_over.most_common(NAMED))
        rest = len(self.passed_over) - NAMED
        kinds += f" and {rest} other kind{'s' * (rest > 1)}" if rest > 0 else ""
        are = "is no picture that can be read" if total == 1 else "are no pictures that can be read"
        return f"{total:,} file{'s' * (total > 1)} in '{self.folder}' {are}: {kinds}."

    def _folders_passed_over(self) -> str:
        if not self.closed:
            return ""
        others = f" and {len(self.closed) - 1:,} more" if len(self.closed) > 1 else ""
        return f"The folder '{self.closed[0]}'{others} cannot be entered. Allow reading, and repeat."

    def _within(self, folder: Path, entered: set[tuple[int, int]], links: list[Path]) -> Iterator[Path]:
        place = _identity(folder)
        if place is None:
            self.closed.append(folder)
            return
        if place in entered:
            return
        entered.add(place)
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                if not path.is_symlink():
                    yield from self._within(path, entered, links)
                elif not folder.resolve().is_relative_to(path.resolve()):
                    links.append(path)
            elif path.suffix.lower() in SUFFIXES and path.is_file():
                yield path
            else:
                self.passed_over[_kind(path)] += 1


def pictures_in(folder: Path) -> Iterator[Path]:
    """Yield the pictures in a folder and its subfolders; hidden ones are skipped."""
    yield from FolderWalk(folder)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from every other, whatever it is called; None if it cannot be entered."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if os.access(folder, os.R_OK | os.X_OK) else None


def _kind(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return "broken link"
    if not path.is_file():
        return "pipe or device"
    suffix = path.suffix.lower()
    package = missing_plug_in(suffix)
    return f"{suffix} (which need {package})" if package else suffix or "without suffix"
