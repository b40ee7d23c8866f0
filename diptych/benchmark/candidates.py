"""Hyperparameter search: the candidate settings, with the same budget for every method."""

import json
import random
from collections.abc import Mapping, Sequence
from itertools import islice, product
from math import prod
from typing import Any

LARGE = 4096
"""Grids up to this size are enumerated and shuffled; larger ones are sampled until enough points differ."""


def candidates(search: Mapping[str, Sequence[Any]], *, budget: int, seed: int) -> list[tuple[str, ...]]:
    """Return up to `budget` different candidates, each a tuple of settings `name=value`.

    The first is the unchanged preset. The others are drawn without replacement from the grid of all combinations of
    `search`; a grid smaller than the budget is searched exhaustively.

    >>> candidates({"ridge": (1.0, 10.0)}, budget=5, seed=0)
    [(), ('ridge=1.0',), ('ridge=10.0',)]
    """
    names = list(search)
    draw = random.Random(seed)
    size = prod(len(values) for values in search.values()) if names else 0
    if size <= LARGE:
        points = list(product(*search.values())) if names else []
        draw.shuffle(points)
        drawn = iter(points)
    else:
        drawn = iter(dict.fromkeys(tuple(draw.choice(list(v)) for v in search.values()) for _ in range(8 * budget)))
    return [(), *(_settings(names, point) for point in islice(drawn, budget - 1))]


def _settings(names: Sequence[str], point: Sequence[Any]) -> tuple[str, ...]:
    return tuple(f"{name}={json.dumps(value)}" for name, value in zip(names, point, strict=True))
