"""Requests whose fields are options, and methods that take the fields in place of a request."""

import inspect
from dataclasses import KW_ONLY, dataclass, field

import pytest

from diptych.request_fields import options_of, takes_fields_of
from diptych.settings import field_docs


@dataclass(frozen=True)
class Order:
    """What is ordered."""

    what: str = "tea"
    """The drink."""
    _: KW_ONLY
    per_day: int = field(default=1, metadata={"minimum": 1, "maximum": 9})
    """How often
    it is brought."""


@dataclass(frozen=True)
class LargeOrder(Order):
    """What many order."""

    cups: int = 100
    """How many at a time."""


class House:
    @takes_fields_of(Order)
    def bring(self, order: Order) -> Order:
        """Bring what is ordered."""
        return order

    @takes_fields_of(LargeOrder)
    def send(self, place: str, order: LargeOrder) -> tuple[str, LargeOrder]:
        """Send what is ordered."""
        return place, order


def test_a_method_takes_fields_in_place_of_a_request() -> None:
    assert House().bring() == Order()
    assert House().bring("milk", per_day=2) == Order("milk", per_day=2)
    assert House().send("home", "milk", cups=3) == ("home", LargeOrder("milk", cups=3))
    assert House().send(what="milk", place="home") == ("home", LargeOrder("milk"))
    with pytest.raises(TypeError, match="per_week"):
        House().bring(per_week=3)
    with pytest.raises(TypeError, match="place"):
        House().send()


def test_a_method_lists_the_fields_that_it_takes() -> None:
    assert str(inspect.signature(House.bring)) == (
        f"(self, what: str = 'tea', *, per_day: int = 1) -> {__name__}.Order"
    )
    assert list(inspect.signature(House.send).parameters) == ["self", "place", "what", "cups", "per_day"]
    assert inspect.getdoc(House.bring) == (
        "Bring what is ordered.\n\nwhat: The drink.\nper_day: How often it is brought."
    )


def test_what_a_field_says_is_inherited() -> None:
    docs = {"what": "The drink.", "per_day": "How often it is brought.", "cups": "How many at a time."}
    assert field_docs(LargeOrder) == docs
    assert {option.name: option.doc for option in options_of(LargeOrder)} == docs


def test_the_metadata_of_a_field_says_what_cannot_be_derived() -> None:
    what, per_day = options_of(Order)
    assert (what.wire, what.flag, what.minimum) == ("what", "--what", None)
    assert (per_day.wire, per_day.flag, per_day.minimum, per_day.maximum) == ("per_day", "--per-day", 1, 9)
