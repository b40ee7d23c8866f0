"""Coarse scores: inner products of a query with every row of a scan, with a bound on their error.

A scan scores copies c of its rows b, scaled by a power of two. The error of a copy is measured when it is written: none
in single precision, the rounding in half precision. A sum of d products in single precision, in any order, has an error
bounded by its length:

|⟨a, c⟩ - ⟨a, b⟩| ≤ |a| (ρ + γ (N + ρ)),  ρ = max |c - b|,  N = max |b|,  γ = d u / (1 - d u),  u = 2⁻²⁴

Queries are scaled by a power of two as well, so that nothing overflows single precision; underflow then costs at most
2⁻¹⁰⁸ per product, in scaled units.

A scan reads single precision if that takes a modest share of the machine's memory, and half precision otherwise.
"""

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from threading import Barrier

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int

from diptych.search.scan_rows import Held
from diptych.settings import memory_bytes, thread_count

ROUNDING = 2.0**-24
"""The largest relative error of one operation in single precision."""
LOST = 2.0**-108
"""What one product and its addition may lose to underflow in single precision."""
GENEROUS = 1 + 2.0**-20
"""The factor that enlarges a bound to cover the rounding of its own arithmetic."""
PIECE = 2**19
"""How many numbers are multiplied at a time: they stay in a core's cache between conversion and product."""
ROWS = 2**9
"""The fewest rows multiplied at a time: with fewer, numpy keeps other threads waiting."""
MODEST = 1 / 4
"""The share of the machine's memory that rows in single precision may take."""
ORDINARY = 2.0**-60, 2.0**60
"""The range of norms that need no scaling to be multiplied in single precision."""
AT_ONCE = 2**25
"""How many similarities are in memory at a time, over several queries."""

QueryVectors = Sequence[Float32[np.ndarray, "q _"]]
"""Queries, one array per space."""


@dataclass(frozen=True)
class CoarseScores:
    """Similarities of some queries in one space, each no further from the truth than its query's error."""

    products: Float32[np.ndarray, "q n"]
    """The similarities divided by a power of two."""
    scales: Float64[np.ndarray, " q"]
    errors: Float64[np.ndarray, " q"]

    def similarities(self, query: int, rows: slice) -> Float64[np.ndarray, " m"]:
        """Return some of a query's similarities."""
        similarities: Float64[np.ndarray, " m"] = np.multiply(
            self.products[query, rows], self.scales[query], dtype=np.float64
        )
        return similarities

    def vary(self) -> Bool[np.ndarray, " q"]:
        """Return for each query whether its true similarities certainly differ."""
        spread: Bool[np.ndarray, " q"] = np.ptp(self.products, axis=1) * self.scales > 2 * self.errors
        return spread

    def outside(
        self, low: Float64[np.ndarray, " q"], high: Float64[np.ndarray, " q"]
    ) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"]]:
        """Return the queries and rows whose true similarity may be as low as the query's `low` or as high as `high`."""
        ends = (low + self.errors) / self.scales, (high - self.errors) / self.scales
        least, most = (end.astype(np.float32)[:, None] for end in ends)
        near = self.products <= np.nextafter(least, np.float32(np.inf))
        near |= self.products >= np.nextafter(most, np.float32(-np.inf))
        whose, rows = np.divmod(np.flatnonzero(near), near.shape[1])
        return whose, rows


class CoarseScorer:
    """Scores all rows, in whichever precision is faster to search."""

    def __init__(self, held: Held) -> None:
        state, (least, most) = held.state, ORDINARY
        self._spans, self._threads = state.spans, thread_count()
        rows, exponents, rounding = held.half, state.exponents, state.rounding
        ordinary = all(least < norm < most or norm == 0 for norm in state.norms)
        if ordinary and held.full.nbytes <= MODEST * memory_bytes():
            rows, exponents, rounding = held.full, (0,) * len(state.widths), (0.0,) * len(state.widths)
        self._rows, self._exponents = torch.from_numpy(rows), np.array(exponents, dtype=np.int64)[:, None]
        widths, norms, lost = (
            np.array(each, dtype=np.float64)[:, None] for each in (state.widths, state.norms, rounding)
        )
        gamma = widths * ROUNDING / (1 - widths * ROUNDING)
        self._by_length, self._by_scale = lost + gamma * (norms + lost), widths * LOST
        self.at_once = max(1, AT_ONCE // max(1, state.rows * len(state.widths)))
        """How many queries' similarities fit into memory at a time."""

    def similarities(self, queries: QueryVectors, rows: Int[np.ndarray, " n"] | None) -> tuple[CoarseScores, ...]:
        """Return similarities in each space with these rows, by default with all."""
        # these powers of two scale a query's largest number to between 1/2 and 1
        powers = -np.frexp(np.array([np.abs(space).max(axis=1, initial=0) for space in queries]))[1]
        products, running = self._begun([np.ldexp(s, p[:, None]) for s, p in zip(queries, powers, strict=True)])
        scales = np.ldexp(1.0, -powers - self._exponents)
        lengths = np.sqrt([np.vecdot(space, space, dtype=np.float64) for space in queries])
        errors = (lengths * self._by_length + scales * self._by_scale) * GENEROUS
        for part in running:
            part.result()
        if rows is not None:
            products = products[:, :, rows]
        return tuple(CoarseScores(*space) for space in zip(products, scales, errors, strict=True))

    def _begun(self, queries: QueryVectors) -> tuple[Float32[np.ndarray, "s q n"], list[Future[None]]]:
        """Return the array that will hold inner products with all rows, per space, and the tasks that fill it.

        Each thread takes a piece at a time, converts it if need be and multiplies it at once. We use our own threads:
        torch's synchronise after every operation, which costs more than the operation itself on a busy machine.
        """
        (n, width), converted = self._rows.shape, self._rows.dtype == torch.float16
        products_of = torch.empty(len(queries), len(queries[0]), n)
        # every thread gets the same number of pieces
        pieces = self._threads * -(-n * width // (PIECE * self._threads))
        length = max(ROWS, -(-n // max(1, pieces)))
        starts = iter(range(0, n, length))
        multiply = _one_query if len(queries[0]) == 1 else _many_queries

        def work() -> None:
            buffer = torch.empty(length, width) if converted else None
            for start in starts:
                piece = self._rows[start : start + length]
                if buffer is not None:
                    piece = buffer[: len(piece)].copy_(piece)
                for space, span, products in zip(queries, self._spans, products_of, strict=True):
                    multiply(piece[:, span], space, products[:, start : start + length])

        pool = _pool(self._threads)
        return products_of.numpy(), [pool.submit(work) for _ in range(self._threads)]


def _one_query(rows: torch.Tensor, query: Float32[np.ndarray, "1 d_s"], out: torch.Tensor) -> None:
    np.vecdot(rows.numpy(), query, out=out[0].numpy())


def _many_queries(rows: torch.Tensor, queries: Float32[np.ndarray, "q d_s"], out: torch.Tensor) -> None:
    torch.mm(torch.from_numpy(queries), rows.T, out=out)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return threads that each compute alone; torch uses as many threads elsewhere as before."""
    before, started = torch.get_num_threads(), Barrier(threads)
    pool = ThreadPoolExecutor(threads, "scan", initializer=torch.set_num_threads, initargs=(1,))
    wait([pool.submit(started.wait) for _ in range(threads)])
    torch.set_num_threads(before)
    return pool


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
