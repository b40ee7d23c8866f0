"""A test set in folds: parts of the pictures, each with its texts, and each a gallery of its own.

So the 5,000 test pictures of COCO are also evaluated as five times 1,000, of which the mean is published. With folds of
one size the mean over all queries is the mean of the folds' means.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Int

from diptych.errors import BadSetting
from diptych.measures.direction_scores import Scores


@dataclass(frozen=True)
class Fold:
    """Some pictures and their texts, by their numbers in the whole."""

    pictures: Int[np.ndarray, " n"]
    texts: Int[np.ndarray, " m"]
    owner: Int[np.ndarray, " m"]
    """The picture of each text, by its number in the fold."""


def folds_of(owner: Int[np.ndarray, " m"], *, pictures: int, count: int) -> list[Fold]:
    """Return consecutive folds of equal size, up to one picture; `BadSetting` unless there are pictures for each.

    >>> [fold.texts.tolist() for fold in folds_of(np.array([0, 0, 1, 2, 2]), pictures=3, count=2)]
    [[0, 1, 2], [3, 4]]
    """
    if not 1 <= count <= pictures:
        raise BadSetting(f"folds must be from 1 to the number of pictures, {pictures:,}; got {count}.")
    return [_fold(owner, part) for part in np.array_split(np.arange(pictures), count)]


def joined(parts: Sequence[Scores], queries: Sequence[np.ndarray], galleries: Sequence[np.ndarray]) -> Scores:
    """Return the scores of all queries from those of each fold, in the order of the whole.

    `queries` and `galleries` are the numbers of each fold's queries and of its gallery in the whole. Of the first
    results, as many are kept as the smallest gallery has.
    """
    shown = min(part.first.shape[1] for part in parts)
    placed = [
        replace(part, first=gallery[part.first[:, :shown]]) for part, gallery in zip(parts, galleries, strict=True)
    ]
    order = np.argsort(np.concatenate(queries), kind="stable")
    return Scores(**{f.name: np.concatenate([getattr(each, f.name) for each in placed])[order] for f in fields(Scores)})


def _fold(owner: Int[np.ndarray, " m"], pictures: Int[np.ndarray, " n"]) -> Fold:
    texts = np.flatnonzero(np.isin(owner, pictures))
    return Fold(pictures, texts, np.searchsorted(pictures, owner[texts]))
