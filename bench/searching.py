"""Measures search by the fused similarity beside faiss and usearch, over the same vectors in the same run.

    OMP_WAIT_POLICY=PASSIVE python bench/searching.py [10000 100000] [--million] [--run RUN]
        [--parts exact approximate] [--kinds clustered opposed]

Items are two vectors of 256 numbers side by side. `clustered` ones lie around a thousand centres; `opposed` ones are
near in one space where they are far in the other, and nearly tied: hardest to search. `--run` adds real ones: the
pictures of the data set that a run was trained on, searched by its texts.

exact        times of the scan's fused search over those of faiss' flat search by one inner product of the same
             vectors, and of the certified search by the store
approximate  recall of the exact fused first ten and milliseconds, each index at the least effort that reaches .99: the
             store's, faiss' HNSW and usearch's. All propose items by the same inner product of both vectors, certified
             and re-scored alike.

Contenders take turns, so that ratios hold on a busy machine; figures are medians, ratios those of single rounds. How
fast items enter, their bytes on disk and the memory of a process that only fills or searches a scan come first.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import faiss
import numpy as np
import torch
from galleries import BLOCK, QUERIES, Gallery, Rows, clustered, opposed, trained
from jaxtyping import Float32, Int

from diptych.benchmark.memory import forget_peak, peak_megabytes
from diptych.fusion import ROOM
from diptych.fusion.contract import FusionRule
from diptych.index.address import open_store
from diptych.index.contract import Layout, NearestItems, Table
from diptych.index.items import Items, ItemVectors
from diptych.search.certified import Nearest, certified, one_by_one
from diptych.search.moments import Moments
from diptych.search.recall import FIRST, ExactAnswer, exact_answers
from diptych.search.scan import Best, Scan
from diptych.settings import thread_count

Vector = Float32[np.ndarray, " d"]
BATCH = 32
WANTED = 0.99
SYNTHETIC = {"clustered": clustered, "opposed": opposed}
EFFORTS = tuple(2**power for power in range(4, 12))
"""Sizes of a graph's list of candidates."""
LINKS = 32
"""Of an item of a graph to others."""


class Arena:
    """A gallery with what searches it."""

    def __init__(self, gallery: Gallery, table: Table, folder: Path, rule: FusionRule) -> None:
        self.gallery, self.table, self.folder, self.rule = gallery, table, folder, rule

    @cached_property
    def scan(self) -> Scan:
        """The scan of its folder, opened when it is first wanted."""
        return Scan.open(self.folder, self.table, "image", self.gallery.widths)

    @cached_property
    def flat(self) -> faiss.IndexFlatIP:
        """A flat index, filled when it is first wanted."""
        index = faiss.IndexFlatIP(self.gallery.items.shape[1])
        index.add(self.gallery.items)
        return index

    def flat_search(self, first: int, count: int) -> object:
        """Search by one inner product, which no fusion is."""
        return self.flat.search(self.gallery.queries[first : first + count], FIRST)

    def scanned(self, first: int, count: int) -> list[Best]:
        """Return the best items of some queries by the scan."""
        queries = self.gallery.split(self.gallery.queries[first : first + count])
        return self.scan.search(queries, self.rule, k=FIRST, modality="text")

    def answers(self) -> list[ExactAnswer]:
        """Return the exact answer to each query."""
        return exact_answers(self.table, "image", self.gallery.split(self.gallery.queries), self.rule)

    def proposed(self, nearest: Nearest, query: int, *, approximate: bool = True) -> Best:
        """Return the best items of a query among those that a search by inner products proposes."""
        visual, textual = self.gallery.split(self.gallery.queries[query][None])
        vectors = visual[0], textual[0]
        return certified(
            nearest,
            vectors,
            self.rule,
            k=FIRST,
            unfiltered=one_by_one(nearest),
            moments=self.moments,
            approximate=approximate,
        )

    def moments(self) -> Sequence[Moments]:
        """Return the moments of all items in each space."""
        return Moments.of([self.gallery.items], [part.shape[1] for part in self.gallery.split(self.gallery.items[:1])])

    def in_store(self, effort: int | None, vector: Vector, depth: int) -> NearestItems:
        """Return what the store finds."""
        return self.table.nearest("image", vector, k=depth, effort=effort)

    def found(self, rows: Int[np.ndarray, " k"], vector: Vector) -> NearestItems:
        """Return items by their rows, as a store would."""
        vectors = self.gallery.items[rows[rows >= 0]]
        return NearestItems(
            tuple(f"{row:08}" for row in rows if row >= 0), vectors.astype(np.float64) @ vector, vectors
        )


