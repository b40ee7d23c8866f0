"""Says what a large collection takes: processors, memory, disk and money, from constants that were measured.

    python bench/plan.py 1e9 [--queries 10] [--replicas 2] [--set numbers=256] [--set core_hour=0.05]

Each row is a formula over the constants printed before it, so that another machine's figures and another cloud's prices
can be put in. What was not measured, prices above all, is an assumption and is told to be one.
"""

import argparse
from collections.abc import Mapping
from math import ceil
from types import SimpleNamespace
from typing import NamedTuple

HOURS = 730
"""Of a month."""


class Constant(NamedTuple):
    """A number that the plan multiplies."""

    value: float
    symbol: str
    what: str
    source: str


MEASURED: Mapping[str, Constant] = {
    "numbers": Constant(512, "d", "numbers of an item in both spaces", "MCSM's default, pictures alone"),
    "pictures": Constant(18.0, "e", "pictures a second and core, from file to collection", "`bench/encoding.py`"),
    "efficiency": Constant(0.9, "f", "share of that rate left to each of many workers", "assumed"),
    "ingested": Constant(12_105, "w", "items a second into Milvus, by one writer", "`bench/growth.py`"),
    "search": Constant(0.043, "s", "core-seconds of a fused query in a segment of Milvus", "`bench/growth.py`"),
    "answers": Constant(123, "a", "queries a second and core of `diptych serve`", "`bench/serving.py`"),
    "segment": Constant(512e6, "g", "bytes of vectors in a segment of Milvus", "its default"),
    "links": Constant(16, "m", "links of an item in its HNSW, twice as many at the bottom", "as diptych builds it"),
    "picture_bytes": Constant(100e3, "p", "bytes of a picture's file", "assumed"),
    "row": Constant(300, "o", "bytes of an item beside its vector", "assumed"),
    "node_memory": Constant(256e9, "M", "bytes of memory of a node", "assumed"),
    "node_cores": Constant(32, "c", "cores of a node", "assumed"),
    "usable": Constant(0.75, "u", "share of a node's memory that vectors may take", "assumed"),
    "core_hour": Constant(0.04, "$c", "price of a core for an hour, $", "assumed"),
    "memory_hour": Constant(0.005, "$M", "price of 10⁹ bytes of memory for an hour, $", "assumed"),
    "stored_month": Constant(0.023, "$S", "price of 10⁹ bytes in an object store for a month, $", "assumed"),
}


def plan(items: float, queries: float, replicas: float, c: SimpleNamespace) -> list[tuple[str, str, str]]:
    """Return what so many items and queries a second take, by which formula, and how much that is."""
    core_hours = items / (c.pictures * c.efficiency) / 3600
    vectors, graph = items * 4 * c.numbers, items * (4 * c.numbers + 8 * c.links)
    segments = ceil(vectors / c.segment)
    stored = vectors + graph + items * c.row
    by_memory = ceil(replicas * (vectors + graph) / (c.node_memory * c.usable))
    cores = queries * c.search * segments
    nodes = max(by_memory, ceil(cores / c.node_cores))
    a_month = HOURS * nodes * (c.node_cores * c.core_hour + c.node_memory / 1e9 * c.memory_hour)
    return [
        ("encoding, core-hours", "n / (e f) / 3600", f"{core_hours:,.0f}"),
        ("encoding, hours on 1,000 cores", "core-hours / 1,000", f"{core_hours / 1000:,.1f}"),
        ("encoding, money", "core-hours · $c", f"${core_hours * c.core_hour:,.0f}"),
        ("pictures read, TB", "n p / 10¹²", f"{items * c.picture_bytes / 1e12:,.1f}"),
        ("writing, hours of one writer", "n / w / 3600", f"{items / c.ingested / 3600:,.0f}"),
        ("vectors in memory, TB", "4 d n / 10¹²", f"{vectors / 1e12:,.2f}"),
        ("HNSW: their copy and links, TB", "(4 d + 8 m) n / 10¹²", f"{graph / 1e12:,.2f}"),
        ("segments (shards) S", "4 d n / g", f"{segments:,}"),
        ("nodes for the memory", "r (vectors + HNSW) / (M u)", f"{by_memory:,}"),
        ("cores for the queries", "q s S", f"{cores:,.0f}"),
        ("nodes", "the more of memory's and cores / c", f"{nodes:,}"),
        ("nodes, money a month", "730 · nodes (c $c + M $M / 10⁹)", f"${a_month:,.0f}"),
        ("object store, TB", "vectors + HNSW + o n / 10¹²", f"{stored / 1e12:,.2f}"),
        ("object store, money a month", "bytes / 10⁹ · $S", f"${stored / 1e9 * c.stored_month:,.0f}"),
        ("cores of `diptych serve`", "q / a", f"{ceil(queries / c.answers)}"),
    ]


def tables(items: float, queries: float, replicas: float, changed: Mapping[str, float]) -> list[str]:
    """Return the lines of a table of constants and of one of what follows from them."""
    known = {name: one._replace(value=changed[name]) if name in changed else one for name, one in MEASURED.items()}
    values = SimpleNamespace(**{name: one.value for name, one in known.items()})
    constants = [f"| {one.symbol} | {one.what} | {one.value:,g} | {one.source} |" for one in known.values()]
    rows = [f"| {what} | {formula} | {amount} |" for what, formula, amount in plan(items, queries, replicas, values)]
    title = f"n = {items:,.0f} items, q = {queries:,g} queries a second, r = {replicas:,g} replicas:"
    head = ["| | constant | value | from |", "|---|---|---|---|", *constants]
    return [*head, "", title, "", "| | formula | |", "|---|---|---|", *rows]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", type=float)
    parser.add_argument("--queries", type=float, default=1, help="a second")
    parser.add_argument("--replicas", type=float, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=f"of {', '.join(MEASURED)}")
    options = parser.parse_args()
    changed = {name: float(value) for name, _, value in (one.partition("=") for one in options.set)}
    if unknown := changed.keys() - MEASURED.keys():
        parser.error(f"there is no constant {min(unknown)!r}; there are {', '.join(MEASURED)}.")
    print("\n".join(tables(options.items, options.queries, options.replicas, changed)))


if __name__ == "__main__":
    main()
