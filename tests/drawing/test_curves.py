from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diptych.drawing.curves import PRECISION_SIZE, TRAINING_SIZE, precision_recall, training_curves
from diptych.drawing.sheet import PALETTE, save_figure
from diptych.errors import ShapeMismatch


def shown(path: Path) -> tuple[tuple[int, int], set[str]]:
    """Return a picture's size and the colours in it."""
    with Image.open(path) as image:
        found = image.convert("RGB").getcolors(1 << 20) or []
        return image.size, {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in found}


def line(epoch: int, validation: float | None, **losses: float) -> dict[str, Any]:
    return {"epoch": epoch, "losses": losses, "validation_map": validation, "learning_rate": 1e-3, "seconds": 1.0}


def test_every_loss_and_the_validation_have_a_line(tmp_path: Path) -> None:
    metrics = [line(k, 0.5 + k / 100, visual=1 / k, textual=2 / k, classes=3 / k) for k in range(1, 9)]
    save_figure(training_curves(metrics), tmp_path / "training.png")
    size, colours = shown(tmp_path / "training.png")
    assert size == TRAINING_SIZE
    assert set(PALETTE[:3]) <= colours


@pytest.mark.parametrize(
    "metrics",
    [
        [],
        [line(1, None, loss=1.0)],
        [line(1, 0.5, loss=1.0)],
        [line(1, None, loss=1.0), line(2, 0.4, loss=0.9), line(3, None, other=0.1)],
        [line(k, 0.5, loss=0.0) for k in range(1, 101)],
    ],
    ids=["nothing", "no validation", "one epoch", "validated now and then", "a hundred epochs"],
)
def test_any_run_can_be_drawn(tmp_path: Path, metrics: list[dict[str, Any]]) -> None:
    save_figure(training_curves(metrics), tmp_path / "training.png")
    assert shown(tmp_path / "training.png")[0] == TRAINING_SIZE


def test_a_space_has_its_colour_in_both_directions(tmp_path: Path) -> None:
    falling = np.linspace(1, 0, 101)
    names = [f"{way}, {space}" for space in ("visual", "fused") for way in ("image to text", "text to image")]
    curves = {name: falling / (k + 1) for k, name in enumerate(names)}
    save_figure(precision_recall(curves), tmp_path / "curves.png")
    size, colours = shown(tmp_path / "curves.png")
    assert size == PRECISION_SIZE
    assert set(PALETTE[:2]) <= colours
    assert not set(PALETTE[2:]) & colours


def test_a_curve_of_one_point_is_refused() -> None:
    with pytest.raises(ShapeMismatch, match=r"at least two levels of recall; 'image to text, visual' has 1"):
        precision_recall({"image to text, visual": np.ones(1)})
