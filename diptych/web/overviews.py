"""What a page begins with: the newest pictures of a collection, queries to try, and facets of its columns."""

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from diptych.collection import Collection, readable
from diptych.errors import DiptychError

SURVEYED = 20_000
"""Items that an overview reads, in the order of their ids."""
NEWEST = 24
"""Pictures that it shows."""
QUERIES = 6
"""Queries that it proposes."""
LONGEST_QUERY = 60
"""Characters of a text that is proposed as a query."""
FACETS = 4
"""Columns that become facets."""
VALUES = 12
"""Values of a facet."""
MOST_NUMBERS = 30
"""Different numbers in a column that is still a facet: more are measurements, of which each is rare."""
MINUTE = 60.0
"""Seconds within which files were written in one go, as by copying a folder: their order says nothing."""
CREDIT = "attribution"
"""The column of the pictures' credits, which is no facet."""

FacetCell = str | float | bool


class FacetValue(NamedTuple):
    """A value of a column, and how many items have it."""

    value: FacetCell
    items: int


class Facet(NamedTuple):
    """A column whose values divide the items."""

    column: str
    values: list[FacetValue]
    """The most frequent ones, most frequent first; numbers in their order."""


class Overview(NamedTuple):
    """What a collection shows before anything is searched."""

    newest: list[str]
    """Ids of the pictures whose files changed last, mixed within a minute; of texts, if there are no pictures."""
    queries: list[str]
    """Texts of items from all over the collection."""
    facets: list[Facet]
    surveyed: int
    """The items that were counted: all of them, or the first `SURVEYED`."""


def overview_of(collection: Collection) -> Overview:
    """Return the overview of a collection, from its first `SURVEYED` items.

    Pictures without a file of their own, such as those at a URL or in a tar, count as the oldest.
    """
    items = collection.items(limit=SURVEYED)
    pictured = zip(items.ids, items.images, strict=True)
    ages = {name: age for name, image in pictured if (age := _age(name, image)) is not None}
    newest = sorted(ages, key=lambda name: (ages[name], _mixed(name))) or list(items.ids)
    kinds = collection.table.columns()
    facets = (_facet(name, kind, items.metadata) for name, kind in kinds.items() if name != CREDIT)
    return Overview(newest[:NEWEST], _queries(items.texts), list(islice(filter(None, facets), FACETS)), len(items))


def _age(identity: str, image: str | None) -> float | None:
    """Return a number that is the smaller the newer a picture is, to the minute; None where there is none to show."""
    try:
        picture = readable(image, identity=identity)
        return -(picture.stat().st_mtime // MINUTE) if isinstance(picture, Path) else math.inf
    except (DiptychError, OSError):
        return None


def _mixed(identity: str) -> int:
    """Return a place in a fixed order that mixes pictures whose files were written together."""
    return zlib.crc32(identity.encode("utf-8", "surrogatepass"))


def _queries(texts: Iterable[tuple[str, ...]]) -> list[str]:
    """Return short texts of more than a word, from items at even distances.

    >>> _queries([("A cat sleeps.", "A cat that sleeps."), (), ("dog", "a dog")])
    ['A cat sleeps', 'a dog']
    """
    told = ((text.strip().removesuffix(".") for text in each) for each in texts)
    first = (next((text for text in each if " " in text and len(text) <= LONGEST_QUERY), None) for each in told)
    fit = list(dict.fromkeys(filter(None, first)))
    return [fit[place * len(fit) // QUERIES] for place in range(QUERIES)] if len(fit) > QUERIES else fit


def _facet(name: str, kind: str, rows: Iterable[Mapping[str, object]]) -> Facet | None:
    """Return a column as a facet; None if it does not divide the items, or into nothing but single ones."""
    cells = [row[name] for row in rows if name in row]
    counts: Counter[FacetCell] = Counter(
        each for cell in cells for each in (cell if isinstance(cell, tuple) else (cell,))
    )
    few = MOST_NUMBERS if kind == "number" else len(cells) // 2
    if len(counts) < 2 or len(counts) > few or max(counts.values()) < 2:
        return None
    values = [FacetValue(value, items) for value, items in counts.most_common(VALUES)]
    return Facet(name, sorted(values) if kind == "number" else values)
