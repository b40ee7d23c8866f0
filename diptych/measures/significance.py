"""Significance of the differences between methods.

Methods are compared on the average precisions of the same queries, paired query by query. Queries of both
directions and of several splits may be pooled: their differences then count as exchangeable pairs, each equally
likely to have the opposite sign if the methods were equal. This ignores that one item may be a query in several
splits, and that the queries of a split share one trained model per method, so pooled queries are less independent than
the test assumes, and small p-values are slightly optimistic. They refer to other queries to these models, not to
retrained models.

Paper: Smucker, Allan and Carterette, A Comparison of Statistical Significance Tests for Information Retrieval
Evaluation, CIKM 2007 (the randomisation test). Holm, A Simple Sequentially Rejective Multiple Test Procedure,
Scandinavian Journal of Statistics 6(2), 1979.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Float32

from diptych.errors import BadSetting, ShapeMismatch, UnknownName
from diptych.measures.ranking import mean_over_judged

ROUNDS = 100_000
"""Random rounds of a test: the smallest p-value is 1 / (ROUNDS + 1), small enough for ten methods under Holm."""
LEVEL = 0.05
"""Default significance level for adjusted p-values."""

_TIE = 1e-6
"""Tolerance for ties, above float32 rounding, relative to the sum of a column's absolute differences."""
_BLOCK = 1 << 22
"""Signs per block, which takes 16 MiB."""


@dataclass(frozen=True)
class PairedComparison:
    """The comparison of two methods."""

    first: str
    """The first method."""
    second: str
    """The second method."""
    difference: float
    """Mean difference, first minus second, over queries with values for both; NaN if there are none."""
    p: float
    """Two-sided p-value: probability of a difference this large if the methods were equal."""
    adjusted: float
    """The p-value after Holm's correction for all compared pairs."""


@dataclass(frozen=True)
class Comparisons:
    """The pairwise comparisons of several methods."""

    methods: tuple[str, ...]
    """The methods, in the given order."""
    pairs: tuple[PairedComparison, ...]
    """One comparison for each unordered pair."""

    def significantly_below(self, method: str, level: float = LEVEL) -> tuple[str, ...]:
        """Return the methods that are better than this one with an adjusted p-value below `level`."""
        if method not in self.methods:
            raise UnknownName.among("comparisons", method, self.methods)
        clear = [pair for pair in self.pairs if pair.adjusted < level]
        leads = [(p.first, p.second) if p.difference > 0 else (p.second, p.first) for p in clear]
        return tuple(leader for leader, behind in leads if behind == method)


