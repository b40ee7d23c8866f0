"""Putting entries into a table: what is unchanged is skipped, what is faulty set aside, and the rest upserted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from diptych.collection.filling import Filler, read_contents
from diptych.collection.rejects import Added, Reject
from diptych.data.entries import Entry
from diptych.index.conditions import Kind, Value
from diptych.index.contract import Table
from diptych.index.items import Items
from diptych.progress import Progress

AT_ONCE = 256
"""Items that are encoded, written and acknowledged together: what a killed process loses at most."""

LABEL = "items"


@dataclass(frozen=True)
class Placed:
    """What became of some entries before they are written."""

    items: Items
    wheres: tuple[str, ...]
    """The file and line, or the path, that each item comes from."""
    unchanged: int
    rejects: tuple[Reject, ...]


def add_entries(
    table: Table, filler: Filler, entries: Iterable[Entry], *, reject: Callable[[Reject], None], progress: Progress
) -> Added:
    """Encode and upsert entries, a few hundred at a time; one batch is written while the next one is encoded.

    `progress` counts items that are written or set aside, never more: after a kill all that it told is there.
    """
    blocks = (placed(known_of(table, batch), filler, batch) for batch in batches(entries))
    return add_placed(table, blocks, reject=reject, progress=progress)


def add_placed(
    table: Table, blocks: Iterable[Placed], *, reject: Callable[[Reject], None], progress: Progress
) -> Added:
    """Write what was placed, block by block, by this process alone; the next one comes while one is written."""
    total = Added()
    waiting: Future[tuple[Added, list[Reject]]] | None = None
    with ThreadPoolExecutor(1) as writer:
        for block in blocks:
            if waiting:
                total = _acknowledged(waiting, total, reject, progress)
            waiting = writer.submit(_write, table, block)
        if waiting:
            total = _acknowledged(waiting, total, reject, progress)
    return total


def placed(known: Mapping[str, str], filler: Filler, entries: Sequence[Entry]) -> Placed:
    """Return what is to be written of a batch, of which `known` is there; of equal ids the last one counts."""
    latest = list({entry.id: entry for entry in entries}.values())
    reads, unread = read_contents(latest)
    fresh = [read for read in reads if known.get(read.entry.id) != read.content]
    items, faults = filler.fill(fresh)
    rejects = [
        *(Reject(latest[k].where, reason) for k, reason in unread.items()),
        *(Reject(fresh[k].entry.where, reason) for k, reason in faults.items()),
    ]
    wheres = tuple(read.entry.where for k, read in enumerate(fresh) if k not in faults)
    return Placed(items, wheres, len(reads) - len(fresh) + len(entries) - len(latest), tuple(rejects))


def known_of(table: Table, entries: Sequence[Entry]) -> Mapping[str, str]:
    """Return the digests of what a table has of some entries, by id."""
    return table.contents(list({entry.id for entry in entries}))


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield entries as many at once as are acknowledged together."""
    source = iter(entries)
    while batch := list(islice(source, AT_ONCE)):
        yield batch


def kind_of(value: Value) -> Kind:
    """Return what kind of column holds a value.

    >>> kind_of(True), kind_of(2010.0), kind_of(("dog", "cat"))
    ('truth', 'number', 'texts')
    """
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, float):
        return "number"
    return "text" if isinstance(value, str) else "texts"


def _acknowledged(
    waiting: Future[tuple[Added, list[Reject]]], total: Added, reject: Callable[[Reject], None], progress: Progress
) -> Added:
    """Wait until a batch is written, and tell."""
    outcome, rejects = waiting.result()
    for each in rejects:
        reject(each)
    sums = {name: getattr(total, name) + getattr(outcome, name) for name in vars(total)}
    total = replace(total, **sums)
    progress(total.seen, 0, LABEL)
    return total


def _write(table: Table, block: Placed) -> tuple[Added, list[Reject]]:
    """Write the items that fit the columns there are, or that are new; a block before may have brought the same."""
    items = block.items
    known = table.contents(list(items.ids)) if len(items) else {}
    columns = dict(table.columns())
    new: dict[str, Kind] = {}
    rows, unfit = [], []
    for k, (identity, content, metadata) in enumerate(zip(items.ids, items.contents, items.metadata, strict=True)):
        kinds = {name: kind_of(value) for name, value in metadata.items()}
        wrong = [name for name, kind in kinds.items() if (columns | new).get(name, kind) != kind]
        if wrong:
            unfit.append(Reject(block.wheres[k], _of_another_kind(wrong[0], metadata, columns | new)))
        elif known.get(identity) != content:
            new |= {name: kind for name, kind in kinds.items() if name not in columns}
            rows.append(k)
    written = items if len(rows) == len(items) else items.take(rows)
    if new:
        table.widen(new)
    if rows:
        table.write(written)
    updated = sum(identity in known for identity in written.ids)
    same = block.unchanged + len(items) - len(rows) - len(unfit)
    rejects = [*block.rejects, *unfit]
    return Added(len(rows) - updated, updated, same, len(rejects)), rejects


def _of_another_kind(name: str, metadata: Mapping[str, Value], columns: Mapping[str, Kind]) -> str:
    return f"{name} holds a {columns[name]} in this collection; got {metadata[name]!r}. Write one, or rename it."
