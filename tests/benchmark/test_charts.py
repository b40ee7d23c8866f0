"""The drawings of a benchmark's page."""

import re

import numpy as np

from diptych.benchmark.cell import DIRECTIONS
from diptych.benchmark.charts import PANEL_FRAME, SCATTER_FRAME, precision_by_recall, quality_by_time

from .tables import toy_table


def numbers(text: str, attribute: str) -> list[float]:
    return [float(value) for value in re.findall(rf' {attribute}="([^"]*)"', text)]


def test_curves_run_from_corner_to_corner_of_their_frame() -> None:
    falling = np.linspace(1.0, 0.0, 101)
    drawn = precision_by_recall("cca", dict.fromkeys(DIRECTIONS, falling), {})
    lines = re.findall(r'points="([^"]*)" class="curve (\w+)"', drawn)
    assert [direction for _, direction in lines] == list(DIRECTIONS)
    steps = lines[0][0].split()
    assert steps[0] == f"{PANEL_FRAME.left},{PANEL_FRAME.top}"
    assert steps[-1] == f"{PANEL_FRAME.right},{PANEL_FRAME.bottom}"


def test_the_curves_of_another_method_lie_underneath() -> None:
    curves = dict.fromkeys(DIRECTIONS, np.linspace(1.0, 0.2, 101))
    drawn = precision_by_recall("cca", curves, curves)
    assert re.findall(r'class="(beside|curve) ', drawn) == ["beside", "beside", "curve", "curve"]


def test_a_point_stands_at_its_time_and_its_figure() -> None:
    drawn = quality_by_time(toy_table().rows)
    across, up = numbers(drawn, "cx"), numbers(drawn, "cy")
    assert len(across) == 3, "chance takes no time and has no point"
    assert across[0] - across[1] == across[1] - across[2], "ten times the time is one step"
    assert up[0] < up[1] < up[2], "better is higher"
    assert all(SCATTER_FRAME.left <= x <= SCATTER_FRAME.right for x in across)
    assert all(SCATTER_FRAME.top <= y <= SCATTER_FRAME.bottom for y in up)


def test_rows_without_any_time_leave_an_empty_plot() -> None:
    assert "<circle" not in quality_by_time([])
