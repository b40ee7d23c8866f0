from dataclasses import dataclass

import pytest

from diptych.encoders.contract import fingerprint_of

from .counting import Quarters


@dataclass(frozen=True)
class Config:
    side: int = 224


def made(name: str = "net:here.pth", weights: str = "w", config: Config | None = None, version: int = 1) -> str:
    return fingerprint_of(name, weights=weights, config=config or Config(), version=version)


def test_a_fingerprint_is_sixteen_hexadecimal_digits() -> None:
    assert int(made(), 16) >= 0
    assert len(made()) == 16


@pytest.mark.parametrize("change", [{"name": "other"}, {"weights": "v"}, {"config": Config(260)}, {"version": 2}])
def test_a_fingerprint_changes_with_kind_weights_settings_and_code(change: dict) -> None:
    assert made(**change) != made()


def test_the_same_weights_in_another_place_are_the_same_encoder() -> None:
    assert made(name="net:there.pth") == made()


def test_an_encoder_that_knows_every_word_has_no_unknown_share() -> None:
    assert Quarters().unknown_share(["a cat"]) is None
