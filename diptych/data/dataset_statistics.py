"""The statistics of a data set."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from diptych.data.pairs import DataSet


def describe(dataset: DataSet) -> dict[str, Any]:
    """Return a data set's counts as plain values: pairs, splits, classes, texts per picture, words per text, vectors.

    Words are separated by blanks.
    """
    sizes = Counter(category for pair in dataset.pairs for category in set(pair.categories))
    return {
        "name": dataset.name,
        "pairs": len(dataset.pairs),
        "pictures": sum(pair.image is not None for pair in dataset.pairs),
        "texts": sum(len(pair.texts) for pair in dataset.pairs),
        "splits": {name: len(rows) for name, rows in dataset.splits.items()},
        "split_seed": dataset.split_seed,
        "held_out": dataset.held_out,
        "torn": dataset.torn,
        "classes": len(sizes),
        "class_sizes": dict(sorted(sizes.items())),
        "texts_per_picture": _spread([len(pair.texts) for pair in dataset.pairs]),
        "words_per_text": _spread([len(text.split()) for pair in dataset.pairs for text in pair.texts]),
        "vectors": {modality: int(rows.shape[1]) for modality, rows in dataset.vectors.items()},
        "attribution": dataset.attribution,
    }


def _spread(counts: Sequence[int]) -> dict[str, int | float]:
    """Return the minimum, mean and maximum; an empty dictionary without counts."""
    if not counts:
        return {}
    return {"min": min(counts), "mean": round(float(np.mean(counts)), 2), "max": max(counts)}
