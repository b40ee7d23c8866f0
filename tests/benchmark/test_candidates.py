"""Which settings a search tries."""

import pytest

from diptych.benchmark.candidates import LARGE, candidates

GRID = {"ridge": (0.1, 1.0, 10.0), "kernel": ("linear", "rbf"), "wide": (True, False)}


def test_the_preset_itself_comes_first_and_no_point_twice() -> None:
    found = candidates(GRID, budget=100, seed=3)
    assert found[0] == ()
    assert len(found) == 1 + 3 * 2 * 2
    assert len(set(found)) == len(found)
    assert ("ridge=0.1", 'kernel="rbf"', "wide=true") in found


@pytest.mark.parametrize("budget", [1, 2, 7])
def test_a_search_is_as_long_as_its_budget_and_a_longer_one_begins_with_it(budget: int) -> None:
    found = candidates(GRID, budget=budget, seed=3)
    assert len(found) == budget
    assert candidates(GRID, budget=budget + 2, seed=3)[:budget] == found


def test_another_seed_draws_others() -> None:
    assert candidates(GRID, budget=6, seed=3) != candidates(GRID, budget=6, seed=4)


def test_a_grid_too_large_to_list_is_drawn_from() -> None:
    huge = {f"setting{k}": tuple(range(5)) for k in range(30)}
    assert LARGE < 5**30
    found = candidates(huge, budget=9, seed=0)
    assert len(set(found)) == 9
    assert all(len(point) == 30 for point in found[1:])


def test_a_method_without_a_search_is_tried_as_it_is() -> None:
    assert candidates({}, budget=8, seed=0) == [()]
