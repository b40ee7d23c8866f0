"""Which categories training knows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diptych.data.features import Features


def with_known_categories(train: Features, classes: Sequence[str]) -> tuple[Features, tuple[str, ...]]:
    """Return training features labelled with those of `classes` that some of them have, and these.

    A category that only other splits have is unknown to training: no head is as wide as to name it.
    """
    if train.labels is None:
        return train, ()
    known = np.flatnonzero(train.labels.any(axis=0))
    names = tuple(classes[int(k)] for k in known)
    return replace(train, labels=train.labels[:, known] if names else None), names
