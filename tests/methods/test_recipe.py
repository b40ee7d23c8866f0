"""Impossible recipes are refused with the setting's name."""

import pytest

from diptych.errors import BadSetting
from diptych.methods.recipe import Recipe


@pytest.mark.parametrize("setting", ["epochs", "batch", "learning_rate", "validate_every"])
def test_what_must_be_above_zero_is_refused_at_zero(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"training\.{setting} must be above 0; got 0(\.0)?\. Set it with --set"):
        Recipe(**{setting: 0 * getattr(Recipe(), setting)})


@pytest.mark.parametrize("setting", ["weight_decay", "clip", "patience"])
def test_what_may_be_zero_is_refused_below(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"training\.{setting} must not be negative; got -1(\.0)?\. 0 turns it off"):
        Recipe(**{setting: type(getattr(Recipe(), setting))(-1)})
