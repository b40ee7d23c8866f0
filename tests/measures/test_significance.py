"""The randomisation test, Holm's adjustment and mean ranks against literal definitions and SciPy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test, rankdata

from diptych.errors import BadSetting, ShapeMismatch, UnknownName
from diptych.measures.significance import compare_all, holm, mean_ranks, paired_randomisation


def differences(queries: int, columns: int, *, seed: int = 0, shift: float = 0.2) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 0.5, (queries, columns))


def enumerated(column: np.ndarray) -> float:
    """Return the p-value from every choice of signs, one at a time."""
    observed = abs(column.sum())
    sums = [abs(np.dot(signs, column)) for signs in product((-1, 1), repeat=len(column))]
    return float(np.mean([total >= observed - 1e-12 for total in sums]))


def adjusted_by_definition(p_values: list[float]) -> list[float]:
    """Return Holm's adjusted p-values as his paper words them: step down from the smallest, never decreasing."""
    adjusted, so_far = [0.0] * len(p_values), 0.0
    for step, k in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        so_far = max(so_far, min(1.0, (len(p_values) - step) * p_values[k]))
        adjusted[k] = so_far
    return adjusted


def test_few_queries_are_tested_exactly() -> None:
    table = differences(10, 4)
    assert paired_randomisation(table).tolist() == pytest.approx([enumerated(column) for column in table.T], abs=0)


def test_random_rounds_come_close_to_the_exact_value() -> None:
    table = differences(10, 4)
    exact = np.array([enumerated(column) for column in table.T])
    drawn = paired_randomisation(table, rounds=1000)
    assert np.abs(drawn - exact).max() < 4 * np.sqrt(0.25 / 1000)
    many = np.concatenate([table, np.zeros((10, 4))])  # twenty queries: too many to enumerate in 100,000 rounds
    assert np.abs(paired_randomisation(many) - exact).max() < 4 * np.sqrt(0.25 / 100_000)


@pytest.mark.parametrize("queries", [8, 40])
def test_it_agrees_with_scipy(queries: int) -> None:
    ours, theirs = np.random.default_rng(3).random((2, queries))
    theirs -= 0.05
    wanted = permutation_test(
        (ours, theirs),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    )
    (p,) = paired_randomisation((ours - theirs)[:, None], rounds=20_000)
    assert p == pytest.approx(wanted.pvalue, abs=1e-12 if queries == 8 else 0.02)


def test_ties_count_as_at_least_as_large() -> None:
    # thirds have no exact sum: rounding alone would make equal sums differ
    column = np.array([1 / 3, 2 / 3, 1.0, -1 / 3, 2 / 3])
    assert paired_randomisation(column[:, None]).item() == enumerated(np.array([1.0, 2.0, 3.0, -1.0, 2.0]))


def test_methods_that_are_the_same_have_p_1() -> None:
    assert paired_randomisation(np.zeros((5, 2))).tolist() == [1.0, 1.0]
    assert paired_randomisation(np.zeros((50, 2)), rounds=99).tolist() == [1.0, 1.0]


def test_a_method_ahead_on_every_query_has_the_smallest_p_there_is() -> None:
    assert paired_randomisation(np.full((10, 1), 0.1)).item() == 2 / 1024
    assert paired_randomisation(np.full((100, 1), 0.1), rounds=999).item() == 1 / 1000


def test_ahead_and_behind_are_the_same_distance() -> None:
    table = differences(60, 3)
    np.testing.assert_array_equal(paired_randomisation(table, rounds=500), paired_randomisation(-table, rounds=500))


def test_p_values_are_uniform_where_there_is_no_difference() -> None:
    p = paired_randomisation(differences(30, 2000, shift=0.0), rounds=2000)
    for level in (0.05, 0.25, 0.5, 0.75):
        assert (p <= level).mean() == pytest.approx(level, abs=0.05)


@pytest.mark.parametrize("queries", [8, 40])
def test_queries_that_are_not_judged_are_left_out_of_their_column(queries: int) -> None:
    table = differences(queries, 2, shift=0.1)
    holes = table.copy()
    holes[::3, 0] = np.nan
    p = paired_randomisation(holes, rounds=20_000)
    (alone,) = paired_randomisation(np.delete(table[:, :1], np.s_[::3], axis=0), rounds=20_000)
    assert p[0] == pytest.approx(alone, abs=1e-12 if queries == 8 else 0.02)
    assert p[1] == paired_randomisation(table[:, 1:], rounds=20_000).item()


