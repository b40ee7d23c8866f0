"""A training request resolves a preset and its settings."""

import pytest

from diptych.errors import UnknownName
from diptych.training.data_source import DataSource
from diptych.training.request import TrainingRequest

SOURCE = DataSource("pascal-sentence", None, None, "efficientnet-lite0", "minilm")


@pytest.mark.parametrize("method", ["mcsm", "dual-encoder"])
@pytest.mark.parametrize(
    ("settings", "epochs", "steps"),
    [
        ((), 8, 80),
        (("training.batch=100",), 8, 80),
        (("training.epochs=3",), 3, 0),
        (("training.min_steps=7", "training.epochs=3"), 3, 7),
        (("training.epochs=3", "training.min_steps=7"), 3, 7),
    ],
)
def test_epochs_that_are_set_are_not_raised_unless_a_minimum_of_steps_is_set_too(
    method: str, settings: tuple[str, ...], epochs: int, steps: int
) -> None:
    recipe = TrainingRequest(method, "default", settings, SOURCE, None).chosen("partner").training
    assert (recipe.epochs, recipe.min_steps) == (epochs, steps)


def test_a_closed_form_has_no_epochs_to_set() -> None:
    with pytest.raises(UnknownName, match="settings has no entry 'training'"):
        TrainingRequest("cca", "default", ("training.epochs=3",), SOURCE, None).chosen("partner")
