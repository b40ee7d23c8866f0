"""Exact search: coarse scores for every item, then true scores for the few that could be among the best.

Coarse similarities r, in half or single precision, err by no more than a known e (`diptych.search.coarse`), so

- the most similar item of a space is among those with r ≥ s' - e, where s' is the true similarity of the item with the
  largest r. The same holds for the least similar item, so the true range of each space is known;
- under a monotone rule, a fused similarity is at most F(r_V + e_V, r_T + e_T), with similarities clipped to that range;
  under any other rule, at most F(r) plus the rule's own slack. The best k items are therefore among those whose upper
  bound is at least F', the smallest true fused similarity of the k items with the largest bounds.

True similarities are computed in double precision from the vectors in single precision, in the same way for each item,
so that equal items get equal scores. A rule normalises over all items of the side as its gallery: a filter removes
items from the answer and changes no score.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int

from diptych.errors import BadFeature, BadSetting, ShapeMismatch
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served, Statistics
from diptych.index.contract import Table
from diptych.modality import Modality
from diptych.search.coarse import CoarseScorer, CoarseScores, QueryVectors
from diptych.search.near_pairs import UnitRows
from diptych.search.scan_folder import refreshed
from diptych.search.scan_rows import BLOCK, Held

CHUNK = 2**14
"""How many items are fused at a time: few enough for a core's cache."""

QueryVector = tuple[Float64[np.ndarray, "_"], ...]
"""One query, in each space."""
Similarities = tuple[Float64[np.ndarray, " m"], ...]
"""The similarities of one query with some items, in each space."""


@dataclass(frozen=True)
class Best:
    """The items that answer a query best, in descending order; ties are broken by the smaller id."""

    ids: tuple[str, ...]
    fused: Float64[np.ndarray, " k"]
    similarities: tuple[Float64[np.ndarray, " k"], ...]
    """In each space."""

    def at(self, rows: Sequence[int]) -> "Best":
        """Return some of them, in the order of their rows here."""
        ids = tuple(self.ids[row] for row in rows)
        chosen = np.array(rows, dtype=np.int64)
        return Best(ids, self.fused[chosen], tuple(each[chosen] for each in self.similarities))

    def and_then(self, others: "Best") -> "Best":
        """Return these and others after them."""
        pairs = zip(self.similarities, others.similarities, strict=True)
        fused = np.concatenate([self.fused, others.fused])
        return Best(self.ids + others.ids, fused, tuple(np.concatenate(pair) for pair in pairs))


