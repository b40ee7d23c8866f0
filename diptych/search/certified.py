"""Exact search in a store: the best items by fused similarity, from searches by inner product alone.

An item's vectors of both spaces are stored side by side. A rule gives the direction to search in
(`diptych.fusion.serving`). The store returns items by descending G = v s_V + t s_T, and each is scored by its fused
similarity F. The search requests more items until the k-th best F exceeds the largest F possible at a smaller G.

This is a threshold algorithm: Fagin, Lotem and Naor, Optimal aggregation algorithms for middleware, PODS 2001; Journal
of Computer and System Sciences 66(4), 2003. Theirs reads one sorted list per attribute in turn, looks up the other
attributes of each object it meets, and stops when the k-th best score reaches the aggregate of the last value of every
list, which requires a monotone aggregate. Ours reads one list, sorted by G in a direction that combines both spaces,
and each item comes with its vectors, so that nothing is looked up. The rule supplies the threshold: the largest F that
it allows beyond the last G, within the gallery's range if the rule needs that range. A rule therefore need not be
monotone. Our k-th best score must exceed the threshold, while theirs may equal it, so that only ids break ties.

F is normalised over all items of the side, so that a filter removes items and changes no score. One search along a
space's direction and one against it give the range of that space; mean and deviation follow from the moments of all
vectors (`diptych.search.moments`).

The search is as exact as the store's own searches. If they are approximate, nothing can be certified, and a search that
goes deeper and deeper among near ties would read the whole table, so it stops at `DEEPEST`. Rounding may misjudge inner
products, in proportion to the longest vector returned.
"""

from collections.abc import Callable, Sequence
from sys import maxsize

import numpy as np
from jaxtyping import Float32, Float64

from diptych.errors import BadSetting
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served, Statistics
from diptych.index.contract import NearestItems
from diptych.search.moments import Moments
from diptych.search.scan import Best

__all__ = ["Best", "certified", "one_by_one"]

FIRST = 64
"""Items that the first search requests, or twice k if that is more."""
GROWTH = 4
"""The factor by which each further search requests more."""
DEEPEST = 1024
"""The most items that an approximate search requests, or twice k if that is more."""
PROBED = 8
"""Items compared at each end of a range: several, since a store's rounding may swap the first few."""
MISJUDGED = 1e-5
"""How far a store in single precision may misjudge an inner product, as a share of the two vectors' lengths."""

Nearest = Callable[[Float32[np.ndarray, " d"], int], NearestItems]
"""Return as many items as requested, those with the largest inner products; fewer only if there are no more."""
NearestEach = Callable[[Float32[np.ndarray, "m d"], int], list[NearestItems]]
"""Return the same for each of several vectors."""
Query = tuple[Float32[np.ndarray, " _"], ...]
"""A vector for each space."""
ItemSimilarities = tuple[Float64[np.ndarray, " n"], ...]
"""The similarities of one query with some items, in each space."""


def certified(
    nearest: Nearest,
    query: Query,
    rule: FusionRule | None,
    *,
    k: int,
    unfiltered: NearestEach,
    moments: Callable[[], Sequence[Moments]],
    approximate: bool = False,
) -> Best:
    """Return the k items of `nearest` with the largest fused similarity; fewer only if there are no more.

    `unfiltered` and `moments` cover all items of the side; `approximate` means that a search may miss some. A single
    space needs no rule: the store's search is the answer. `BadSetting` for a rule that inner products cannot serve.
    """
    if k < 1:
        raise BadSetting(f"k must be at least 1; got {k}.")
    if rule is None:
        items = nearest(query[0], k)
        return Best(items.ids, items.similarities, (items.similarities,))
    served = rule.served(*_statistics(rule, query, unfiltered, moments))
    direction = np.concatenate([served.visual * query[0].astype(np.float64), served.textual * query[1]])
    length, longest = float(np.linalg.norm(direction)), float(np.abs(direction).max())
    vector = (direction / longest if longest else direction).astype(np.float32)
    depth = max(2 * k, FIRST) if longest else k
    deepest = max(depth, DEEPEST) if approximate else maxsize
    while True:
        items = nearest(vector, depth)
        similarities = _similarities(query, items.vectors)
        fused = served.score(*similarities)
        misjudged = MISJUDGED * length * float(np.linalg.norm(items.vectors, axis=1).max(initial=0.0))
        ended = len(items.ids) < depth or depth >= deepest or not longest
        if ended or _settled(served, similarities, fused, k, misjudged):
            return _best(items.ids, fused, similarities, k)
        depth = min(depth * GROWTH, deepest)


def _statistics(
    rule: FusionRule, query: Query, unfiltered: NearestEach, moments: Callable[[], Sequence[Moments]]
) -> list[Statistics]:
    """Return the statistics that the rule needs of each space's similarities with all items."""
    if rule.wants == "range":
        return _ranges(query, range(len(query)), unfiltered)
    if rule.wants == "moments":
        return [_moments(query, space, each, unfiltered) for space, each in enumerate(moments())]
    return [Statistics() for _ in query]


def _moments(query: Query, space: int, moments: Moments, unfiltered: NearestEach) -> Statistics:
    def equal() -> bool:
        (ends,) = _ranges(query, [space], unfiltered)
        return ends.high <= ends.low

    return Statistics(mean=moments.mean(query[space]), deviation=moments.deviation(query[space], equal=equal))


def _ranges(query: Query, spaces: Sequence[int], unfiltered: NearestEach) -> list[Statistics]:
    """Return the range of similarities in each of these spaces."""
    along = [
        np.concatenate([part if n == space else np.zeros_like(part) for n, part in enumerate(query)])
        for space in spaces
    ]
    answers = iter(unfiltered(np.stack([end for vector in along for end in (-vector, vector)]), PROBED))
    ranges = []
    for space, ends in zip(spaces, zip(answers, answers, strict=True), strict=True):
        low, high = (_similarities(query, end.vectors)[space] for end in ends)
        ranges.append(Statistics(min(low.tolist(), default=0.0), max(high.tolist(), default=0.0)))
    return ranges


def one_by_one(nearest: Nearest) -> NearestEach:
    """Return a search that sends one vector at a time."""
    return lambda vectors, k: [nearest(vector, k) for vector in vectors]


def _similarities(query: Query, vectors: Float32[np.ndarray, "n d"]) -> ItemSimilarities:
    """Return exact inner products, computed in the same way for each item."""
    spaces = np.split(vectors, np.cumsum([len(part) for part in query])[:-1], axis=1)
    return tuple(
        np.einsum("nd,d->n", rows.astype(np.float64), part.astype(np.float64))
        for rows, part in zip(spaces, query, strict=True)
    )


def _settled(
    served: Served, similarities: ItemSimilarities, fused: Float64[np.ndarray, " n"], k: int, misjudged: float
) -> bool:
    """Return whether no item beyond those returned can reach the k-th best score."""
    last = (served.visual * similarities[0] + served.textual * similarities[1]).min()
    return bool(np.partition(fused, -k)[-k] > served.bound(float(last) + 2 * misjudged))


def _best(ids: tuple[str, ...], fused: Float64[np.ndarray, " n"], similarities: ItemSimilarities, k: int) -> Best:
    order = sorted(range(len(ids)), key=lambda row: (-fused[row], ids[row]))[:k]
    return Best(tuple(ids[row] for row in order), fused[order], tuple(space[order] for space in similarities))
