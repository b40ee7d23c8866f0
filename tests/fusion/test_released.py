"""The released code's rule, literally."""

import numpy as np
import pytest

from diptych.fusion.released import Rule


def literal(visual: np.ndarray, textual: np.ndarray, weight: float) -> np.ndarray:
    """W = w (m(W_V) W_T) + (1-w) (m(W_T) W_V) by loops, one row an image."""
    fused = np.zeros_like(visual)
    for p in range(visual.shape[0]):
        for q in range(visual.shape[1]):
            m_visual = (visual[p, q] - min(visual[p])) / (max(visual[p]) - min(visual[p]))
            m_textual = (textual[p, q] - min(textual[p])) / (max(textual[p]) - min(textual[p]))
            fused[p, q] = weight * (m_visual * textual[p, q]) + (1 - weight) * (m_textual * visual[p, q])
    return fused


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_it_equals_the_formula_of_the_code_and_its_transpose(weight: float) -> None:
    generator = np.random.default_rng(0)
    visual, textual = generator.standard_normal((5, 7)), generator.standard_normal((5, 7))
    expected = literal(visual, textual, weight)
    rule = Rule(weight=weight)
    np.testing.assert_allclose(rule.fuse(visual, textual, queries="image"), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(rule.fuse(visual.T, textual.T, queries="text"), expected.T, rtol=0, atol=1e-12)


def test_a_text_s_ranking_depends_on_the_other_texts() -> None:
    generator = np.random.default_rng(1)
    visual, textual = generator.standard_normal((6, 4)), generator.standard_normal((6, 4))
    whole = Rule().fuse(visual, textual, queries="text")
    fewer = Rule().fuse(visual[:3], textual[:3], queries="text")
    assert not np.allclose(whole[:3], fewer)
