"""Items drawn at random, with all that is awkward about ids, texts and metadata, and how results are compared."""

from collections.abc import Mapping, Sequence

import numpy as np

from diptych.files import digest
from diptych.index.conditions import Columns, Value
from diptych.index.contract import Layout, NearestItems, Table
from diptych.index.items import Items, ItemVectors
from diptych.modality import Modality

LAYOUT = Layout({"image": 24, "text": 16})

COLUMNS: Columns = {
    "category": "text",
    "year": "number",
    "framed": "truth",
    "tags": "texts",
    "select": "text",
    "Year": "number",
}
"""Every kind, a key word of SQL, and two names that differ in case alone."""

CATEGORIES = ("dog", "cat", "Zebra", "it's", 'a "quote"', "back\\slash", "100%_", "two\nlines", "žluť 🖼", "''", "")
TAGS = ("old", "new", "it's", "\\", "{a,b}", "žluť", "")
YEARS = (-1.5, 0.0, 1999.0, 2010.0, 2010.5, 1e300, 1e-7)

ODD_IDS = (
    "it's", 'say "when"', "back\\slash", "100%_", "two\nlines", "tab\there", " leading", "trailing ", "žluť", "🖼",
    "a", "A", "\u00e9", "e\u0301", "\ufb00", "10", "9", "-- comment", "; drop", "{x}", "$1", "`tick`", "null", "a/b",
    "x" * 512,
)  # fmt: skip
"""Among them a letter written in two ways, and a character outside the basic plane, whose order differs by encoding."""


def items_of(ids: Sequence[str], *, seed: int, layout: Layout = LAYOUT, columns: Columns = COLUMNS) -> Items:
    """Return items with these ids: some with both sides, some with one, a third of all cells empty."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(0, 3, len(ids))
    present: dict[Modality, np.ndarray] = {"image": sides != 0, "text": sides != 1}
    return Items(
        tuple(ids),
        tuple(digest(item, str(seed)) for item in ids),
        tuple(f"img/{item}.jpg" if side else None for item, side in zip(ids, sides, strict=True)),
        tuple(
            () if side == 1 else (f"a text of {item}", "and\nanother") for item, side in zip(ids, sides, strict=True)
        ),
        tuple(_metadata(rng, columns) for _ in ids),
        {
            side: ItemVectors(_vectors(rng, len(ids), width) * present[side][:, None], present[side])
            for side, width in layout.widths.items()
        },
    )


def queries_of(count: int, width: int, *, seed: int) -> np.ndarray:
    """Return vectors to search by."""
    return _vectors(np.random.default_rng(seed), count, width)


def check_found(
    found: NearestItems, oracle: Table, side: Modality, query: np.ndarray, *, k: int, **named: object
) -> None:
    """Check that a search found what brute force finds; those that rounding cannot tell apart may stand in."""
    expected = oracle.nearest(side, query, k=k, **named)
    rounding = 1e-5 * np.abs(query).max() * max(1.0, np.abs(expected.vectors).sum(axis=-1).max(initial=0))
    check_itself(found, oracle, side, query)
    np.testing.assert_allclose(found.similarities, expected.similarities, rtol=0, atol=rounding)
    certain = expected.similarities > expected.similarities[-1:] + rounding
    assert {item for item, sure in zip(expected.ids, certain, strict=True) if sure} <= set(found.ids)


def check_itself(found: NearestItems, oracle: Table, side: Modality, query: np.ndarray) -> None:
    """Check that what was found is in order, and that vectors and similarities are those of the items."""
    stored = oracle.read(found.ids, vectors=[side])
    assert stored.ids == found.ids
    np.testing.assert_array_equal(found.vectors, stored.vectors[side].rows)
    exact = (found.vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(found.similarities, exact, rtol=1e-12, atol=1e-12)
    order = list(zip(-found.similarities, found.ids, strict=True))
    assert order == sorted(order)


def check_items(items: Items, expected: Items) -> None:
    """Check that two lots of items are equal."""
    for name in ("ids", "contents", "images", "texts", "metadata"):
        assert getattr(items, name) == getattr(expected, name)
    assert items.vectors.keys() == expected.vectors.keys()
    for side, vectors in items.vectors.items():
        np.testing.assert_array_equal(vectors.present, expected.vectors[side].present)
        np.testing.assert_array_equal(vectors.rows, expected.vectors[side].rows)


def _vectors(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    return rng.normal(size=(count, width)).astype(np.float32)


def _metadata(rng: np.random.Generator, columns: Columns) -> Mapping[str, Value]:
    drawn: dict[str, Value] = {}
    for name, column_kind in columns.items():
        if rng.random() < 1 / 3:
            continue
        if column_kind == "text":
            drawn[name] = CATEGORIES[rng.integers(len(CATEGORIES))]
        elif column_kind == "number":
            drawn[name] = YEARS[rng.integers(len(YEARS))]
        elif column_kind == "truth":
            drawn[name] = bool(rng.random() < 0.5)
        else:
            drawn[name] = tuple(sorted({TAGS[place] for place in rng.integers(len(TAGS), size=rng.integers(4))}))
    return drawn
