"""Grows one table on disk and measures how it takes items in and is searched at each size.

    OMP_WAIT_POLICY=PASSIVE python bench/growth.py [1000000 10000000] [--single] [--store lance://FOLDER]
        [--server milvus]

Items lie around a thousand centres, two vectors of 256 numbers side by side, and are drawn block by block: only those
of one block are in memory. They are stored in half precision, or in single with `--single`; the index has a byte a
number. A query is fused by the product, at the least effort that reaches a recall@10 of .99 against the exact fused
ranking of all items. At last new items are written as `collection add` does it, a few hundred at once after two looks
for what is there: "more a second" is how many, whatever encodes them.

Processor time and memory are those of this process, and of the processes that `--server` names, where a store runs
apart: they hold on a busy machine, where times do not. What the server takes while nobody asks is told by itself, and
left out of a query's processor time.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import torch
from galleries import BLOCK, WIDTH, Rows, around_centres
from searching import Approximate, enough, items_of

from diptych.benchmark.memory import forget_peak, peak_megabytes
from diptych.fusion.product import Rule
from diptych.index.address import open_store
from diptych.index.contract import Layout, NearestItems, Store, Table
from diptych.ingest.upserting import AT_ONCE
from diptych.search.certified import Nearest, certified, one_by_one
from diptych.search.recall import FIRST, exact_answers
from diptych.search.scan import Best
from diptych.settings import thread_count

ADDED = 160
"""Blocks of new items, of which one at least finds the table in need of tidying."""
IDLE = 10.0
"""Seconds for which a server is watched."""
TITLES = (
    "items", "items a second", "bytes an item", "s to compact", "s to index", "effort", "recall@10", "ms a query",
    "95% within", "CPU ms a query", "idle CPUs", "MB to search", "more a second",
)  # fmt: skip


@dataclass(frozen=True)
class Involved:
    """The process that measures, and those of a server."""

    server: str | None

    def processes(self) -> list[psutil.Process]:
        """Return them all."""
        others = [each for each in psutil.process_iter(["name"]) if self.server and each.info["name"] == self.server]
        return [psutil.Process(), *others]

    def cpu_seconds(self) -> float:
        """Return what processor time they have taken."""
        return float(sum(sum(each.cpu_times()[:2]) for each in self.processes()))

    def server_megabytes(self) -> float:
        """Return what memory the server takes."""
        return float(sum(each.memory_info().rss for each in self.processes()[1:])) / 1e6

    def idle_cores(self) -> float:
        """Return how many processors a server takes while nobody asks it for anything."""
        if not self.server:
            return 0.0
        before = self.cpu_seconds()
        time.sleep(IDLE)
        return (self.cpu_seconds() - before) / IDLE


def grown(
    store: Store, sizes: list[int], queries: tuple[Rows, Rows], involved: Involved, *, half: bool
) -> Iterator[list[str]]:
    """Yield a row for each size, after filling a table up to it."""
    table = store.create_table("grown", Layout({"image": 2 * WIDTH}, half=half))
    draw, generator = around_centres(), np.random.default_rng(0)
    for larger in sizes:
        size, seconds = table.count(), 0.0
        for first in range(size, larger, BLOCK):
            items = items_of(first, draw(generator, min(BLOCK, larger - first)))
            start = time.perf_counter()
            table.write(items)
            seconds += time.perf_counter() - start
        start = time.perf_counter()
        table.compact()
        compacted = time.perf_counter() - start
        entered = [f"{larger:,}", f"{(larger - size) / seconds:,.0f}", f"{table.bytes() / larger:,.0f}"]
        found = searched(store, table, queries, involved)
        yield [*entered, f"{compacted:.0f}", *found, f"{added(table, draw(generator, AT_ONCE)):,.0f}"]


def added(table: Table, rows: Rows) -> float:
    """Return how many new items a second go in by small blocks, of the same rows each time."""
    first, start = table.count(), time.perf_counter()
    for block in range(ADDED):
        items = items_of(first + block * len(rows), rows)
        # what is there is looked up before a block is encoded and before it is written
        for _ in range(2):
            table.contents(items.ids)
        table.write(items)
    return ADDED * len(rows) / (time.perf_counter() - start)


def searched(store: Store, table: Table, queries: tuple[Rows, Rows], involved: Involved) -> list[str]:
    """Return what the index takes to be built, what it finds and how soon."""

    def nearest(effort: int, vector: Rows, depth: int) -> NearestItems:
        return table.nearest("image", vector, k=depth, effort=effort)

    def propose(found: Nearest, query: int) -> Best:
        vectors = queries[0][query], queries[1][query]
        with store.moment():
            return certified(
                found, vectors, Rule(), k=FIRST, unfiltered=one_by_one(found), moments=tuple, approximate=True
            )

    start = time.perf_counter()
    table.build_index("image")
    built = time.perf_counter() - start
    right = exact_answers(table, "image", queries, Rule())
    effort, reached = enough(propose, Approximate(built, table.efforts, nearest), right)
    idle = involved.idle_cores()
    forget_peak()
    taken, before = [], involved.cpu_seconds()
    for query in range(len(right)):
        start = time.perf_counter()
        propose(partial(nearest, effort), query)
        taken.append(1e3 * (time.perf_counter() - start))
    cpu = (1e3 * (involved.cpu_seconds() - before) - idle * sum(taken)) / len(taken)
    slow, memory = quantiles(taken, n=20)[-1], (peak_megabytes() or 0) + involved.server_megabytes()
    found = [f"{built:.0f}", str(effort), f"{reached:.3f}"]
    return [*found, f"{median(taken):.0f}", f"{slow:.0f}", f"{cpu:.0f}", f"{idle:.2f}", f"{memory:,.0f}"]


def main() -> None:
    """Print a table as its rows come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--single", action="store_true", help="store single precision")
    parser.add_argument("--store", help="where the table is made; by default in a folder that goes afterwards")
    parser.add_argument("--server", help="the name of a server's processes, whose time and memory count too")
    parser.add_argument("--queries", type=int, default=32)
    options = parser.parse_args()
    sizes = sorted(options.sizes)
    if any(larger - size <= ADDED * AT_ONCE for size, larger in pairwise(sizes)):
        parser.error(f"sizes must be more than {ADDED * AT_ONCE:,} apart: so many items are added at each")
    torch.set_num_threads(thread_count())
    drawn = around_centres()(np.random.default_rng(2), options.queries)
    queries = np.ascontiguousarray(drawn[:, :WIDTH]), np.ascontiguousarray(drawn[:, WIDTH:])
    print(f"{thread_count()} threads\n\n| {' | '.join(TITLES)} |\n{'|---' * len(TITLES)}|", flush=True)
    with nullcontext() if options.store else TemporaryDirectory() as folder:
        store = open_store(options.store or f"lance://{folder}")
        for row in grown(store, sizes, queries, Involved(options.server), half=not options.single):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
