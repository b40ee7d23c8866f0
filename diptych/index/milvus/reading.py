"""Reading many rows of Milvus, which gives 16,384 at once at most, and some megabytes."""

from collections.abc import Iterator, Sequence
from typing import Any

from diptych.index.milvus.conditions import id_among, joined, quoted
from diptych.index.milvus.sessions import AnswerTooLarge, Session

NAMED = 1000
"""Ids in one expression."""

MilvusRows = list[dict[str, Any]]


def pages_of(
    session: Session, collection: str, expression: str, fields: Sequence[str], *, rows: int, limit: int | None = None
) -> Iterator[MilvusRows]:
    """Yield the rows that meet an expression, in the order of their ids, so many at a time and at most `limit`.

    Where that is too much for one answer, by half as many.
    """
    last, left = "", limit
    while left is None or left > 0:
        size = rows if left is None else min(rows, left)
        try:
            page = session.query(collection, joined("and", f"id > {quoted(last)}", expression), fields, limit=size)
        except AnswerTooLarge:
            if size == 1:
                raise
            rows = max(1, size // 2)
            continue
        if not page:
            return
        yield page
        last = page[-1]["id"]
        left = None if left is None else left - len(page)


def named_rows(
    session: Session, collection: str, ids: Sequence[str], fields: Sequence[str], *, rows: int, expression: str = ""
) -> Iterator[MilvusRows]:
    """Yield those of the rows with these ids that meet an expression, in any order, at most so many at a time."""
    size = min(rows, NAMED)
    for start in range(0, len(ids), size):
        some = ids[start : start + size]
        try:
            page = session.query(collection, joined("and", id_among(list(some)), expression), fields)
        except AnswerTooLarge:
            if len(some) == 1:
                raise
            half = (len(some) + 1) // 2
            yield from named_rows(session, collection, some, fields, rows=half, expression=expression)
        else:
            yield page
