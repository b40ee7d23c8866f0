"""Clusters of rows: k-means, and how many clusters there are.

k-means looks for the k centres c with the least Σ min |x - c|². It begins with rows drawn with a probability in
proportion to their squared distance from the centres so far (k-means++), and is repeated from several beginnings.

The silhouette of a row is (b - a) / max(a, b), with a its mean distance to the others of its cluster and b the least
mean distance to another cluster; 0 for a row alone. The number of clusters is the one with the largest mean silhouette.

Paper: Arthur and Vassilvitskii. k-means++: the advantages of careful seeding. SODA 2007. Rousseeuw. Silhouettes: a
graphical aid to the interpretation and validation of cluster analysis. Journal of Computational and Applied Mathematics
20, 1987.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from diptych.maths.linear_reduction import Sliced

ROUNDS = 100
"""The most times that rows are assigned from one beginning."""
BEGINNINGS = 4
BLOCK = 4096
"""Rows compared with the centres at a time."""
TRIED = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 22, 26, 30)
"""Numbers of clusters to choose among."""
FEWEST = 3
"""Rows that a cluster has on average, at least, if the number of clusters is chosen."""


class Centres(NamedTuple):
    """The centres of clusters, and the clusters of the rows that they were found for."""

    centres: Float64[np.ndarray, "k d"]
    labels: Int64[np.ndarray, " n"]
    loss: float
    """The sum of squared distances to the centres."""


class NearestCentres(NamedTuple):
    """The nearest centre of each row, and its squared distance."""

    labels: Int64[np.ndarray, " n"]
    distances: Float64[np.ndarray, " n"]


def k_means(rows: Float32[np.ndarray, "n d"], k: int, *, draw: np.random.Generator) -> Centres:
    """Return the best of several clusterings into k clusters, the largest cluster first; none is empty.

    >>> rows = np.float32([[0, 0], [0, 1], [0, 2], [9, 0]])
    >>> k_means(rows, 2, draw=np.random.default_rng(0)).labels
    array([0, 0, 0, 1])
    """
    best = min((_once(rows, k, draw) for _ in range(BEGINNINGS)), key=lambda found: found.loss)
    order = np.argsort(-np.bincount(best.labels, minlength=k), kind="stable")
    place = np.empty(k, dtype=np.int64)
    place[order] = np.arange(k)
    return Centres(best.centres[order], place[best.labels], best.loss)


def nearest_centres(rows: Sliced, centres: Float64[np.ndarray, "k d"]) -> NearestCentres:
    """Return the nearest centre of each row, the first of equally near ones; rows are read block by block."""
    labels, distances = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    for start in range(0, len(rows), BLOCK):
        squares = _squares(rows[start : start + BLOCK], centres)
        nearest = squares.argmin(1)
        labels[start : start + BLOCK] = nearest
        distances[start : start + BLOCK] = squares[np.arange(len(nearest)), nearest]
    return NearestCentres(labels, distances)


def silhouette(rows: Float32[np.ndarray, "n d"], labels: Int64[np.ndarray, " n"]) -> float:
    """Return the mean silhouette of rows in at least two clusters, from the distances of all pairs."""
    distances = np.sqrt(_squares(rows, rows.astype(np.float64)))
    np.fill_diagonal(distances, 0.0)
    _, own = np.unique(labels, return_inverse=True)
    counts = np.bincount(own)
    totals = np.stack([distances[:, own == each].sum(1) for each in range(len(counts))], axis=1)
    everyone = np.arange(len(rows))
    inner = totals[everyone, own] / np.maximum(counts[own] - 1, 1)
    means = totals / counts
    means[everyone, own] = np.inf
    outer = means.min(1)
    widest = np.maximum(inner, outer)
    scores = np.divide(outer - inner, widest, out=np.zeros(len(rows)), where=widest > 0)
    return float(np.where(counts[own] > 1, scores, 0.0).mean())


def best_count(rows: Float32[np.ndarray, "n d"], *, draw: np.random.Generator) -> tuple[int, float]:
    """Return the number of clusters with the largest mean silhouette, and that silhouette; 1 of fewer than six rows."""
    found = (1, 0.0)
    for k in TRIED:
        if k * FEWEST > len(rows):
            break
        labels = k_means(rows, k, draw=draw).labels
        score = silhouette(rows, labels) if labels.any() else 0.0
        if score > found[1]:
            found = (k, score)
    return found


def _once(rows: Float32[np.ndarray, "n d"], k: int, draw: np.random.Generator) -> Centres:
    centres = _beginning(rows, k, draw)
    labels: Int64[np.ndarray, " n"] = np.full(len(rows), -1)
    loss = np.inf
    for _ in range(ROUNDS):
        nearest = nearest_centres(rows, centres)
        own = _filled(nearest, k)
        loss = float(nearest.distances.sum())
        if np.array_equal(own, labels):
            break
        labels = own
        centres = np.stack([rows[labels == each].mean(0, dtype=np.float64) for each in range(k)])
    return Centres(centres, labels, loss)


def _beginning(rows: Float32[np.ndarray, "n d"], k: int, draw: np.random.Generator) -> Float64[np.ndarray, "k d"]:
    """Return k rows, each drawn with a probability in proportion to its squared distance from those before."""
    chosen = [int(draw.integers(len(rows)))]
    distances = nearest_centres(rows, rows[chosen].astype(np.float64)).distances
    while len(chosen) < k:
        total = distances.sum()
        shares = distances / total if total > 0 else np.full(len(rows), 1 / len(rows))
        chosen.append(int(draw.choice(len(rows), p=shares)))
        distances = np.minimum(distances, nearest_centres(rows, rows[chosen[-1:]].astype(np.float64)).distances)
    return rows[chosen].astype(np.float64)


def _filled(nearest: NearestCentres, k: int) -> Int64[np.ndarray, " n"]:
    """Return the cluster of each row; an empty one takes the row furthest from its centre."""
    labels, furthest = nearest.labels.copy(), iter(np.argsort(-nearest.distances, kind="stable").tolist())
    counts = np.bincount(labels, minlength=k)
    for empty in np.flatnonzero(counts == 0).tolist():
        row = next(row for row in furthest if counts[labels[row]] > 1)
        counts[labels[row]] -= 1
        labels[row] = empty
        counts[empty] = 1
    return labels


def _squares(rows: Float32[np.ndarray, "n d"], centres: Float64[np.ndarray, "k d"]) -> Float64[np.ndarray, "n k"]:
    """Return squared distances, |x|² - 2 ⟨x, c⟩ + |c|² in double precision."""
    exact = rows.astype(np.float64)
    squares = np.vecdot(exact, exact)[:, None] - 2 * exact @ centres.T + np.vecdot(centres, centres)
    least: Float64[np.ndarray, "n k"] = np.maximum(squares, 0.0)
    return least
