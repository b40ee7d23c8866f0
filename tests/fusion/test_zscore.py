"""The standard scores."""

import numpy as np
from scipy import stats

from diptych.fusion.zscore import Rule


def test_it_is_the_weighted_sum_of_scipy_s_standard_scores() -> None:
    generator = np.random.default_rng(0)
    visual, textual = generator.standard_normal((4, 30)), generator.gamma(2, size=(4, 30))
    expected = 0.2 * stats.zscore(visual, axis=1) + 0.8 * stats.zscore(textual, axis=1)
    np.testing.assert_allclose(Rule(weight=0.2).fuse(visual, textual, queries="text"), expected)