class Scan:
    """The vectors of one side of a table, held for exact search by the fused similarity."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._scorer = CoarseScorer(held)
        self._rows = np.array(sorted(held.rows().values()), dtype=np.int64)
        self.ids: tuple[str, ...] = tuple(held.ids[row] for row in self._rows)
        """The item at each position."""

    @classmethod
    def open(cls, folder: Path, table: Table, side: Modality, widths: tuple[int, ...]) -> "Scan":
        """Update the folder, and return a scan of one side, whose vectors have these widths in their spaces."""
        return cls(refreshed(Path(folder), table, side, widths))

    def __len__(self) -> int:
        return len(self.ids)

    def among(self, ids: Iterable[str]) -> Bool[np.ndarray, " n"]:
        """Return for each position whether its item is one of these."""
        wanted = set(ids)
        return np.fromiter((item in wanted for item in self.ids), dtype=bool, count=len(self.ids))

    def unit_rows(self, positions: Int[np.ndarray, " m"] | None = None) -> UnitRows:
        """Return the vectors at some positions, by default at all, scaled so that inner products are mean cosines."""
        rows = self._rows if positions is None else self._rows[positions]
        return UnitRows(self._held.full, rows, self._held.state.spans)

    def search(
        self,
        queries: QueryVectors,
        rule: FusionRule | None,
        *,
        k: int,
        modality: Modality,
        allowed: Bool[np.ndarray, " n"] | None = None,
    ) -> list[Best]:
        """Return for each query the k allowed items with the largest fused similarity, or all if fewer are allowed.

        `queries` are vectors of that modality, one array per space. A single space needs no rule: its inner products
        rank the items.
        """
        queries = self._checked(queries, rule, modality)
        positions = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
        k = min(k, len(positions))
        if k == 0:
            nothing = np.zeros(0)
            return [Best((), nothing, tuple(nothing for _ in queries)) for _ in queries[0]]
        if rule is not None and rule.wants is None:
            return [self._ranked_whole(vector, rule, modality, positions, k) for vector in _each(queries)]
        parts, step = range(0, len(queries[0]), self._scorer.at_once), self._scorer.at_once
        found = (
            self._certified([space[start : start + step] for space in queries], rule, positions, k) for start in parts
        )
        return list(chain.from_iterable(found))

    def fused(
        self, queries: QueryVectors, rule: FusionRule | None, *, modality: Modality
    ) -> Iterator[Float64[np.ndarray, " n"]]:
        """Yield the similarity of each query with the items at all positions, by which `search` ranks them."""
        for vector in _each(self._checked(queries, rule, modality)):
            whole = self._true(vector, np.arange(len(self)))
            yield whole[0] if rule is None else rule.fuse(whole[0][None], whole[1][None], queries=modality)[0]

    def served(self, query: QueryVectors, rule: FusionRule) -> Served | None:
        """Return how a rule scores one query, from its similarities with all items.

        None for a rule that only ranks: it cannot score one item alone.
        """
        query = self._checked(query, rule, None)
        if rule.wants is None or not len(self):
            return None
        (statistics,) = self._statistics(query, self._coarse(query), rule)
        return rule.served(*statistics)

    def _checked(self, queries: QueryVectors, rule: FusionRule | None, modality: Modality | None) -> QueryVectors:
        """Return the queries padded with zeros to the width of the rows; raise an error if they cannot be searched."""
        widths = self._held.state.widths
        got = tuple(space.shape[1] for space in queries)
        if got != widths or len({len(space) for space in queries}) > 1:
            raise ShapeMismatch(
                f"queries must be alike in number and {widths} wide in the spaces, as the items are; got "
                f"{', '.join(str(space.shape) for space in queries)}. Place them with the same model."
            )
        if (rule is None) != (len(widths) == 1):
            raise BadSetting(
                f"a fusion makes one similarity of two, and one space needs none; got {len(widths)} spaces and the "
                f"fusion {rule}."
            )
        if rule is not None and "queries" in rule.needs and modality != "image":
            raise BadSetting(
                f"a fusion must rank one query at a time; {rule} needs all queries at once. Choose product."
            )
        if not all(np.isfinite(space).all() for space in queries):
            raise BadFeature("a query's vectors must be finite; got NaN or infinity.")
        return self._held.state.padded(queries)

    def _ranked_whole(
        self, vector: QueryVector, rule: FusionRule, modality: Modality, positions: Int[np.ndarray, " m"], k: int
    ) -> Best:
        """Return the best items under a rule that needs the true similarity of every item."""
        whole = self._true(vector, np.arange(len(self)))
        fused = rule.fuse(whole[0][None], whole[1][None], queries=modality)[0]
        return self._ordered(positions, fused[positions], tuple(space[positions] for space in whole), k)

    def _coarse(self, queries: QueryVectors) -> tuple[CoarseScores, ...]:
        return self._scorer.similarities(queries, self._rows if len(self._rows) < self._held.state.rows else None)

    def _certified(
        self, queries: QueryVectors, rule: FusionRule | None, positions: Int[np.ndarray, " m"], k: int
    ) -> Iterator[Best]:
        """Yield the best items of each query, reading only the items that coarse scores cannot exclude."""
        coarse = self._coarse(queries)
        each = zip(_each(queries), self._statistics(queries, coarse, rule), strict=True)
        for query, (vector, known) in enumerate(each):
            served = None if rule is None else rule.served(*known)
            highest = _highest(rule, served, coarse, query, known)
            if len(positions) < len(highest):
                highest = highest[positions]
            first = np.argpartition(highest, len(highest) - k)[-k:]
            least = _fused(served, self._true(vector, positions[first])).min()
            chosen = positions[np.flatnonzero(highest >= least)]
            similarities = self._true(vector, chosen)
            yield self._ordered(chosen, _fused(served, similarities), similarities, k)

    def _statistics(
        self, queries: QueryVectors, coarse: tuple[CoarseScores, ...], rule: FusionRule | None
    ) -> list[tuple[Statistics, ...]]:
        """Return for each query the statistics that a rule needs of its true similarities with all items, per space."""
        if rule is None:
            return [(Statistics(),)] * len(queries[0])
        of_one = self._ranges if rule.wants == "range" else self._moments
        spaces = [of_one(space, vectors.astype(np.float64), coarse[space]) for space, vectors in enumerate(queries)]
        return list(zip(*spaces, strict=True))

    def _ranges(self, space: int, vectors: Float64[np.ndarray, "q d_s"], coarse: CoarseScores) -> list[Statistics]:
        """Return the smallest and the largest true similarity of each query in a space."""
        each, ends = np.arange(len(vectors)), (coarse.products.argmin(axis=1), coarse.products.argmax(axis=1))
        low, high = (self._pairs(space, vectors, each, end) for end in ends)
        whose, rivals = coarse.outside(low, high)
        if len(rivals) > 2 * len(vectors):
            true = self._pairs(space, vectors, whose, rivals)
            np.minimum.at(low, whose, true)
            np.maximum.at(high, whose, true)
        return [Statistics(*ends) for ends in zip(low.tolist(), high.tolist(), strict=True)]

    def _moments(self, space: int, vectors: Float64[np.ndarray, "q d_s"], coarse: CoarseScores) -> list[Statistics]:
        """Return mean and deviation of each query's similarities in a space; the deviation is 0 if all are equal."""
        moments, width = self._held.moments[space], self._held.state.widths[space]
        vary = coarse.vary()
        if not vary.all():
            vary |= np.array([ends.high > ends.low for ends in self._ranges(space, vectors, coarse)])
        return [
            Statistics(
                mean=moments.mean(vector),
                deviation=moments.deviation(vector, equal=lambda: False) if varies else 0.0,
            )
            for vector, varies in zip(vectors[:, :width], vary, strict=True)
        ]

    def _true(self, vector: QueryVector, positions: Int[np.ndarray, " m"]) -> Similarities:
        """Return a query's similarities with the items at these positions, in double precision."""
        found = tuple(np.empty(len(positions)) for _ in vector)
        for start in range(0, len(positions), BLOCK):
            rows = self._held.full[self._rows[positions[start : start + BLOCK]]]
            for out, own, span in zip(found, vector, self._held.state.spans, strict=True):
                np.vecdot(rows[:, span], own, out=out[start : start + BLOCK], dtype=np.float64)
        return found

    def _pairs(
        self,
        space: int,
        vectors: Float64[np.ndarray, "q d_s"],
        whose: Int[np.ndarray, " m"],
        positions: Int[np.ndarray, " m"],
    ) -> Float64[np.ndarray, " m"]:
        """Return similarities of pairs of a vector and an item in one space, in double precision."""
        span, found = self._held.state.spans[space], np.empty(len(positions))
        for start in range(0, len(positions), BLOCK):
            part = slice(start, start + BLOCK)
            rows = self._held.full[self._rows[positions[part]], span]
            np.vecdot(rows, vectors[whose[part]], out=found[part], dtype=np.float64)
        return found

    def _ordered(
        self, positions: Int[np.ndarray, " m"], fused: Float64[np.ndarray, " m"], similarities: Similarities, k: int
    ) -> Best:
        least = np.partition(fused, len(fused) - k)[-k]
        order = sorted(
            np.flatnonzero(fused >= least).tolist(), key=lambda row: (-fused[row], self.ids[positions[row]])
        )[:k]
        ids = tuple(self.ids[position] for position in positions[order])
        return Best(ids, fused[order], tuple(space[order] for space in similarities))


