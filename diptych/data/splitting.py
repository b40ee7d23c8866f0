"""Splits drawn by a seed, with every category in each of them, and duplicates in one."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from diptych.data.likeness import near_identical
from diptych.data.pairs import DataSet, Pair
from diptych.errors import BadSetting
from diptych.progress import Progress

DEFAULT_SEED = 0
"""Draws the splits of data that bring none."""

HELD_OUT = 0.1
"""The share of `train` that is held out where data bring no validation pairs."""

_LEAST = 3
"""The smallest stratum that every split gets an item of."""

FRACTIONS = (0.8, 0.1, 0.1)
"""The shares of train, val and test, as in the MCSM paper."""


def stratified_split(
    categories: Sequence[Sequence[str]],
    *,
    seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
    units: Sequence[Sequence[int]] | None = None,
) -> dict[str, tuple[int, ...]]:
    """Return the positions in train, val and test, each sorted, shared out within every category.

    An item of several categories counts under its rarest; items without any form a stratum of their own, so that
    without categories this is a plain shuffle. A stratum of three or more has at least one item in every split of
    a share above 0; a smaller one goes to train whole. Where that would leave a split empty, all strata of one or two
    form one together, and if that is not enough, all items do.

    `units` are items that stay together, under the stratum of the first one; by default each is alone. A unit larger
    than what val and test still need goes to train, so these may be smaller than their share.

    >>> {name: len(rows) for name, rows in stratified_split([["cat"], ["dog"]] * 50, seed=0).items()}
    {'train': 80, 'val': 10, 'test': 10}
    """
    if seed < 0:
        raise BadSetting(f"the seed of a split must not be negative; got {seed}.")
    units = units if units is not None else [(row,) for row in range(len(categories))]
    strata = [own for _, own in sorted(_strata(categories, units).items())]
    small = [k for own in strata if len(own) < _LEAST for k in own]
    together = [*(own for own in strata if len(own) >= _LEAST), *([small] if small else [])]
    wanted = [name for name, share in zip(("val", "test"), fractions[1:], strict=True) if share]
    for attempt in (strata, together, [list(range(len(units)))]):
        chosen = _drawn(attempt, units, fractions, np.random.default_rng(seed))
        if all(chosen[name] for name in wanted):
            break
    return {name: tuple(sorted(rows)) for name, rows in chosen.items()}


def resplit(dataset: DataSet, seed: int, *, progress: Progress | None = None) -> DataSet:
    """Return the same pairs under a stratified 80/10/10 split drawn by `seed`, with duplicates in one split.

    Texts that recur so often that `val` or `test` would get less than half its share, such as names of categories, bind
    no pairs; `DataSet.torn` counts the pairs whose text is in another split too.
    """
    pairs, categories = dataset.pairs, [pair.categories for pair in dataset.pairs]
    pictures = [*_same_pictures(pairs), *near_identical([pair.image for pair in pairs], progress=progress)]
    texts = _same_texts(pairs)
    splits = stratified_split(categories, seed=seed, units=_connected(len(pairs), [*pictures, *texts]))
    wanted = _shares(len(pairs), FRACTIONS)
    if all(2 * len(splits[name]) >= share for name, share in zip(("val", "test"), wanted, strict=True)):
        return dataset.with_splits(splits, seed=seed)
    splits = stratified_split(categories, seed=seed, units=_connected(len(pairs), pictures))
    split_of = {row: name for name, rows in splits.items() for row in rows}
    torn = {row for group in texts if len({split_of[row] for row in group}) > 1 for row in group}
    return replace(dataset.with_splits(splits, seed=seed), torn=len(torn))


def with_validation(dataset: DataSet, *, progress: Progress | None = None) -> DataSet:
    """Return data that have training and test pairs but no validation pairs with a tenth of `train` held out as `val`.

    It is drawn by `DEFAULT_SEED` within every category, and takes no pair away from its duplicates. Other data are
    returned as they are, and so are data with too few such pairs.
    """
    train = dataset.splits.get("train", ())
    if dataset.splits.get("val") or not train or not dataset.splits.get("test"):
        return dataset
    pairs = [dataset.pairs[row] for row in train]
    copies = near_identical([pair.image for pair in pairs], progress=progress)
    units = _connected(len(pairs), [*_same_pictures(pairs), *_same_texts(pairs), *copies])
    alone = [train[unit[0]] for unit in units if len(unit) == 1]
    share = min(HELD_OUT * len(train) / max(len(alone), 1), 0.5)
    drawn = stratified_split(
        [dataset.pairs[row].categories for row in alone], seed=DEFAULT_SEED, fractions=(1 - share, share, 0.0)
    )
    val = {alone[k] for k in drawn["val"]}
    if not val:
        return dataset
    splits = {**dataset.splits, "train": [row for row in train if row not in val], "val": sorted(val)}
    return replace(dataset.with_splits(splits, seed=DEFAULT_SEED), held_out=len(val))


def _same_pictures(pairs: Sequence[Pair]) -> list[list[int]]:
    """Return the positions of pairs with one picture."""
    return _alike((row, str(pair.image)) for row, pair in enumerate(pairs) if pair.image is not None)


def _same_texts(pairs: Sequence[Pair]) -> list[list[int]]:
    """Return the positions of pairs with one text, up to capitals and spaces."""
    return _alike((row, " ".join(text.casefold().split())) for row, pair in enumerate(pairs) for text in pair.texts)


def _connected(count: int, groups: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the positions below `count` that groups connect, directly or through others, sorted by the first."""
    edges = np.array([(group[0], row) for group in groups for row in group[1:]], dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(count, count))
    together: dict[int, list[int]] = defaultdict(list)
    for row, name in enumerate(connected_components(graph, directed=False)[1].tolist()):
        together[name].append(row)
    return sorted(tuple(rows) for rows in together.values())