def test_a_column_without_any_judged_query_has_p_1() -> None:
    assert paired_randomisation(np.full((30, 1), np.nan), rounds=9).item() == 1.0
    assert paired_randomisation(np.zeros((0, 2))).tolist() == [1.0, 1.0]


def test_the_seed_decides_the_signs() -> None:
    table = differences(60, 3, shift=0.05)
    np.testing.assert_array_equal(*(paired_randomisation(table, rounds=300, seed=1) for _ in range(2)))
    assert (paired_randomisation(table, rounds=300, seed=2) != paired_randomisation(table, rounds=300, seed=1)).any()


def test_the_blocks_of_a_long_test_cover_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.measures.significance._BLOCK", 60 * 7)
    assert paired_randomisation(np.zeros((60, 1)), rounds=100).item() == 1.0


def test_no_rounds_are_refused() -> None:
    with pytest.raises(BadSetting, match="a randomisation test needs at least 1 round; got 0"):
        paired_randomisation(np.zeros((3, 1)), rounds=0)


def test_holm_on_a_worked_example() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_the_step_down_of_its_definition(p_values: list[float]) -> None:
    assert holm(np.array(p_values, dtype=float)).tolist() == adjusted_by_definition(p_values)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=6))
def test_mean_ranks_are_those_of_scipy(scores: list[list[int]]) -> None:
    table = np.array(scores, dtype=float)
    np.testing.assert_allclose(mean_ranks(table), rankdata(-table, axis=0).mean(axis=1))


def test_a_method_without_a_score_has_no_mean_rank_and_takes_no_place() -> None:
    ranks = mean_ranks(np.array([[0.9, 0.9], [np.nan, 0.8], [0.5, 0.7]]))
    np.testing.assert_array_equal(ranks, [1.0, np.nan, 2.5])


def test_every_two_methods_are_compared_once_and_adjusted_together() -> None:
    generator = np.random.default_rng(0)
    chance = generator.random(200)
    figures = {"low": chance, "same": chance + generator.normal(0, 0.1, 200), "high": chance + 0.2}
    compared = compare_all(figures, rounds=2000)
    assert [(pair.first, pair.second) for pair in compared.pairs] == [
        ("low", "same"),
        ("low", "high"),
        ("same", "high"),
    ]
    assert [pair.difference for pair in compared.pairs] == pytest.approx(
        [float(np.mean(figures[pair.first] - figures[pair.second])) for pair in compared.pairs]
    )
    assert [pair.adjusted for pair in compared.pairs] == adjusted_by_definition([pair.p for pair in compared.pairs])
    assert compared.significantly_below("low", 0.01) == ("high",)
    assert compared.significantly_below("same", 0.01) == ("high",)
    assert compared.significantly_below("high") == ()


def test_methods_ahead_come_in_the_order_they_were_given_in() -> None:
    base = np.linspace(0, 0.5, 50)
    compared = compare_all({"c": base + 0.2, "a": base, "b": base + 0.1}, rounds=999)
    assert compared.significantly_below("a") == ("c", "b")


def test_queries_judged_for_one_method_only_do_not_count() -> None:
    (pair,) = compare_all({"a": np.array([0.5, np.nan, 0.1]), "b": np.array([0.25, 0.9, np.nan])}).pairs
    assert (pair.difference, pair.p) == (0.25, 1.0)


def test_a_method_alone_has_none_to_be_compared_with() -> None:
    compared = compare_all({"mcsm": np.ones(3)})
    assert compared.pairs == ()
    assert compared.significantly_below("mcsm") == ()


def test_a_method_that_was_not_compared_is_named() -> None:
    with pytest.raises(UnknownName, match=r"comparisons has no entry 'mscm'. Did you mean 'mcsm'"):
        compare_all({"mcsm": np.ones(3), "cca": np.ones(3)}).significantly_below("mscm")


def test_figures_for_different_queries_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="scored on the same queries; got 3 of mcsm, 4 of cca"):
        compare_all({"mcsm": np.ones(3), "cca": np.ones(4)})
