"""Upserts entries into a table: unchanged ones are skipped, faulty ones rejected."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from diptych.data.entries import Entry
from diptych.index.contract import Table
from diptych.index.items import Items
from diptych.index.refusals import MissingColumn
from diptych.ingest.columns import fit_to_columns
from diptych.ingest.distinct_ids import DistinctIds
from diptych.ingest.item_embedding import EntryEmbedder, read_contents
from diptych.ingest.rejects import Added, Reject
from diptych.progress import Progress

AT_ONCE = 256
"""How many items are encoded, written and acknowledged together: the most that a killed process loses."""

ATTEMPTS = 5
"""How often a write is repeated while others change the columns."""

LABEL = "items"

REPEATED = "some ids occur several times in what was added: the last item of each counts."


class Site(NamedTuple):
    """A table to write to, and the embedder for its items."""

    table: Table
    embedder: EntryEmbedder


class Destination:
    """The site that items are written to, followed if the collection moves."""

    def __init__(self, site: Site, moved: Callable[[], Site | None] = lambda: None) -> None:
        self.site = site
        self._moved = moved

    def moved(self) -> bool:
        """Return whether earlier writes must be repeated at another site, where all later writes go too."""
        site = self._moved()
        self.site = site or self.site
        return site is not None


@dataclass(frozen=True)
class EmbeddedBlock:
    """Entries that are written together: the embedded items, and the entries left out."""

    entries: tuple[Entry, ...]
    items: Items
    wheres: tuple[str, ...]
    """The file and line, or the path, that each item comes from."""
    unchanged: int
    replaced: int
    """How many entries a later one of the same id and another content takes the place of."""
    rejects: tuple[Reject, ...]


def upsert_entries(
    to: Destination, entries: Iterable[Entry], *, reject: Callable[[Reject], None], progress: Progress
) -> Added:
    """Embed and upsert entries, a few hundred at a time; one batch is written while the next one is embedded.

    `progress` counts only items already written or rejected: after a kill, every counted item is there.
    """

    distinct = DistinctIds()

    def blocks() -> Iterator[tuple[Site, EmbeddedBlock]]:
        for batch in batches(entries):
            site = to.site
            yield site, _embed_at(site, distinct(batch, site.table))

    return upsert_blocks(to, blocks(), reject=reject, progress=progress)


def upsert_blocks(
    to: Destination,
    blocks: Iterable[tuple[Site, EmbeddedBlock]],
    *,
    reject: Callable[[Reject], None],
    progress: Progress,
) -> Added:
    """Write embedded blocks one by one, from this process alone; the next one is embedded while one is written.

    Blocks embedded for a site that the collection has left are embedded again.
    """
    total = Added()
    waiting: tuple[Future[tuple[Added, list[Reject]]], EmbeddedBlock] | None = None

    def acknowledge(written: Future[tuple[Added, list[Reject]]], block: EmbeddedBlock) -> None:
        """Wait until a block is written to the table that will be searched, and report it."""
        nonlocal total
        outcome, rejects = written.result()
        while to.moved():
            _write(to.site.table, _embed_at(to.site, block.entries))
        for each in rejects:
            reject(each)
        total = total.plus(outcome)
        progress(total.seen, 0, LABEL)

    with ThreadPoolExecutor(1) as writer:
        for site, block in blocks:
            if waiting:
                acknowledge(*waiting)
            current = block if site is to.site else _embed_at(to.site, block.entries)
            waiting = (writer.submit(_write, to.site.table, current), block)
        if waiting:
            acknowledge(*waiting)
    return total


def _embed_at(site: Site, entries: Sequence[Entry]) -> EmbeddedBlock:
    return embed_block(entries, site.embedder, stored=stored_digests(site.table, entries))


def embed_block(entries: Sequence[Entry], embedder: EntryEmbedder, *, stored: Mapping[str, str]) -> EmbeddedBlock:
    """Return a batch ready to write, without entries already `stored`; of entries with the same id the last counts."""
    latest = list({entry.id: entry for entry in entries}.values())
    reads, unread = read_contents(latest)
    fresh = [read for read in reads if stored.get(read.entry.id) != read.content]
    items, faults = embedder.embed(fresh)
    rejects = [
        *(Reject(latest[k].where, reason) for k, reason in unread.items()),
        *(Reject(fresh[k].entry.where, reason) for k, reason in faults.items()),
    ]
    wheres = tuple(read.entry.where for k, read in enumerate(fresh) if k not in faults)
    changed = {read.entry.id for read in fresh}
    lasts = {entry.id: replace(entry, where="") for entry in latest}
    replaced = sum(entry.id in changed and replace(entry, where="") != lasts[entry.id] for entry in entries)
    unchanged = len(reads) - len(fresh) + len(entries) - len(latest) - replaced
    return EmbeddedBlock(tuple(latest), items, wheres, unchanged, replaced, tuple(rejects))


def stored_digests(table: Table, entries: Sequence[Entry]) -> Mapping[str, str]:
    """Return the digests of the entries that a table already has, by id."""
    return table.contents(list({entry.id for entry in entries}))


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield entries in batches that are acknowledged together."""
    source = iter(entries)
    while batch := list(islice(source, AT_ONCE)):
        yield batch


def _write(table: Table, block: EmbeddedBlock) -> tuple[Added, list[Reject]]:
    """Write the items, fitted to the existing columns or with new ones; skip those that an earlier block wrote."""
    items = block.items
    stored = table.contents(list(items.ids)) if len(items) else {}
    rows = [k for k, each in enumerate(zip(items.ids, items.contents, strict=True)) if stored.get(each[0]) != each[1]]
    remarks = write_fitted(table, items.take(rows)) if rows else ()
    updated = sum(items.ids[k] in stored for k in rows)
    same = block.unchanged + len(items) - len(rows)
    notes = (*remarks, *([REPEATED] if block.replaced else []))
    counts = Added(len(rows) - updated, updated + block.replaced, same, len(block.rejects), notes=notes)
    return counts, list(block.rejects)


def write_fitted(table: Table, items: Items) -> tuple[str, ...]:
    """Write items with metadata that fit the columns, and return what became of the rest."""
    for attempt in range(ATTEMPTS):
        fitted = fit_to_columns(items.metadata, table.columns())
        if fitted.new:
            table.widen(fitted.new)
        try:
            table.write(replace(items, metadata=fitted.metadata))
        except MissingColumn:
            # another process has forgotten the columns that were empty a moment ago
            if attempt == ATTEMPTS - 1:
                raise
        else:
            break
    return fitted.remarks
