"""Impossible recipes are refused with the setting's name."""

import pytest

from diptych.errors import BadSetting
from diptych.methods.recipe import Recipe


@pytest.mark.parametrize("setting", ["epochs", "batch", "learning_rate", "validate_every"])
def test_what_must_be_above_zero_is_refused_at_zero(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"training\.{setting} must be above 0; got 0(\.0)?\. Set it with --set"):
        Recipe(**{setting: 0 * getattr(Recipe(), setting)})


@pytest.mark.parametrize("setting", ["min_steps", "weight_decay", "clip", "patience"])
def test_what_may_be_zero_is_refused_below(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"training\.{setting} must not be negative; got -1(\.0)?\. 0 turns it off"):
        Recipe(**{setting: type(getattr(Recipe(), setting))(-1)})


@pytest.mark.parametrize(
    ("texts", "epochs"), [(30_000, 8), (6_000, 8), (5_999, 9), (800, 60), (799, 120), (3, 120), (0, 120)]
)
def test_small_data_are_read_more_often_until_there_are_enough_steps(texts: int, epochs: int) -> None:
    lengthened = Recipe(epochs=8, batch=400, min_steps=120).lengthened(texts)
    assert lengthened.epochs == epochs
    assert epochs * max(1, texts // 400) >= 120


def test_without_a_minimum_of_steps_epochs_alone_decide() -> None:
    assert Recipe(epochs=8, batch=400).lengthened(3) == Recipe(epochs=8, batch=400)
