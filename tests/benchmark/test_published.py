"""Published figures agree with themselves and are marked as what they are."""

import pytest

from diptych.benchmark.published import NOTE, PUBLISHED, Figures

METHODS = {"cca", "cfa", "kcca", "jrl", "lgcfl", "dcca", "corr-ae", "cmdn", "deep-sm", "mcsm"}


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_every_table_has_the_ten_methods_and_mcsm_first(dataset: str) -> None:
    table = PUBLISHED[dataset]
    assert table.keys() == METHODS
    assert max(table, key=lambda method: table[method].average) == "mcsm"


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_the_averages_are_those_of_both_directions_as_rounded(dataset: str) -> None:
    for figures in PUBLISHED[dataset].values():
        assert figures.average == pytest.approx((figures.image_to_text + figures.text_to_image) / 2, abs=0.00101)


def test_figures_are_found_by_our_names_and_nothing_is_made_up() -> None:
    assert PUBLISHED["wikipedia"]["mcsm"] == Figures(0.516, 0.458, 0.487)
    assert PUBLISHED["pascal-sentence"]["corr-ae"] == Figures(0.532, 0.521, 0.527)
    assert PUBLISHED.keys() == {"wikipedia", "pascal-sentence", "xmedianet"}


def test_the_note_says_that_they_do_not_compare() -> None:
    assert "other features" in NOTE
    assert "not comparable" in NOTE
