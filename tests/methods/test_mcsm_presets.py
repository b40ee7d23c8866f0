"""The presets' table says what the presets do."""

import re

import pytest

from diptych.errors import BadSetting
from diptych.methods import mcsm_presets
from diptych.methods.mcsm_presets import PARTNER_PRESETS, PRESETS, LossConfig

COLUMNS = ("paper", "released", "default")


def table() -> dict[str, dict[str, str]]:
    """Return the docstring's table: setting, then preset, then what it says."""
    assert mcsm_presets.__doc__ is not None
    rows = [re.split(r"\s{2,}", line.strip()) for line in mcsm_presets.__doc__.splitlines() if line.startswith("    ")]
    assert rows[0] == ["setting", *COLUMNS]
    return {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows[1:]}


TABLE = table()


def test_the_default_for_partners_learns_from_partners_alone() -> None:
    suited = PARTNER_PRESETS["default"]
    assert (suited.loss.partner, suited.loss.contrastive, suited.loss.classification) == (1, 0, 0)
    assert suited.posteriors.share == 0


@pytest.mark.parametrize("preset", COLUMNS)
def test_the_table_says_what_the_spaces_do(preset: str) -> None:
    chosen, said = PRESETS[preset], {name: row[preset] for name, row in TABLE.items()}
    for space in (chosen.visual, chosen.textual):
        assert said["LSTM"].startswith(space.recurrence)
        assert said["padding"] == ("attended" if space.attend_padding else "left out")
    for name, space in (("visual", chosen.visual), ("textual", chosen.textual)):
        assert said[f"attention, {name}"] == {"projected": "W_a", "plain": "no W_a"}[space.attention]
    assert said["picture in textual space"].startswith("sigmoid") is chosen.textual.squash
    assert said["fragments of words"].startswith("three convolutions") is (len(chosen.textual.fragments) == 3)
    assert said["similarity"].startswith("cosine") is (chosen.visual.normalise and chosen.textual.normalise)
    assert chosen.posteriors.share == 0
    assert said["fragments of words"].startswith("none") is (not chosen.textual.fragments)


@pytest.mark.parametrize("preset", COLUMNS)
def test_the_table_says_what_is_minimised_and_how(preset: str) -> None:
    chosen, said = PRESETS[preset], {name: row[preset] for name, row in TABLE.items()}
    loss, recipe = chosen.loss, chosen.training
    assert ("margin" in said["loss"], "contrastive" in said["loss"], "classification" in said["loss"]) == (
        loss.margin > 0,
        loss.contrastive > 0,
        loss.classification > 0,
    )
    if loss.margin:
        assert f"margin {loss.margin_size:g}".replace("0.", ".") in said["loss"]
        wanted = {"other-class": "of other classes", "uniform": "any of the batch", "expected": "mean"}
        assert said["negatives"].startswith(wanted[loss.negatives])
        mates = loss.textual_positives == "class-mate"
        assert said["positives, textual space"] == ("a random class-mate" if mates else "partner")
    assert said["fusion"].startswith("swept weight" if chosen.fusion == "released" else chosen.fusion)
    assert said["weights kept"].startswith(recipe.keep)
    assert said["optimiser"].lower().startswith(recipe.optimiser)
    if recipe.optimiser == "rmsprop":
        assert f"{recipe.learning_rate:.0e}".replace("e-0", "e-") in said["optimiser"]
        assert said["optimiser"].endswith(f"batch {recipe.batch}")
    assert ("one cycle" in said["optimiser"]) is (recipe.schedule == "one-cycle")


def test_the_spaces_of_paper_and_released_have_the_published_widths() -> None:
    for preset in ("paper", "released"):
        visual, textual = PRESETS[preset].visual, PRESETS[preset].textual
        assert [(space.width, space.hidden, space.layers) for space in (visual, textual)] == [
            (4096, 512, 2),
            (4096, 256, 2),
        ]
        assert not visual.bidirectional
        assert not textual.bidirectional
        assert [stage[:2] for stage in textual.fragments] == [(384, 15), (512, 9), (256, 7)]
    assert [stage[2] for stage in PRESETS["released"].textual.fragments] == [5, 5, 6]


def test_impossible_losses_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"loss\.temperature must be above 0; got 0"):
        LossConfig(temperature=0.0)
    with pytest.raises(BadSetting, match=r"loss\.smoothing must lie between 0 and 1; got 2"):
        LossConfig(smoothing=2.0)
    with pytest.raises(BadSetting, match=r"loss\.partner matches a text with its own picture, which"):
        LossConfig(partner=1.0, textual_positives="class-mate")
