"""The contract of every entry of every room: a complete card, a plain name, a door that opens."""

import pytest

from diptych.errors import MissingExtra, UnknownName
from diptych.rooms import Card, Room

ROOMS = [Room(f"diptych.{name}") for name in ("data", "fusion", "index", "encoders", "methods")]
ENTRIES = [pytest.param(room, name, id=f"{room.title}-{name}") for room in ROOMS for name in room.names()]
LEARNING = {"gradient", "closed form", "nothing"}


@pytest.mark.parametrize(("room", "name"), ENTRIES)
def test_a_card_is_complete(room: Room, name: str) -> None:
    card = room.cards()[name]
    assert card.title
    assert card.title == card.title.strip()
    assert not card.title.endswith(".")
    assert bool(card.paper) == bool(card.year), "a paper has a year and a year belongs to a paper"
    assert card.year == 0 or 1900 < card.year < 2100
    assert isinstance(card.needs, tuple)
    assert isinstance(card.variants, tuple)
    assert card.learns in LEARNING | {""}


@pytest.mark.parametrize(("room", "name"), [entry for entry in ENTRIES if entry.values[0].title == "methods"])
def test_a_method_says_how_it_learns(room: Room, name: str) -> None:
    assert room.cards()[name].learns in LEARNING


@pytest.mark.parametrize(("room", "name"), ENTRIES)
def test_a_name_is_lower_case_with_hyphens(room: Room, name: str) -> None:
    assert name == name.lower()
    assert not set(name) & set("_ :/")


@pytest.mark.parametrize(("room", "name"), ENTRIES)
def test_an_entry_opens_and_carries_the_card_that_was_read(room: Room, name: str) -> None:
    try:
        module = room.open(name)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    assert isinstance(module.CARD, Card)
    assert room.cards()[name] == module.CARD


@pytest.mark.parametrize(("room", "name"), ENTRIES)
def test_a_misspelt_name_is_answered_with_the_right_one(room: Room, name: str) -> None:
    with pytest.raises(UnknownName, match=rf"{room.title} has no entry '{name}x'\. Did you mean '{name}'\?"):
        room.open(f"{name}x")
