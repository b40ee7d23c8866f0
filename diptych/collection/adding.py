"""Putting entries into a table: what is unchanged is skipped, what is faulty set aside, and the rest upserted."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from diptych.collection.filling import Filler, Read, read_contents
from diptych.collection.rejects import Added, Reject
from diptych.data.entries import Entry
from diptych.index.conditions import Kind, Value
from diptych.index.contract import Table
from diptych.index.items import Items
from diptych.progress import Progress

AT_ONCE = 256
"""Items that are encoded, written and acknowledged together: what a killed process loses at most."""

LABEL = "items"


Site = tuple[Table, Filler]
"""Where items are written, and what places them there."""


def add_entries(
    table: Table,
    filler: Filler,
    entries: Iterable[Entry],
    *,
    reject: Callable[[Reject], None],
    progress: Progress,
    moved: Callable[[], Site | None] = lambda: None,
) -> Added:
    """Encode and upsert entries, a few hundred at a time; one batch is written while the next one is encoded.

    `progress` counts items that are written or set aside, never more: after a kill all that it told is there. `moved`
    is asked after each write, and says where to write it too and all that follows, if the collection has moved.
    """
    site, total = (table, filler), Added()
    waiting: tuple[Future[None], list[Entry], Added] | None = None

    def acknowledged(written: Future[None], batch: list[Entry], outcome: Added) -> None:
        """Wait until a batch is written where it will be looked for, and tell."""
        nonlocal site, total
        written.result()
        while place := moved():
            site = place
            _write(site[0], _prepared(*site, batch, lambda _: None)[0])
        total = replace(total, **{name: getattr(total, name) + getattr(outcome, name) for name in vars(total)})
        progress(total.seen, 0, LABEL)

    with ThreadPoolExecutor(1) as writer:
        for batch in _batches(entries):
            items, outcome = _prepared(*site, batch, reject)
            aimed = site
            if waiting:
                acknowledged(*waiting)
            if site is not aimed:
                items = _prepared(*site, batch, lambda _: None)[0]
            waiting = (writer.submit(_write, site[0], items), batch, outcome)
        if waiting:
            acknowledged(*waiting)
    return total


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


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    source = iter(entries)
    while batch := list(islice(source, AT_ONCE)):
        yield batch


def _prepared(
    table: Table, filler: Filler, entries: list[Entry], reject: Callable[[Reject], None]
) -> tuple[Items, Added]:
    """Return what is to be written of a batch; of entries with the same id the last one counts."""
    latest = list({entry.id: entry for entry in entries}.values())
    twice = len(entries) - len(latest)
    reads, unread = read_contents(latest)
    known = table.contents([read.entry.id for read in reads])
    fresh = [read for read in reads if known.get(read.entry.id) != read.content]
    fitting, unfit = _fitting(fresh, dict(table.columns()))
    items, faults = filler.fill(fitting)
    rejects = [
        *(Reject(latest[k].where, reason) for k, reason in unread.items()),
        *unfit,
        *(Reject(fitting[k].entry.where, reason) for k, reason in faults.items()),
    ]
    for each in rejects:
        reject(each)
    updated = sum(identity in known for identity in items.ids)
    same = len(reads) - len(fresh) + twice
    return items, Added(len(items) - updated, updated, same, len(rejects))


def _fitting(reads: list[Read], columns: dict[str, Kind]) -> tuple[list[Read], list[Reject]]:
    """Return the entries whose metadata are of the kinds that their columns have, or that are new."""
    fitting, unfit = [], []
    for read in reads:
        kinds = {name: kind_of(value) for name, value in read.entry.metadata.items()}
        wrong = [name for name, kind in kinds.items() if columns.get(name, kind) != kind]
        if wrong:
            value = read.entry.metadata[wrong[0]]
            reason = (
                f"{wrong[0]} holds a {columns[wrong[0]]} in this collection; got {value!r}. Write one, or rename it."
            )
            unfit.append(Reject(read.entry.where, reason))
        else:
            columns |= kinds
            fitting.append(read)
    return fitting, unfit


def _write(table: Table, items: Items) -> None:
    if not len(items):
        return
    kinds = {name: kind_of(value) for metadata in items.metadata for name, value in metadata.items()}
    known = table.columns()
    if new := {name: kind for name, kind in kinds.items() if name not in known}:
        table.widen(new)
    table.write(items)
