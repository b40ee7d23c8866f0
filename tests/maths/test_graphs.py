"""Graphs of neighbours against their literal definition."""

import numpy as np
import pytest

from diptych.maths import graphs
from diptych.maths.graphs import nearest, neighbour_laplacian


def literal_laplacian(rows: np.ndarray, count: int) -> np.ndarray:
    """Return I - D^-1/2 W D^-1/2, one pair of items after another."""
    size = len(rows)
    edges = np.zeros((size, size))
    for i in range(size):
        distances = [(np.linalg.norm(rows[i] - rows[j]), j) for j in range(size) if j != i]
        for _, j in sorted(distances)[:count]:
            edges[i, j] = edges[j, i] = 1
    degrees = edges.sum(1)
    return np.array(
        [[(i == j) - edges[i, j] / np.sqrt(degrees[i] * degrees[j]) for j in range(size)] for i in range(size)]
    )


@pytest.mark.parametrize("chunk", [5, 1024])
def test_the_laplacian_is_the_literal_one_whatever_the_chunk(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "CHUNK", chunk)
    rows = np.random.default_rng(0).normal(size=(23, 4)) + 100
    np.testing.assert_allclose(neighbour_laplacian(rows, count=3).toarray(), literal_laplacian(rows, 3), atol=1e-12)


def test_the_laplacian_is_symmetric_with_eigenvalues_from_zero_to_two() -> None:
    laplacian = neighbour_laplacian(np.random.default_rng(1).normal(size=(40, 3)), count=5).toarray()
    values = np.linalg.eigvalsh(laplacian)
    np.testing.assert_array_equal(laplacian, laplacian.T)
    assert values.min() == pytest.approx(0, abs=1e-12)
    assert values.max() <= 2


def test_there_are_never_more_neighbours_than_other_items() -> None:
    rows = np.arange(4.0)[:, None]
    assert sorted(nearest(rows, count=100)[2].tolist()) == [0, 1, 3]
    assert nearest(rows[:1], count=100).shape == (1, 0)


def test_an_item_alone_is_as_rough_as_it_is_long() -> None:
    assert neighbour_laplacian(np.ones((1, 3)), count=5).toarray().tolist() == [[1.0]]
