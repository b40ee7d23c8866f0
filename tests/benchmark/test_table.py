"""The figures of a table against their definitions."""

from statistics import stdev

import numpy as np
import pytest

from diptych.benchmark.table import pooled, tabulate

from .cells import cell

PROTOCOL = {"search_budget": 2}
HIGH, LOW = np.linspace(0.5, 0.9, 60), np.linspace(0.3, 0.7, 60)


def both(**methods: np.ndarray) -> list:
    """Return each method's cells on two splits; the second is better by .02."""
    return [cell(name, split=s, ap=ap + 0.02 * s, queries=60) for name, ap in methods.items() for s in (0, 1)]


def test_a_row_is_the_mean_over_splits_with_its_deviation() -> None:
    rows = {row.name: row for row in tabulate(both(cca=LOW, mcsm=HIGH), protocol=PROTOCOL).rows}
    assert list(rows) == ["mcsm", "cca", "chance"]
    assert rows["mcsm"].average == pytest.approx(0.71)
    assert rows["mcsm"].std == pytest.approx(stdev([0.70, 0.72]))
    assert (rows["mcsm"].rank, rows["cca"].rank, rows["chance"].rank) == (1, 2, None)
    assert (rows["mcsm"].seconds, rows["mcsm"].search_seconds, rows["mcsm"].peak_megabytes) == (2, 3, 120)
    assert rows["chance"].average == pytest.approx(0.1)


def test_significance_is_marked_on_the_row_behind() -> None:
    rows = {row.name: row for row in tabulate(both(cca=LOW, mcsm=HIGH, cfa=LOW), protocol=PROTOCOL).rows}
    assert rows["cca"].significantly_below == ("mcsm",)
    assert rows["cfa"].significantly_below == ("mcsm",)
    assert rows["mcsm"].significantly_below == ()


def test_a_method_that_lacks_a_split_is_left_out() -> None:
    cells = [*both(mcsm=HIGH), cell("cca", split=1, ap=LOW, queries=60)]
    assert [row.name for row in tabulate(cells, protocol=PROTOCOL).rows] == ["mcsm", "chance"]


def test_one_split_has_no_deviation_and_is_called_by_its_name() -> None:
    table = tabulate([cell(split=None)], protocol=PROTOCOL, not_applicable=[("joint", "no hub")])
    assert table.splits == ("official",)
    assert table.rows[0].std is None
    assert table.as_dict()["not_applicable"] == [{"method": "joint", "reason": "no hub"}]
    promised = ("method", "preset", "image_to_text", "text_to_image", "average", "std", "seconds")
    assert list(table.as_dict()["rows"][0])[:8] == [*promised, "significantly_below"]


def test_a_category_has_the_mean_of_its_queries_and_of_those_that_share_it() -> None:
    table = tabulate([cell(ap=np.array([0.2, 0.4, 0.6, 0.8]))], protocol=PROTOCOL)
    assert table.categories["mcsm"] == pytest.approx({"cat": 0.4, "dog": 0.5})


def test_queries_are_pooled_in_one_order() -> None:
    cells = [cell(split=s, ap=np.array([0.1, 0.2]) + s, queries=2) for s in (0, 1)]
    np.testing.assert_allclose(pooled(cells), [0.1, 0.2, 0.1, 0.2, 1.1, 1.2, 1.1, 1.2])