def _alike(contents: Iterable[tuple[int, Hashable]]) -> list[list[int]]:
    """Return the positions of each content that several have."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for row, content in contents:
        places[content].append(row)
    return [rows for rows in places.values() if len(rows) > 1]


def _strata(categories: Sequence[Sequence[str]], units: Sequence[Sequence[int]]) -> dict[str, list[int]]:
    """Return the units of each category, an item under its rarest; under the empty name those without any."""
    sizes = Counter(category for item in categories for category in set(item))
    strata: dict[str, list[int]] = defaultdict(list)
    for k, unit in enumerate(units):
        item = categories[unit[0]]
        strata[min(item, key=lambda category: (sizes[category], category), default="")].append(k)
    return strata


def _drawn(
    strata: Sequence[Sequence[int]],
    units: Sequence[Sequence[int]],
    fractions: tuple[float, float, float],
    generator: np.random.Generator,
) -> dict[str, list[int]]:
    """Return the items in train, val and test, with the units of each stratum shared out among them."""
    chosen: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for own in strata:
        left = [units[k] for k in generator.permutation(own).tolist()]
        val, test = _shares(sum(map(len, left)), fractions)
        for name, wanted in (("val", val), ("test", test)):
            taken, left = _taken(left, wanted)
            chosen[name] += taken
        chosen["train"] += [row for unit in left for row in unit]
    return chosen


def _taken(units: Sequence[Sequence[int]], wanted: int) -> tuple[list[int], list[Sequence[int]]]:
    """Return the items of the first units that fit into so many, and the other units."""
    taken: list[int] = []
    left: list[Sequence[int]] = []
    for unit in units:
        if len(taken) + len(unit) <= wanted:
            taken += unit
        else:
            left.append(unit)
    return taken, left


def _shares(size: int, fractions: tuple[float, float, float]) -> tuple[int, int]:
    """Return how many of a stratum go to val and test: their shares rounded, at least one each, train never empty."""
    if size < _LEAST:
        return 0, 0
    val, test = (max(1, int(size * share + 0.5)) if share else 0 for share in fractions[1:])
    val = min(val, size - 1 - (test > 0))
    return val, min(test, size - 1 - val)
