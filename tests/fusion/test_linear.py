"""The linear rule is an inner product of concatenated vectors."""

import numpy as np

from diptych.fusion.linear import Rule


def test_a_known_answer() -> None:
    visual, textual = np.array([[0.0, 1.0, 4.0]]), np.array([[10.0, 30.0, 20.0]])
    fused = Rule(weight=0.75).fuse(visual, textual, queries="image")
    np.testing.assert_allclose(fused, [[0, 0.1875 + 0.25, 0.75 + 0.125]])


def test_one_inner_product_with_concatenated_vectors_serves_it_up_to_a_constant() -> None:
    generator = np.random.default_rng(0)
    a_visual, a_textual = generator.standard_normal(4), generator.standard_normal(3)
    b_visual, b_textual = generator.standard_normal((9, 4)), generator.standard_normal((9, 3))
    visual, textual = b_visual @ a_visual, b_textual @ a_textual
    query = np.concatenate([0.3 * a_visual / np.ptp(visual), 0.7 * a_textual / np.ptp(textual)])
    served = np.concatenate([b_visual, b_textual], axis=1) @ query
    fused = Rule(weight=0.3).fuse(visual[None], textual[None], queries="text")[0]
    np.testing.assert_allclose(fused - served, np.full(9, fused[0] - served[0]), atol=1e-12)