def compare_all(figures: Mapping[str, Float[np.ndarray, " q"]], *, rounds: int = ROUNDS, seed: int = 0) -> Comparisons:
    """Compare methods pairwise on a metric, such as average precision, of the same queries in the same order.

    >>> better = np.linspace(0.3, 0.9, 40)
    >>> compare_all({"cca": better - 0.1, "mcsm": better}).significantly_below("cca")
    ('mcsm',)
    """
    lengths = {method: len(values) for method, values in figures.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeMismatch(
            f"every method must be scored on the same queries; got "
            f"{', '.join(f'{count} of {method}' for method, count in lengths.items())}."
        )
    couples = list(combinations(figures, 2))
    if not couples:
        return Comparisons(tuple(figures), ())
    differences = np.stack([figures[first] - figures[second] for first, second in couples], axis=1)
    p_values = paired_randomisation(differences, rounds=rounds, seed=seed)
    rows = zip(couples, differences.T, p_values, holm(p_values), strict=True)
    return Comparisons(
        tuple(figures),
        tuple(
            PairedComparison(*couple, mean_over_judged(column), float(p), float(adjusted))
            for couple, column, p, adjusted in rows
        ),
    )


def paired_randomisation(
    differences: Float[np.ndarray, "q p"], *, rounds: int = ROUNDS, seed: int = 0
) -> Float[np.ndarray, " p"]:
    """Return each column's two-sided p-value for a mean of zero, by flipping the signs of its differences at random.

    p = (1 + #{rounds r : |Σᵢ sᵣᵢ dᵢ| ≥ |Σᵢ dᵢ|}) / (1 + rounds),  sᵣᵢ = ±1

    All columns are tested with the same signs, so a column's p-value does not depend on its neighbours. If all
    2^q sign vectors fit into `rounds`, each is tried once and p is exact. Missing values (NaN) are excluded from their
    column; p is 1 in a column of zeros and NaN only.

    >>> paired_randomisation(np.array([[0.1, 0.0], [0.2, 0.0], [0.3, 0.0]])).tolist()
    [0.25, 1.0]
    """
    if rounds < 1:
        raise BadSetting(f"a randomisation test needs at least 1 round; got {rounds}.")
    scaled = _scaled(differences)
    observed = np.abs(scaled.sum(axis=0)) - _TIE
    hits = np.zeros(scaled.shape[1], dtype=np.int64)
    exact = 2 ** len(scaled) <= rounds
    for signs in _all_signs(len(scaled)) if exact else _random_signs(len(scaled), rounds, seed):
        hits += (np.abs(signs @ scaled.astype(np.float32)) >= observed).sum(axis=0)
    return hits / 2 ** len(scaled) if exact else (hits + 1) / (rounds + 1)


def holm(p_values: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
    """Return p-values with Holm's correction, which controls the family-wise error rate.

    adjusted₍ₖ₎ = max over j ≤ k of min(1, (m - j + 1) p₍ⱼ₎),  p₍₁₎ ≤ ... ≤ p₍ₘ₎

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, factors * p_values[order]))
    return adjusted


def mean_ranks(scores: Float[np.ndarray, "m s"]) -> Float[np.ndarray, " m"]:
    """Return each method's mean rank over splits, 1 for the best; ties share their mean rank.

    A method without a score (NaN) in some split has no mean rank and is not ranked in that split.

    >>> mean_ranks(np.array([[0.5, 0.7], [0.5, 0.6], [0.1, 0.8]])).tolist()
    [1.75, 2.25, 2.0]
    """
    better = (scores[None, :, :] > scores[:, None, :]).sum(axis=1)
    equal = (scores[None, :, :] == scores[:, None, :]).sum(axis=1)
    ranks: Float[np.ndarray, "m s"] = np.where(np.isnan(scores), np.nan, better + (equal + 1) / 2)
    mean: Float[np.ndarray, " m"] = ranks.mean(axis=1)
    return mean


def _scaled(differences: Float[np.ndarray, "q p"]) -> Float[np.ndarray, "q p"]:
    """Return the differences with zero for NaN, each column divided by the sum of its absolute values."""
    judged = np.where(np.isnan(differences), 0.0, differences.astype(np.float64))
    totals = np.abs(judged).sum(axis=0)
    scaled: Float[np.ndarray, "q p"] = judged / np.where(totals > 0, totals, 1.0)
    return scaled


def _all_signs(queries: int) -> Iterator[Float32[np.ndarray, "_ q"]]:
    """Yield all sign vectors in one block."""
    bits = (np.arange(2**queries)[:, None] >> np.arange(queries)) & 1
    yield (2 * bits - 1).astype(np.float32)


def _random_signs(queries: int, rounds: int, seed: int) -> Iterator[Float32[np.ndarray, "_ q"]]:
    """Yield `rounds` random sign vectors in blocks."""
    generator = np.random.default_rng(seed)
    at_once = max(1, _BLOCK // queries)
    for start in range(0, rounds, at_once):
        count = min(at_once, rounds - start)
        random = np.frombuffer(generator.bytes(-(-count * queries // 8)), dtype=np.uint8)
        signs = np.unpackbits(random, count=count * queries).astype(np.float32).reshape(count, queries)
        signs *= 2
        signs -= 1
        yield signs
