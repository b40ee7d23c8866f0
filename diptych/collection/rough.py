"""Inner products of a query with every row of a scan, with a bound on their error.

A copy c of a row b, taken times a power of two, errs by no more than it was seen to lose when it was written: nothing
in single precision, and what rounding takes in half precision. A sum of d products in single precision, in whatever
order, errs by no more than its length allows:

|⟨a, c⟩ - ⟨a, b⟩| ≤ |a| (ρ + γ (N + ρ)),  ρ = max |c - b|,  N = max |b|,  γ = d u / (1 - d u),  u = 2⁻²⁴

Queries are taken times a power of two as well, so that nothing is too large for single precision, and what is too small
for it is lost to a part of 2⁻¹⁰⁸.

Single precision is read where it takes a modest part of the memory there is, half precision where it would take more.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from threading import Barrier
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float16, Float32, Float64, Int

from diptych.collection.scan_rows import Held, State
from diptych.settings import memory_bytes, thread_count

ROUNDING = 2.0**-24
"""The largest relative error of one operation in single precision."""
LOST = 2.0**-108
"""What one product and its addition may lose because they are too small for single precision."""
GENEROUS = 1 + 2.0**-20
"""By how much a bound is enlarged, for the rounding of its own arithmetic."""
PIECE = 2**18
"""Numbers converted at a time: they stay in a core's cache between conversion and product."""
STRIP = 2**20
"""Numbers multiplied at a time where none are converted."""
MODEST = 1 / 4
"""Of the machine's memory, how much rows in single precision may take."""
ORDINARY = 2.0**-60, 2.0**60
"""Norms of rows that need no scaling to be multiplied in single precision."""
AT_ONCE = 2**25
"""Similarities in memory at a time, of several queries."""

Vectors = Sequence[Float32[np.ndarray, "q _"]]
"""Queries, one array a space."""


class Copy(NamedTuple):
    """The rows in one precision, each space times 2 to the power of its exponent."""

    rows: Float16[np.ndarray, "n d"] | Float32[np.ndarray, "n d"]
    exponents: tuple[int, ...]
    rounding: tuple[float, ...]
    """The largest distance of a row from its copy, for each space."""

    @classmethod
    def of(cls, held: Held) -> "Copy":
        """Return the copy that is searched fastest."""
        state, (least, most) = held.state, ORDINARY
        ordinary = all(least < norm < most or norm == 0 for norm in state.norms)
        if ordinary and held.full.nbytes <= MODEST * memory_bytes():
            return cls(held.full, (0,) * len(state.widths), (0.0,) * len(state.widths))
        return cls(held.half, state.exponents, state.rounding)


@dataclass(frozen=True)
class Rough:
    """One query's similarities in one space, none of which is further from the truth than `error`."""

    products: Float32[np.ndarray, " n"]
    """The similarities over a power of two."""
    scale: float
    error: float

    def similarities(self, rows: slice) -> Float64[np.ndarray, " m"]:
        """Return some of the similarities."""
        similarities = self.products[rows].astype(np.float64)
        similarities *= self.scale
        return similarities

    def at_least(self, similarity: float) -> Int[np.ndarray, " m"]:
        """Return the rows whose true similarity may be so large."""
        bound = np.float32((similarity - self.error) / self.scale)
        return np.flatnonzero(self.products >= np.nextafter(bound, np.float32(-np.inf)))

    def at_most(self, similarity: float) -> Int[np.ndarray, " m"]:
        """Return the rows whose true similarity may be so small."""
        bound = np.float32((similarity + self.error) / self.scale)
        return np.flatnonzero(self.products <= np.nextafter(bound, np.float32(np.inf)))


