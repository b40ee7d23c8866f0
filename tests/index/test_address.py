from pathlib import Path

import pytest

from diptych.errors import BadSetting, UnknownName
from diptych.index.address import StoreAddress, open_store, split_uri
from diptych.index.contract import Layout

LAYOUT = Layout({"image": 3})


def test_a_path_alone_is_a_folder_of_lance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("museum").create_table("items", LAYOUT)
    for uri in ("lance://museum", "./museum", f"lance://{tmp_path}/museum", str(tmp_path / "museum"), "LANCE://museum"):
        assert open_store(uri).tables() == ["items"]


def test_a_relative_path_stays_where_it_was_when_the_program_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("lance://museum")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.remember({})
    assert (tmp_path / "museum" / "record.json").is_file()


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_store("~/museum").remember({"model": "x"})
    assert open_store(str(tmp_path / "museum")).record() == {"model": "x"}


@pytest.mark.parametrize("folder", ["with blanks", "a#b", "100%25", "žluť 🖼", "it's", "a?b=c"])
def test_a_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    store = open_store(f"lance://{tmp_path}/{folder}")
    store.create_table("items", LAYOUT)
    assert open_store(str(tmp_path / folder)).table("items").count() == 0
    assert (tmp_path / folder / "items.lance").is_dir()


def test_opening_makes_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "museum"))
    assert store.record() is None
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_scheme_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"schemes has no entry 'lence'\. Did you mean 'lance'\?"):
        open_store("lence://museum")


@pytest.mark.parametrize("uri", ["", "lance://"])
def test_a_place_must_be_named(uri: str) -> None:
    with pytest.raises(BadSetting, match="does not name a folder"):
        open_store(uri)


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("postgresql://user@host:5432/db#museum_2", StoreAddress("postgresql://user@host:5432/db", "museum_2")),
        ("postgresql://ann@db/shop", StoreAddress("postgresql://ann@db/shop", "diptych")),
        ("postgresql:///file#_x", StoreAddress("postgresql:///file", "_x")),
        (f"postgresql://host:1#{'a' * 48}", StoreAddress("postgresql://host:1", "a" * 48)),
    ],
)
def test_a_uri_is_split_into_a_server_and_a_name(uri: str, place: StoreAddress) -> None:
    assert split_uri(uri) == place


@pytest.mark.parametrize("name", ["", "2nd", "with-hyphen", "a b", "žluť", "a" * 49, "x;y", "a#b", "a\n"])
def test_a_name_must_be_an_identifier(name: str) -> None:
    with pytest.raises(BadSetting, match="the collection name after # in"):
        split_uri(f"postgresql://host:1#{name}")
