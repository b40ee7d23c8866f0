"""Rooms: listed without importing, opened lazily, extended from outside."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from diptych.errors import UnknownName
from diptych.rooms import Card, Room, read_card, split_name

ENTRY = '''"""An entry."""
from diptych.rooms import Card

CARD = Card(title="An entry of its own", year=2018, needs=("regions", "words"){more})
'''
SERIAL = iter(range(1_000))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of its own name on the path, with two entries and a file that is none."""
    folder = tmp_path / f"imagined_room_{next(SERIAL)}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "corr_ae.py").write_text(ENTRY.format(more=""))
    (folder / "lite.py").write_text(ENTRY.format(more=', variants=("lite0", "Lite_2")'))
    (folder / "contract.py").write_text('"""No entry."""\nraise RuntimeError("this file must not be imported")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_names_are_files_with_cards_or_their_variants(package: Path) -> None:
    assert Room(package.name).names() == ["corr-ae", "lite-2", "lite0"]


def test_listing_a_room_imports_none_of_its_entries(package: Path) -> None:
    (package / "corr_ae.py").write_text(ENTRY.format(more="") + 'raise RuntimeError("not now")\n')
    cards = Room(package.name).cards()
    assert cards["corr-ae"] == Card(title="An entry of its own", year=2018, needs=("regions", "words"))
    assert f"{package.name}.corr_ae" not in sys.modules


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("corr-ae", "corr_ae"),
        ("corr_ae", "corr_ae"),
        ("CORR-AE", "corr_ae"),
        ("lite0", "lite"),
        ("lite-2", "lite"),
        ("lite0:weights/a_b.pt", "lite"),
    ],
)
def test_an_entry_opens_by_any_spelling_of_its_name_with_an_argument_or_without(
    package: Path, name: str, file: str
) -> None:
    module = Room(package.name).open(name)
    assert isinstance(module, ModuleType)
    assert module.__name__ == f"{package.name}.{file}"


def test_a_miss_is_answered_with_the_nearest_name_whatever_its_argument(package: Path) -> None:
    with pytest.raises(UnknownName, match=rf"{package.name} has no entry 'cor-ae'\. Did you mean 'corr-ae'\?"):
        Room(package.name).open("cor-ae:a/very/long/path/to/some/weights.bin")


def test_a_file_without_a_card_is_no_entry(package: Path) -> None:
    with pytest.raises(UnknownName, match="has no entry 'contract'"):
        Room(package.name).open("contract")


def test_a_room_that_is_not_there_is_empty() -> None:
    room = Room("diptych_without_such_a_room")
    assert room.names() == []
    with pytest.raises(UnknownName, match="There are: none"):
        room.open("cca")


def install_plugin(package: Path, name: str) -> None:
    """Install a distribution beside the package that offers an entry of that name to its room."""
    module = f"elsewhere_for_{package.name}"
    (package.parent / f"{module}.py").write_text(ENTRY.format(more="").replace("of its own", "from elsewhere"))
    metadata = package.parent / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{package.name}]\n{name} = {module}\n")


def test_plugins_of_the_room_s_group_are_entries(package: Path) -> None:
    install_plugin(package, "My_Method")
    room = Room(package.name)
    assert room.names() == ["corr-ae", "lite-2", "lite0", "my-method"]
    assert room.cards()["my-method"].title == "An entry from elsewhere"
    assert room.open("my_method").CARD.title == "An entry from elsewhere"


def test_a_plugin_cannot_take_the_place_of_a_file(package: Path) -> None:
    install_plugin(package, "corr-ae")
    room = Room(package.name)
    assert room.names() == ["corr-ae", "lite-2", "lite0"]
    assert room.cards()["corr-ae"].title == room.open("corr-ae").CARD.title == "An entry of its own"


@pytest.mark.parametrize(
    "source",
    ["", '"""Card."""\nfrom diptych.rooms import Card\n', "def f():\n    CARD = 1\n", '"""\nCARD = Card(x)\n"""\n'],
)
def test_a_source_without_a_card_at_the_top_level_has_none(tmp_path: Path, source: str) -> None:
    path = tmp_path / "entry.py"
    path.write_text(source)
    assert read_card(path) is None


def test_a_card_in_several_strings_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "entry.py"
    path.write_text('"""E."""\nCARD = Card(\n    title="One title "\n    "in two",\n)\n')
    assert read_card(path) == Card(title="One title in two")


@pytest.mark.parametrize(
    ("name", "parts"),
    [("glove", ("glove", "")), ("glove:a:b", ("glove", "a:b")), (":x", ("", "x")), ("", ("", ""))],
)
def test_a_name_ends_at_its_first_colon(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts
