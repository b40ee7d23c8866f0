"""Near pairs connect what comparing every row with every other connects."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from diptych.search import near_pairs
from diptych.search.near_pairs import NearPairs, UnitRows, strongest_pairs

WIDTHS = (24, 40)
SPANS = (slice(0, 24), slice(32, 72))


@pytest.fixture(params=[7, 64, 2048])
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(near_pairs, "TILE", request.param)
    return int(request.param)


def crowded(seed: int, *, n: int = 300) -> np.ndarray:
    """Return rows of two spaces with copies, chains of ever less similar rows, and rows of zeros."""
    draw = np.random.default_rng(seed)
    rows = np.zeros((n, 96), dtype=np.float32)
    for span in SPANS:
        rows[:, span] = draw.standard_normal((n, span.stop - span.start))
    rows[100:150] = rows[:50]
    rows[150:200] = rows[:50] * draw.uniform(0.5, 4, (50, 1)).astype(np.float32)
    rows[200:260] = rows[:60] + 0.25 * rows[60:120]
    for k in range(260, 280):
        rows[k] = rows[k - 1] + 0.2 * rows[k - 200]
    rows[280:285] = 0
    rows[285, SPANS[0]] = 0
    return rows


def literal(rows: np.ndarray) -> np.ndarray:
    """Return the mean cosine of every two rows, number by number in double precision."""
    total = np.zeros((len(rows), len(rows)))
    for span in SPANS:
        part = rows[:, span].astype(np.float64)
        lengths = np.linalg.norm(part, axis=1)
        for a in range(len(rows)):
            for b in range(len(rows)):
                if lengths[a] and lengths[b]:
                    total[a, b] += part[a] @ part[b] / lengths[a] / lengths[b] / len(SPANS)
    return total


@pytest.mark.parametrize("threshold", [0.6, 0.9, 0.97, 0.999999])
def test_rows_are_connected_as_by_all_pairs(tile: int, threshold: float) -> None:
    rows = crowded(3)
    similarities = literal(rows)
    expected = connected_components(coo_array(similarities >= threshold), directed=False)[1]
    found = strongest_pairs(UnitRows(rows, np.arange(len(rows)), SPANS), threshold)
    joined = np.arange(len(rows))
    for group in found.groups():
        joined[group] = group.min()
    assert np.array_equal(joined[:, None] == joined, expected[:, None] == expected)
    assert len(found) == len(rows) - len(set(expected.tolist()))
    assert (found.first < found.second).all()
    np.testing.assert_allclose(found.similarities, similarities[found.first, found.second], atol=1e-6)
    assert (similarities[found.first, found.second] >= threshold - 1e-7).all()


def test_of_a_group_the_strongest_pairs_are_kept() -> None:
    angles = np.array([0.0, 0.1, 0.25, 0.45])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = strongest_pairs(UnitRows(rows, np.arange(4), [slice(0, 2)]), np.cos(0.46))
    pairs = sorted(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == [(0, 1), (1, 2), (2, 3)]


def test_a_row_without_a_direction_is_like_no_other() -> None:
    rows = np.zeros((4, 96), dtype=np.float32)
    rows[2:, 0] = 1
    found = strongest_pairs(UnitRows(rows, np.arange(4), SPANS), 0.4)
    assert (found.first.tolist(), found.second.tolist()) == ([2], [3])


def test_copies_by_the_thousand_are_one_group_with_as_few_pairs() -> None:
    rows = np.tile(np.random.default_rng(0).standard_normal(96).astype(np.float32), (5000, 1))
    told: list[tuple[int, int, str]] = []
    found = strongest_pairs(UnitRows(rows, np.arange(5000), SPANS), 0.999, progress=lambda *each: told.append(each))
    assert [len(group) for group in found.groups()] == [5000]
    assert len(found) == 4999
    assert [done for done, _, _ in told] == [3, 5, 6]
    assert told[-1] == (6, 6, "comparing items")


def test_pairs_of_both_kinds_are_joined_and_the_larger_similarity_counts() -> None:
    def pairs(*triples: tuple[int, int, float]) -> NearPairs:
        first, second, similarities = zip(*triples, strict=True)
        return NearPairs(9, np.array(first), np.array(second), np.array(similarities))

    both = pairs((0, 1, 0.9), (4, 5, 0.99)).spanned(pairs((0, 1, 0.95), (1, 2, 0.9), (0, 2, 0.5)))
    found = {(a, b): s for a, b, s in zip(both.first.tolist(), both.second.tolist(), both.similarities, strict=True)}
    assert found == pytest.approx({(0, 1): 0.95, (1, 2): 0.9, (4, 5): 0.99})
    assert [group.tolist() for group in both.groups()] == [[0, 1, 2], [4, 5]]


def test_pairs_of_some_rows_are_pairs_of_the_whole() -> None:
    some = NearPairs(3, np.array([0, 1]), np.array([1, 2]), np.array([0.9, 0.8]))
    whole = some.among(np.array([7, 3, 5]), 9)
    assert (whole.rows, whole.first.tolist(), whole.second.tolist()) == (9, [3, 3], [7, 5])


def test_without_rows_there_are_no_pairs() -> None:
    assert not len(strongest_pairs(UnitRows(crowded(0), np.zeros(0, dtype=np.int64), SPANS), 0.9))
