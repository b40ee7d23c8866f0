"""What a random order scores."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from diptych.errors import BadSetting
from diptych.measures.chance import (
    chance_average_precision,
    chance_map,
    chance_median_rank,
    chance_ndcg,
    chance_recall,
)
from diptych.measures.judgements import Judgements
from diptych.measures.partners import median_rank, partner_rank, recall_at
from diptych.measures.ranking import average_precision, ndcg, order, relevant_ranks


def one_label_each(classes: np.ndarray) -> Judgements:
    items = np.arange(len(classes))
    labels = classes[:, None] == np.unique(classes)
    return Judgements(items, items, labels, labels)


@pytest.mark.parametrize("relevant", [1, 2, 3, 5, 6])
def test_the_formula_is_the_mean_over_all_orders(relevant: int) -> None:
    orders = np.array(list(permutations(range(6))), dtype=float)
    right = np.tile(np.arange(6) < relevant, (len(orders), 1))
    expected = average_precision(relevant_ranks(order(orders), right)).mean()
    assert chance_average_precision(np.array([relevant]), gallery=6).item() == pytest.approx(expected, rel=1e-12)


def test_a_random_scorer_reaches_chance() -> None:
    judged = one_label_each(np.repeat(np.arange(10), 20))
    similarity = np.random.default_rng(0).random((200, 200))
    scored = average_precision(relevant_ranks(order(similarity), judged.relevant(0, 200)))
    deviation = scored.std() / np.sqrt(len(scored))
    assert scored.mean() == pytest.approx(chance_map(judged), abs=4 * deviation)


@pytest.mark.parametrize(
    ("classes", "each", "published"),
    # the published figures were drawn once with a random scorer; the tolerance is that draw's spread
    [pytest.param(20, 5, 0.091, id="Pascal Sentence"), pytest.param(200, 20, 0.0072, id="XMediaNet")],
)
def test_chance_on_the_published_class_counts(classes: int, each: int, published: float) -> None:
    judged = one_label_each(np.repeat(np.arange(classes), each))
    assert chance_map(judged) == pytest.approx(published, rel=0.04)


@pytest.mark.data
def test_chance_on_the_published_half_of_wikipedia(data_root: Path) -> None:
    from scipy.io import loadmat

    folder = data_root / "wikipedia"
    lines = (folder / "testset_txt_img_cat.list").read_text(encoding="utf-8").splitlines()
    classes = np.array([int(line.split("\t")[2]) for line in lines])
    rows = loadmat(folder / "features" / "mcsm_indice.mat")["indice"].ravel()
    assert chance_map(one_label_each(classes[rows[-462:]])) == pytest.approx(0.121, abs=0.0015)


def test_a_query_without_right_answers_has_no_chance_and_is_left_out() -> None:
    judged = Judgements(np.array([0, 7]), np.array([0, 1]))
    assert np.isnan(chance_average_precision(np.array([0]), gallery=3)).all()
    assert chance_map(judged) == 0.75


def test_more_right_answers_than_items_are_refused() -> None:
    with pytest.raises(BadSetting, match="a gallery of 3 cannot hold 4 relevant items"):
        chance_average_precision(np.array([1, 4]), gallery=3)


@pytest.mark.parametrize("partners", [1, 2, 5, 6])
def test_recall_and_ndcg_of_chance_are_the_means_over_all_orders(partners: int) -> None:
    orders = np.array(list(permutations(range(6))), dtype=float)
    right = np.tile(np.arange(6) < partners, (len(orders), 1))
    ranks = relevant_ranks(order(orders), right)
    best, counts = partner_rank(ranks), np.array([partners])
    for k in (1, 3, 5, 10):
        assert chance_recall(counts, gallery=6, k=k) == pytest.approx(recall_at(best, k=k))
        assert chance_ndcg(counts, gallery=6, k=k) == pytest.approx(ndcg(ranks, k=k).mean())
    assert chance_median_rank(counts, gallery=6) == np.floor(median_rank(best))


def test_queries_without_a_partner_do_not_count_at_chance() -> None:
    counts = np.array([0, 1])
    assert chance_recall(counts, gallery=4, k=1) == 0.25
    assert chance_median_rank(counts, gallery=9) == 5
    assert chance_ndcg(counts, gallery=4, k=1) == 0.25
    nobody = np.zeros(2, dtype=int)
    assert np.isnan([chance_recall(nobody, gallery=4, k=1), chance_median_rank(nobody, gallery=4)]).all()
    assert np.isnan(chance_ndcg(nobody, gallery=4, k=1))
