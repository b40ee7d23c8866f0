"""The paper's rule: its formula, its factors and its lack of monotony."""

import numpy as np

from diptych.fusion.product import Rule


def test_it_equals_the_paper_s_formula_pair_by_pair() -> None:
    generator = np.random.default_rng(0)
    visual, textual = generator.standard_normal((4, 6)), generator.standard_normal((4, 6))
    fused = Rule().fuse(visual, textual, queries="image")
    for p in range(4):
        for q in range(6):
            r_visual = (visual[p, q] - min(visual[p])) / (max(visual[p]) - min(visual[p]))
            r_textual = (textual[p, q] - min(textual[p])) / (max(textual[p]) - min(textual[p]))
            assert abs(fused[p, q] - (r_textual * visual[p, q] + r_visual * textual[p, q])) < 1e-12


def test_the_two_spaces_may_change_places() -> None:
    generator = np.random.default_rng(1)
    visual, textual = generator.standard_normal((4, 6)), generator.standard_normal((4, 6))
    np.testing.assert_array_equal(
        Rule().fuse(visual, textual, queries="image"), Rule().fuse(textual, visual, queries="text")
    )


def test_it_is_a_product_of_moved_similarities_up_to_a_constant() -> None:
    # F = γ ((s_V - c_V)(s_T - c_T) - c_V c_T), γ = α_V + α_T, θ = α_V / γ, c_V = θ m_V, c_T = (1 - θ) m_T
    generator = np.random.default_rng(2)
    visual, textual = generator.standard_normal((5, 8)), generator.standard_normal((5, 8))
    low_visual, low_textual = visual.min(axis=1, keepdims=True), textual.min(axis=1, keepdims=True)
    alpha_visual = 1 / (visual.max(axis=1, keepdims=True) - low_visual)
    alpha_textual = 1 / (textual.max(axis=1, keepdims=True) - low_textual)
    gamma = alpha_visual + alpha_textual
    theta = alpha_visual / gamma
    c_visual, c_textual = theta * low_visual, (1 - theta) * low_textual
    expected = gamma * ((visual - c_visual) * (textual - c_textual) - c_visual * c_textual)
    np.testing.assert_allclose(Rule().fuse(visual, textual, queries="image"), expected, atol=1e-12)


def test_a_more_similar_item_can_rank_lower() -> None:
    # the second item beats the first in both spaces, yet its larger r_V multiplies a negative s_T
    visual, textual = np.array([[0.0, 0.2, 1.0]]), np.array([[-1.0, -0.9, 0.5]])
    fused = Rule().fuse(visual, textual, queries="image")
    assert fused[0, 1] < fused[0, 0]
