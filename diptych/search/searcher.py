"""Searches a table: with a scan of every item while it is small, in its store once it has grown.

Up to the exact limit, a scan on this machine scores all items (`diptych.search.scan`); above it too, if `tune` found
no effort that reaches the promised recall. Otherwise, or if a store has no version to offer, the store itself proposes
items by inner products, and the fused similarity is certified (`diptych.search.certified`): exactly, or with the
approximate index once `tune` has built it.
"""

from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock
from weakref import finalize

import numpy as np
from jaxtyping import Float32

from diptych.files import digest
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served
from diptych.index.conditions import Condition
from diptych.index.contract import Table
from diptych.index.passwords import masked
from diptych.modality import Modality
from diptych.modality import other as other_modality
from diptych.search.certified import Best, Query, certified
from diptych.search.moments import KeptMoments
from diptych.search.promise import SearchPlan, SearchPromise
from diptych.search.scan import Scan
from diptych.settings import cache_root

SpaceVectors = tuple[Float32[np.ndarray, "q _"], ...]
"""The vectors of some queries, one array per space."""


@dataclass(frozen=True)
class RankedItems:
    """The best items for some queries."""

    best: list[Best]
    """For each query."""
    total: int
    """How many items were searched."""
    exact: bool
    """Whether these are certainly the best."""


class Searcher:
    """Searches the tables of one store, and keeps their scans open.

    What it derives from a `lasting` store is kept in the cache; from another one, in a folder that goes with it.
    """

    def __init__(self, uri: str, *, lasting: bool = True) -> None:
        self._uri = uri
        self._own_folder: Path | None = None
        if not lasting:
            self._own_folder = Path(mkdtemp(prefix="diptych-"))
            finalize(self, rmtree, self._own_folder, ignore_errors=True)
        self._opening = Lock()
        self._scans: dict[tuple[str, Modality], tuple[str, Scan]] = {}
        self._moments = KeptMoments()

    def best(
        self,
        table: Table,
        side: Modality,
        queries: SpaceVectors,
        rule: FusionRule | None,
        *,
        k: int,
        where: Condition | None,
        promise: SearchPromise,
    ) -> RankedItems:
        """Return for each query the k items of a side with the largest fused similarity."""
        plan = promise.plan(table, side)
        if not plan.count:
            nothing = np.zeros(0)
            none = Best((), nothing, tuple(nothing for _ in queries))
            return RankedItems([none for _ in queries[0]], total=0, exact=True)
        if plan.scanned:
            scan = self.scan(table, side, tuple(space.shape[1] for space in queries))
            allowed = None if where is None else scan.among(table.ids(where=where, side=side))
            modality = other_modality(side)
            best = scan.search(queries, rule, k=k, modality=modality, allowed=allowed)
            return RankedItems(best, total=len(scan) if allowed is None else int(allowed.sum()), exact=True)
        total = plan.count if where is None else table.count(where=where, side=side)
        best = [self._by_store(table, side, query, rule, k, where, plan) for query in zip(*queries, strict=True)]
        return RankedItems(best, total=total, exact=plan.effort is None)

    def served(
        self, table: Table, side: Modality, query: SpaceVectors, rule: FusionRule, promise: SearchPromise
    ) -> Served | None:
        """Return how a rule scores one query against a side of the table.

        None if a store searches, or if the rule cannot score one item alone.
        """
        if not promise.plan(table, side).scanned:
            return None
        return self.scan(table, side, tuple(space.shape[1] for space in query)).served(query, rule)

    def forget(self, *, but: str) -> None:
        """Release everything held for tables other than this one."""
        with self._opening:
            self._scans = {key: scan for key, scan in self._scans.items() if key[0] == but}
            self._moments = KeptMoments()

    def _by_store(
        self,
        table: Table,
        side: Modality,
        query: Query,
        rule: FusionRule | None,
        k: int,
        where: Condition | None,
        plan: SearchPlan,
    ) -> Best:
        widths = [len(space) for space in query]
        return certified(
            lambda vector, depth: table.nearest(side, vector, k=depth, where=where, effort=plan.effort),
            query,
            rule,
            k=k,
            unfiltered=lambda vectors, depth: table.nearest_each(side, vectors, k=depth, effort=plan.effort),
            moments=lambda: self._moments.of(
                table, side, widths, file=self._cache("moments", table, side) / "moments.npz"
            ),
            approximate=plan.effort is not None,
        )

    def scan(self, table: Table, side: Modality, widths: tuple[int, ...]) -> Scan:
        """Return a scan of one side of a table as it is now, whose vectors have these widths in their spaces."""
        version = table.version() or ""
        with self._opening:
            kept = self._scans.get((table.name, side))
            if kept and kept[0] == version:
                return kept[1]
            scan = Scan.open(self._cache("scans", table, side), table, side, widths)
            self._scans[table.name, side] = (version, scan)
            return scan

    def _cache(self, what: str, table: Table, side: Modality) -> Path:
        """Return the path of a cache that can be rebuilt from one side of a table."""
        return (self._own_folder or cache_root()) / what / digest(masked(self._uri), table.name, side, table.lineage)
