"""Splits drawn by a seed, with every category in each of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diptych.data.pairs import DataSet
from diptych.errors import BadSetting

DEFAULT_SEED = 0
"""Draws the splits of data that bring none."""

HELD_OUT = 0.1
"""The share of `train` that is held out where data bring no validation pairs."""

FRACTIONS = (0.8, 0.1, 0.1)
"""The shares of train, val and test, as in the MCSM paper."""


def stratified_split(
    categories: Sequence[Sequence[str]], *, seed: int, fractions: tuple[float, float, float] = FRACTIONS
) -> dict[str, tuple[int, ...]]:
    """Return the positions in train, val and test, each sorted, shared out within every category.

    An item of several categories counts under its rarest; items without any form a stratum of their own, so that
    without categories this is a plain shuffle. A stratum of three or more has at least one item in every split of
    a share above 0; a smaller one goes to train whole.

    >>> {name: len(rows) for name, rows in stratified_split([["cat"], ["dog"]] * 50, seed=0).items()}
    {'train': 80, 'val': 10, 'test': 10}
    """
    if seed < 0:
        raise BadSetting(f"the seed of a split must not be negative; got {seed}.")
    generator = np.random.default_rng(seed)
    chosen: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for _, rows in sorted(_strata(categories).items()):
        shuffled = generator.permutation(rows).tolist()
        val, test = _shares(len(rows), fractions)
        chosen["val"] += shuffled[:val]
        chosen["test"] += shuffled[val : val + test]
        chosen["train"] += shuffled[val + test :]
    return {name: tuple(sorted(rows)) for name, rows in chosen.items()}


def resplit(dataset: DataSet, seed: int) -> DataSet:
    """Return the same pairs under a stratified 80/10/10 split drawn by `seed`."""
    return dataset.with_splits(stratified_split([pair.categories for pair in dataset.pairs], seed=seed), seed=seed)


def with_validation(dataset: DataSet) -> DataSet:
    """Return data that have training and test pairs but no validation pairs with a tenth of `train` held out as `val`.

    It is drawn by `DEFAULT_SEED` within every category, among the pairs that share neither picture nor text with
    another training pair. Other data are returned as they are, and so are data with too few such pairs.
    """
    train = dataset.splits.get("train", ())
    if dataset.splits.get("val") or not train or not dataset.splits.get("test"):
        return dataset
    contents = {row: {dataset.pairs[row].image, *dataset.pairs[row].texts} - {None} for row in train}
    counts = Counter(content for own in contents.values() for content in own)
    alone = [row for row in train if all(counts[content] == 1 for content in contents[row])]
    share = min(HELD_OUT * len(train) / max(len(alone), 1), 0.5)
    drawn = stratified_split(
        [dataset.pairs[row].categories for row in alone], seed=DEFAULT_SEED, fractions=(1 - share, share, 0.0)
    )
    val = {alone[k] for k in drawn["val"]}
    if not val:
        return dataset
    splits = {**dataset.splits, "train": [row for row in train if row not in val], "val": sorted(val)}
    return replace(dataset.with_splits(splits, seed=DEFAULT_SEED), held_out=len(val))


def _strata(categories: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Return the rows of each category, an item under its rarest; under the empty name those without any."""
    sizes = Counter(category for item in categories for category in set(item))
    strata: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(categories):
        strata[min(item, key=lambda category: (sizes[category], category), default="")].append(row)
    return strata


def _shares(size: int, fractions: tuple[float, float, float]) -> tuple[int, int]:
    """Return how many of a stratum go to val and test: their shares rounded, at least one each, train never empty."""
    if size < 3:
        return 0, 0
    val, test = (max(1, int(size * share + 0.5)) if share else 0 for share in fractions[1:])
    val = min(val, size - 1 - (test > 0))
    return val, min(test, size - 1 - val)
