"""Files of one name in several places, and pictures that are gone."""

import os
import shutil
from pathlib import Path

import pytest

from diptych.collection import Added, Collection
from diptych.errors import BadSetting
from diptych.ingest.syncing import ids_of_gone
from tests.tar_files import tar

from .conftest import MakeCollection


@pytest.fixture
def years(tiny_set: Path, tmp_path: Path) -> Path:
    """Return a folder with two folders whose pictures have the same names."""
    for year, first in (("2023", 0), ("2024", 10)):
        (tmp_path / year).mkdir()
        for k in range(3):
            shutil.copy(tiny_set / f"{first + k}.png", tmp_path / year / f"IMG_{k}.png")
    return tmp_path


def test_folders_given_together_have_ids_from_what_they_share(make: MakeCollection, years: Path) -> None:
    collection = make()
    assert collection.add(str(years / "2023"), str(years / "2024")) == Added(added=6)
    assert collection.ids()[::3] == ["2023/IMG_0.png", "2024/IMG_0.png"]
    assert collection.add(str(years / "2023"), str(years / "2024")) == Added(unchanged=6)


def test_pictures_given_by_name_or_pattern_too(make: MakeCollection, years: Path) -> None:
    wanted = ["2023/IMG_0.png", "2024/IMG_0.png"]
    collection = make()
    collection.add(*(str(years / name) for name in wanted))
    assert collection.ids() == wanted
    assert collection.add(str(years / "202?" / "IMG_0.png")) == Added(unchanged=2)


def test_a_folder_added_later_replaces_nothing_of_another(make: MakeCollection, years: Path) -> None:
    collection = make(years / "2023")
    for _ in range(2):
        assert collection.add(str(years / "2024")).updated == 0
        assert collection.add(str(years / "2023")) == Added(unchanged=3)
    assert collection.ids()[-2:] == ["IMG_1.png", "IMG_2.png"]
    assert collection.ids()[:3] == ["2024/IMG_0.png", "2024/IMG_1.png", "2024/IMG_2.png"]


def test_an_item_whose_picture_may_not_be_read_is_not_replaced_either(
    make: MakeCollection, years: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = make(years / "2023")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(years / "of another user"))
    again = Collection.open(collection.uri)
    assert again.add(str(years / "2024")) == Added(added=3)
    assert again.ids()[-1] == "IMG_2.png"


def test_a_folder_that_was_moved_takes_its_items_along(make: MakeCollection, years: Path) -> None:
    collection = make(years / "2023")
    (years / "2023").rename(years / "moved")
    assert collection.add(str(years / "moved")) == Added(updated=3)
    assert collection.items().images[0] == str(years / "moved" / "IMG_0.png")


def test_a_copy_of_a_picture_is_no_second_item(make: MakeCollection, years: Path) -> None:
    collection = make(years / "2023")
    shutil.copytree(years / "2023", years / "copy")
    assert collection.add(str(years / "copy")) == Added(updated=3)


def test_shards_that_number_from_0_are_different_samples(make: MakeCollection, tiny_set: Path, tmp_path: Path) -> None:
    for shard in range(2):
        tar(tmp_path / f"s{shard}.tar", a__png=(tiny_set / f"{shard}.png").read_bytes(), a__txt=b"x", b__txt=b"y")
    collection = make()
    assert collection.add(str(tmp_path / "s*.tar")) == Added(added=4)
    assert collection.ids() == ["a", "b", "s1/a", "s1/b"]
    assert collection.add(str(tmp_path / "s0.tar")) == Added(unchanged=2)
    assert collection.add(str(tmp_path / "s*.tar")).updated == 0


def test_more_items_than_one_batch_keep_ids_of_their_own(
    make: MakeCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.ingest.upserting.AT_ONCE", 4)
    for shard in range(3):
        tar(tmp_path / f"s{shard}.tar", **{f"{k}__txt": f"{shard} {k}".encode() for k in range(10)})
    collection = make()
    assert collection.add(str(tmp_path / "s*.tar")) == Added(added=30)


def test_items_of_pictures_that_are_gone_are_removed_on_request(
    make: MakeCollection, years: Path, tmp_path: Path
) -> None:
    collection = make(years / "2023")
    collection.add(str(years / "2024"))
    for year in ("2023", "2024"):
        (years / year / "IMG_0.png").unlink()
    assert collection.add(str(years / "2023")) == Added(unchanged=2)
    assert collection.add(str(years / "2023"), sync=True) == Added(unchanged=2, removed=1)
    assert collection.ids() == ["2024/IMG_0.png", "2024/IMG_1.png", "2024/IMG_2.png", "IMG_1.png", "IMG_2.png"]


def test_a_picture_that_cannot_be_looked_at_is_not_taken_for_removed(
    make: MakeCollection, years: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = make(years / "2023")
    hidden, look = years / "2023" / "IMG_1.png", Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path == hidden:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    assert ids_of_gone(collection.table, [years / "2023"]) == []
    monkeypatch.undo()
    hidden.unlink()
    assert len(ids_of_gone(collection.table, [years / "2023"])) == 1


def test_only_folders_can_be_synchronised(make: MakeCollection, years: Path) -> None:
    collection: Collection = make()
    with pytest.raises(BadSetting, match=r"only folders can be synchronised; got .*IMG_0\.png\. Name one"):
        collection.add(str(years / "2023" / "IMG_0.png"), sync=True)
    assert collection.ids() == []