Propose = Callable[[Nearest, int], Best]
"""Return the best items of a query by its number, among those that a search by inner products proposes."""


class Approximate(NamedTuple):
    """An index that proposes items with more or less effort."""

    build_seconds: float
    efforts: Sequence[int]
    nearest: Callable[[int, Vector, int], NearestItems]


def store_index(arena: Arena) -> Approximate:
    start = time.perf_counter()
    arena.table.build_index("image")
    return Approximate(time.perf_counter() - start, arena.table.efforts, arena.in_store)


def faiss_graph(arena: Arena) -> Approximate:
    start = time.perf_counter()
    graph = faiss.IndexHNSWFlat(arena.gallery.items.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.add(arena.gallery.items)

    def nearest(effort: int, vector: Vector, depth: int) -> NearestItems:
        graph.hnsw.efSearch = max(effort, depth)
        return arena.found(graph.search(vector[None], depth)[1][0], vector)

    return Approximate(time.perf_counter() - start, EFFORTS, nearest)


def usearch_graph(arena: Arena) -> Approximate:
    from usearch.index import Index

    start = time.perf_counter()
    graph = Index(ndim=arena.gallery.items.shape[1], metric="ip", dtype="f32", connectivity=LINKS)
    graph.add(np.arange(len(arena.gallery.items)), arena.gallery.items, threads=thread_count())

    def nearest(effort: int, vector: Vector, depth: int) -> NearestItems:
        setattr(graph, "expansion_search", max(effort, depth))  # noqa: B010 (typed as read-only, documented as settable)
        return arena.found(graph.search(vector, depth).keys.astype(np.int64), vector)

    return Approximate(time.perf_counter() - start, EFFORTS, nearest)


INDICES = {"store's index": store_index, "faiss HNSW": faiss_graph, "usearch": usearch_graph}


def in_turns(contenders: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """Return each contender's seconds, one number a round, after a round that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            start = time.perf_counter()
            run(turn % QUERIES)
            taken[name].append(time.perf_counter() - start)
    return {name: seconds[1:] for name, seconds in taken.items()}


def exact(arena: Arena, rounds: int) -> Iterator[list[str]]:
    """Yield rows of the exact searches: the scan with one query at a time and with many, then the store."""
    races: list[tuple[int, int, dict[str, Callable[[int], object]]]] = [
        (1, 8 * rounds, {"scan, fused": lambda turn: arena.scanned(turn, 1)}),
        (BATCH, rounds, {"scan, fused": lambda _: arena.scanned(0, BATCH)}),
        (1, rounds, {"store, fused": partial(arena.proposed, partial(arena.in_store, None), approximate=False)}),
    ]
    for count, turns, rivals in races:
        flat = {
            "faiss, one inner product": lambda turn, count=count: arena.flat_search(turn if count == 1 else 0, count)
        }
        base, *others = in_turns(flat | rivals, turns).items()
        for name, seconds in (base, *others):
            ratio = median(own / other for own, other in zip(seconds, base[1], strict=True))
            yield [name, str(count), f"{1e3 * median(seconds):.1f}", f"{ratio:.2f}"]


def approximate(arena: Arena, rounds: int) -> Iterator[list[str]]:
    """Yield rows of the approximate searches, each at the least effort that reaches the recall wanted."""
    right = arena.answers()
    built = {name: build(arena) for name, build in INDICES.items()}
    chosen = {}
    for name, index in built.items():
        print(f"{name}: built in {index.build_seconds:.1f} s", file=sys.stderr, flush=True)
        chosen[name] = enough(arena.proposed, index, right)
    nearest = {name: partial(index.nearest, chosen[name][0]) for name, index in built.items()}
    for name, seconds in in_turns({n: partial(arena.proposed, one) for n, one in nearest.items()}, 8 * rounds).items():
        effort, reached = chosen[name]
        yield [name, str(effort), f"{reached:.3f}", f"{1e3 * median(seconds):.1f}", f"{built[name].build_seconds:.1f}"]


def enough(propose: Propose, index: Approximate, right: Sequence[ExactAnswer]) -> tuple[int, float]:
    """Return the least effort that reaches the recall wanted, or the greatest there is, with the recall."""
    for effort in index.efforts:
        nearest = partial(index.nearest, effort)
        hits = [answer.recall(propose(nearest, query)) for query, answer in enumerate(right)]
        if (reached := float(np.mean(hits))) >= WANTED:
            break
        print(f"{reached:.3f} at effort {effort}", file=sys.stderr, flush=True)
    return effort, reached


def items_of(first: int, rows: Rows) -> Items:
    """Return items that are nothing but vectors of pictures, with ids that count on from the first."""
    ids, present = tuple(f"{first + k:08}" for k in range(len(rows))), np.ones(len(rows), dtype=bool)
    none = (None,) * len(rows)
    return Items(ids, ids, none, ((),) * len(rows), ({},) * len(rows), {"image": ItemVectors(rows, present)})


def stored(gallery: Gallery, uri: str) -> tuple[Table, float]:
    """Return a new table of all items, and how many a second it took in."""
    table = open_store(uri).create_table("items", Layout({"image": gallery.items.shape[1]}))
    start = time.perf_counter()
    for first in range(0, len(gallery.items), BLOCK):
        table.write(items_of(first, gallery.items[first : first + BLOCK]))
    taken = time.perf_counter() - start
    table.compact()
    return table, len(gallery.items) / taken


def opened(
    uri: str, folder: Path, widths: tuple[int, int], query: tuple[Rows, Rows], fusion: str
) -> tuple[float, float]:
    """Return seconds to open a scan, which fills it the first time, and megabytes to open it and search it once."""
    table = open_store(uri).table("items")
    forget_peak()
    before, start = peak_megabytes() or 0, time.perf_counter()
    scan = Scan.open(folder, table, "image", widths)
    taken = time.perf_counter() - start
    scan.search(query, ROOM.open(fusion).Rule(), k=FIRST, modality="text")
    return taken, (peak_megabytes() or 0) - before


def entered(gallery: Gallery, table: Table, rate: float, uri: str, folder: Path, fusion: str) -> Iterator[list[str]]:
    """Yield a row about the table and one about the scan, which is filled on the way."""
    size = len(gallery.items)
    wanted = (uri, folder, gallery.widths, gallery.split(gallery.queries[:1]), fusion)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        (filling, to_fill), (opening, to_search) = (pool.apply(opened, wanted) for _ in range(2))
    on_disk = sum(path.stat().st_size for path in folder.iterdir())
    yield ["store", f"{rate:,.0f}", "", f"{table.bytes() / size:,.0f}", "", ""]
    memory = [f"{to_fill:,.0f}", f"{to_search:,.0f}"]
    yield ["scan", f"{size / filling:,.0f}", f"{opening:.2f}", f"{on_disk / size:,.0f}", *memory]


def show(gallery: Gallery, heading: str, rows: Iterable[list[str]]) -> None:
    """Print a table as its rows come."""
    titles = ["vectors", "items", *heading.split(", ")]
    print(f"\n| {' | '.join(titles)} |\n{'|---' * len(titles)}|", flush=True)
    for row in rows:
        print(f"| {' | '.join([gallery.name, f'{len(gallery.items):,}', *row])} |", flush=True)


def measure(gallery: Gallery, uri: str, folder: Path, options: argparse.Namespace) -> None:
    """Print the tables of one gallery."""
    table, rate = stored(gallery, uri)
    heading = "kept by, items a second, s to open, bytes an item, MB to fill, MB to search"
    show(gallery, heading, entered(gallery, table, rate, uri, folder, options.fusion))
    arena = Arena(gallery, table, folder, ROOM.open(options.fusion).Rule())
    if "exact" in options.parts:
        show(gallery, "search, queries, ms, times faiss", exact(arena, options.rounds))
    if "approximate" in options.parts:
        show(gallery, "index, effort, recall@10, ms a query, s to build", approximate(arena, options.rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "sizes", type=int, nargs="*", default=[10_000, 100_000], help="items of synthetic galleries; 0 for none"
    )
    parser.add_argument("--million", action="store_true", help="1,000,000 items as well")
    parser.add_argument("--run", type=Path, help="a run whose data set is searched as well")
    parser.add_argument("--parts", nargs="+", choices=("exact", "approximate"), default=["exact"])
    parser.add_argument("--kinds", nargs="+", choices=SYNTHETIC, default=list(SYNTHETIC), help="of synthetic galleries")
    parser.add_argument("--fusion", default="product")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(thread_count())
    faiss.omp_set_num_threads(thread_count())
    print(f"fusion {options.fusion}, {thread_count()} threads, medians of {options.rounds} rounds or more")
    sizes = [*options.sizes, *([1_000_000] if options.million else [])]
    galleries = [partial(SYNTHETIC[kind], size) for size in sizes if size for kind in options.kinds]
    for make in [*galleries, *([partial(trained, options.run)] if options.run else [])]:
        with TemporaryDirectory() as folder:
            measure(make(), f"lance://{folder}/store", Path(folder) / "scan", options)


if __name__ == "__main__":
    main()
