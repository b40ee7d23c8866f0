"""Inner products of a query with every row of a scan, from half precision, with a bound on their error.

Half precision h of a row b, taken times a power of two that makes it fit, errs by no more than it was seen to lose when
it was written; a sum of d products in single precision, in whatever order, by no more than its length allows:

|⟨a, b⟩_h - ⟨a, b⟩| ≤ |a| (ρ + γ (N + ρ)),  ρ = max |h - b|,  N = max |b|,  γ = d u / (1 - d u),  u = 2⁻²⁴

Queries are taken times a power of two as well, so that nothing is too large for single precision, and what is too small
for it is lost to a part of 2⁻¹⁰⁸.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from threading import Barrier

import numpy as np
import torch
from jaxtyping import Float16, Float32, Float64, Int

from diptych.collection.scan_rows import Held
from diptych.settings import thread_count

ROUNDING = 2.0**-24
"""The largest relative error of one operation in single precision."""
LOST = 2.0**-108
"""What one product and its addition may lose because they are too small for single precision."""
GENEROUS = 1 + 2.0**-20
"""By how much a bound is enlarged, for the rounding of its own arithmetic."""
PIECE = 2**18
"""Numbers converted at a time: they stay in a core's cache between conversion and product."""
AT_ONCE = 2**25
"""Similarities in memory at a time, of several queries."""

Vectors = Sequence[Float32[np.ndarray, "q _"]]
"""Queries, one array a space."""


@dataclass(frozen=True)
class Rough:
    """One query's similarities in one space, none of which is further from the truth than `error`."""

    similarities: Float64[np.ndarray, " n"]
    error: float


def rough_similarities(held: Held, vectors: Vectors, rows: Int[np.ndarray, " n"] | None) -> Iterator[tuple[Rough, ...]]:
    """Yield each query's similarities in each space with the named rows, by default with all."""
    step = max(1, AT_ONCE // max(1, held.state.rows * len(vectors)))
    for start in range(0, len(vectors[0]), step):
        spaces = [space[start : start + step] for space in vectors]
        powers = [_powers(space) for space in spaces]
        scaled = [np.ldexp(space, power[:, None]) for space, power in zip(spaces, powers, strict=True)]
        found = _products(held.half, held.state.spans, scaled)
        for query in range(len(spaces[0])):
            yield tuple(
                _rough(held, space, vectors[query], products[query], int(power[query]), rows)
                for space, (vectors, products, power) in enumerate(zip(spaces, found, powers, strict=True))
            )


def _rough(
    held: Held,
    space: int,
    query: Float32[np.ndarray, " d_s"],
    products: Float32[np.ndarray, " m"],
    power: int,
    rows: Int[np.ndarray, " n"] | None,
) -> Rough:
    """Return products as similarities, with the bound on their error."""
    state = held.state
    scale = np.ldexp(1.0, -power - state.exponents[space])
    width, lost, norm = state.widths[space], state.rounding[space], state.norms[space]
    accumulated = width * ROUNDING / (1 - width * ROUNDING)
    length = float(np.linalg.norm(query.astype(np.float64)))
    error = length * (lost + accumulated * (norm + lost)) + width * LOST * float(scale)
    chosen = products if rows is None else products[rows]
    return Rough(chosen.astype(np.float64) * scale, error * GENEROUS)


def _powers(vectors: Float32[np.ndarray, "q d_s"]) -> Int[np.ndarray, " q"]:
    """Return for each query the power of two times which its largest number is between 1/2 and 1."""
    powers: Int[np.ndarray, " q"] = -np.frexp(np.abs(vectors).max(axis=1, initial=0))[1]
    return powers


def _products(
    half: Float16[np.ndarray, "n d"], spans: Sequence[slice], queries: Vectors
) -> Float32[np.ndarray, "s q n"]:
    """Return inner products with all rows, in each space's columns.

    Each thread takes a piece at a time, converts it and multiplies it at once. The threads are our own: torch's meet
    after every operation, which costs more than such a small one where the machine has other work too.
    """
    rows, vectors = torch.from_numpy(half), [torch.from_numpy(np.ascontiguousarray(space)) for space in queries]
    found, length = torch.empty(len(spans), len(queries[0]), len(half)), max(1, PIECE // half.shape[1])
    # one query is multiplied in all spaces at once, padded with zeros: they add nothing and round nothing
    padded = torch.block_diag(*vectors) if len(queries[0]) == 1 else None  # type: ignore[no-untyped-call]
    starts = iter(range(0, len(half), length))

    def work(_: int) -> None:
        buffer = torch.empty(length, half.shape[1])
        for start in starts:
            stop = min(start + length, len(half))
            piece, out = buffer[: stop - start].copy_(rows[start:stop]), found[:, :, start:stop]
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
