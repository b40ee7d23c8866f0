"""The standard scores and their closed form."""

import numpy as np
from scipy import stats

from diptych.fusion.zscore import Rule, moments


def test_it_is_the_weighted_sum_of_scipy_s_standard_scores() -> None:
    generator = np.random.default_rng(0)
    visual, textual = generator.standard_normal((4, 30)), generator.gamma(2, size=(4, 30))
    expected = 0.2 * stats.zscore(visual, axis=1) + 0.8 * stats.zscore(textual, axis=1)
    np.testing.assert_allclose(Rule(weight=0.2).fuse(visual, textual, queries="text"), expected)


def test_mean_and_deviation_in_closed_form_equal_the_empirical_ones() -> None:
    generator = np.random.default_rng(1)
    queries, gallery = generator.standard_normal((5, 8)), generator.standard_normal((60, 8)) @ np.diag(np.arange(8))
    covariance = np.cov(gallery, rowvar=False, bias=True)
    mean, deviation = moments(queries, mean=gallery.mean(axis=0), covariance=covariance)
    similarity = queries @ gallery.T
    np.testing.assert_allclose(mean, similarity.mean(axis=1))
    np.testing.assert_allclose(deviation, similarity.std(axis=1))


def test_a_gallery_of_equal_vectors_has_no_deviation() -> None:
    _, deviation = moments(np.ones((2, 3)), mean=np.ones(3), covariance=np.zeros((3, 3)))
    assert deviation.tolist() == [0, 0]