def rough_similarities(held: Held, vectors: Vectors, rows: Int[np.ndarray, " n"] | None) -> Iterator[tuple[Rough, ...]]:
    """Yield each query's similarities in each space with the named rows, by default with all."""
    copy, state = Copy.of(held), held.state
    step = max(1, AT_ONCE // max(1, state.rows * len(vectors)))
    for start in range(0, len(vectors[0]), step):
        spaces = [space[start : start + step] for space in vectors]
        powers = [_powers(space) for space in spaces]
        scaled = [np.ldexp(space, power[:, None]) for space, power in zip(spaces, powers, strict=True)]
        found = _products(copy.rows, state.spans, scaled)
        scales = [np.ldexp(1.0, -power - exponent) for power, exponent in zip(powers, copy.exponents, strict=True)]
        errors = [_errors(state, k, copy.rounding[k], queries, scales[k]) for k, queries in enumerate(spaces)]
        for query in range(len(spaces[0])):
            products = (space[query] if rows is None else space[query][rows] for space in found)
            bounds = ((scale[query], error[query]) for scale, error in zip(scales, errors, strict=True))
            yield tuple(Rough(p, float(s), float(e)) for p, (s, e) in zip(products, bounds, strict=True))


def _errors(
    state: State, space: int, lost: float, queries: Float32[np.ndarray, "q d_s"], scales: Float64[np.ndarray, " q"]
) -> Float64[np.ndarray, " q"]:
    """Return for each query how far its similarities in a space may be from the truth."""
    width, norm = state.widths[space], state.norms[space]
    accumulated = width * ROUNDING / (1 - width * ROUNDING)
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    errors: Float64[np.ndarray, " q"] = lengths * (lost + accumulated * (norm + lost)) + width * LOST * scales
    return errors * GENEROUS


def _powers(vectors: Float32[np.ndarray, "q d_s"]) -> Int[np.ndarray, " q"]:
    """Return for each query the power of two times which its largest number is between 1/2 and 1."""
    powers: Int[np.ndarray, " q"] = -np.frexp(np.abs(vectors).max(axis=1, initial=0))[1]
    return powers


def _products(
    copy: Float16[np.ndarray, "n d"] | Float32[np.ndarray, "n d"], spans: Sequence[slice], queries: Vectors
) -> Float32[np.ndarray, "s q n"]:
    """Return inner products with all rows, in each space's columns.

    Each thread takes a piece at a time, converts it if need be and multiplies it at once. The threads are our own:
    torch's meet after every operation, which costs more than such a small one where the machine has other work too.
    """
    rows, vectors = torch.from_numpy(copy), [torch.from_numpy(np.ascontiguousarray(space)) for space in queries]
    converted, found = rows.dtype == torch.float16, torch.empty(len(spans), len(queries[0]), len(copy))
    length = max(1, (PIECE if converted else STRIP) // copy.shape[1])
    # one query is multiplied in all spaces at once, padded with zeros: they add nothing and round nothing
    padded = torch.block_diag(*vectors) if len(queries[0]) == 1 else None  # type: ignore[no-untyped-call]
    starts = iter(range(0, len(copy), length))

    def work(_: int) -> None:
        buffer = torch.empty(length, copy.shape[1]) if converted else None
        for start in starts:
            piece, out = rows[start : start + length], found[:, :, start : start + length]
            if buffer is not None:
                piece = buffer[: len(piece)].copy_(piece)
            if padded is not None:
                torch.mm(padded, piece.T, out=out[:, 0])
                continue
            for span, space, products in zip(spans, vectors, out, strict=True):
                torch.mm(space, piece[:, span].T, out=products)

    threads = thread_count()
    list(_pool(threads).map(work, range(threads)))
    return found.numpy()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return threads each of which computes alone; how many threads torch uses elsewhere stays as it was."""
    before, started = torch.get_num_threads(), Barrier(threads)
    pool = ThreadPoolExecutor(threads, "scan", initializer=torch.set_num_threads, initargs=(1,))
    wait([pool.submit(started.wait) for _ in range(threads)])
    torch.set_num_threads(before)
    return pool
