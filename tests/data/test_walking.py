"""Pictures in folders with links in them."""

import os
from pathlib import Path

import pytest
from PIL import Image

from diptych.data.walking import FolderWalk, pictures_in


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Return a folder with one picture in it and one below it."""
    (tmp_path / "album" / "below").mkdir(parents=True)
    for name in ("a.png", "below/b.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / "album" / name)
    return tmp_path / "album"


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in pictures_in(folder)]


def test_links_to_parents_end_nothing(album: Path) -> None:
    for name in ("x", "y", "below/up", "below/itself"):
        (album / name).symlink_to(album / "below" if name.endswith("itself") else album)
    assert names(album) == ["a.png", "below/b.png"]


def test_a_link_to_what_the_folder_lies_in_is_not_followed(album: Path, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "beside.png")
    (album / "below" / "up").symlink_to("../..")
    assert names(album) == ["a.png", "below/b.png"]


def test_a_folder_is_entered_once_by_its_own_name(album: Path) -> None:
    (album / "a link first").symlink_to(album / "below")
    assert names(album) == ["a.png", "below/b.png"]


def test_a_link_that_leads_out_is_followed(album: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "other" / "c.png")
    (tmp_path / "other" / "back").symlink_to(album)
    (album / "other").symlink_to(tmp_path / "other")
    assert names(album) == ["a.png", "below/b.png", "other/c.png"]


def test_a_folder_of_pictures_alone_has_nothing_to_say(album: Path) -> None:
    walk = FolderWalk(album)
    assert len(list(walk)) == 2
    assert walk.remark() == ""


def test_a_folder_that_cannot_be_entered_is_named(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("closed", "shut"):
        (album / name).mkdir()
        Image.new("RGB", (4, 4)).save(album / name / "c.png")
    (album / "notes.txt").write_text("of no use")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name not in ("closed", "shut") and access(path, mode)
    )
    walk = FolderWalk(album)
    assert len(list(walk)) == 2
    files, folders = walk.remark().split(". ", 1)
    assert files.startswith("1 file in ")
    assert folders == f"The folder '{album / 'closed'}' and 1 more cannot be entered. Allow reading, and repeat."
