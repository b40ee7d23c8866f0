"""Two rankings fused by rank: by similarity, and by the words of items' texts.

score = (1 - w) / (K + r_s) + w / (K + r_w),  K = 60

with w the weight of words, and r_s and r_w an item's ranks, from 1, among the first of each ranking; a rank beyond them
adds nothing. Similarities stay what they are, so that they do not fall from hit to hit any more.

Paper: Cormack, Clarke and Büttcher. Reciprocal rank fusion outperforms Condorcet and individual rank learning methods.
SIGIR 2009, which gives both rankings the same weight.
"""

from collections.abc import Callable, Sequence

from diptych.search.certified import Best

K = 60
POOL = 100
"""How many of each ranking are fused, at least."""


def pool(depth: int) -> int:
    """Return how many of each ranking a page that ends at a depth needs: the same for all pages of a hundred hits.

    >>> pool(10), pool(100), pool(101)
    (100, 100, 200)
    """
    return -(-depth // POOL) * POOL


def with_words(best: Best, matching: Sequence[str], weight: float, *, scored: Callable[[list[str]], Best]) -> Best:
    """Return items ranked by both; `scored` returns the similarities of items that the first ranking lacks."""
    by_similarity = {identity: rank for rank, identity in enumerate(best.ids, start=1)}
    by_words = {identity: rank for rank, identity in enumerate(matching, start=1)}
    if others := [identity for identity in matching if identity not in by_similarity]:
        best = best.and_then(scored(others))
    ranks = [(by_similarity.get(identity), by_words.get(identity)) for identity in best.ids]
    scores = [_share(similar, 1 - weight) + _share(worded, weight) for similar, worded in ranks]
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], -best.fused[row], best.ids[row]))
    return best.at([row for row in order if scores[row] > 0])


def _share(rank: int | None, weight: float) -> float:
    return 0.0 if rank is None else weight / (K + rank)