def _each(queries: QueryVectors) -> Iterator[QueryVector]:
    """Yield each query's vectors in double precision."""
    for vectors in zip(*queries, strict=True):
        yield tuple(vector.astype(np.float64) for vector in vectors)


def _fused(served: Served | None, similarities: Similarities) -> Float64[np.ndarray, " m"]:
    return similarities[0] if served is None else served.score(*similarities)


def _highest(
    rule: FusionRule | None,
    served: Served | None,
    coarse: tuple[CoarseScores, ...],
    query: int,
    known: tuple[Statistics, ...],
) -> Float64[np.ndarray, " n"]:
    """Return for each item an upper bound on its fused similarity with a query."""
    raised = rule is None or rule.monotone
    errors = [float(space.errors[query]) for space in coarse]
    slack = 0.0 if raised or served is None else served.slack(*errors)
    highest = np.empty(coarse[0].products.shape[1])
    for start in range(0, len(highest), CHUNK):
        rows = slice(start, start + CHUNK)
        similarities = tuple(space.similarities(query, rows) for space in coarse)
        if raised:
            for space, error, ends in zip(similarities, errors, known, strict=True):
                space += error
                if rule is not None and rule.wants == "range":
                    np.clip(space, ends.low, ends.high, out=space)
        np.add(_fused(served, similarities), slack, out=highest[rows])
    return highest
