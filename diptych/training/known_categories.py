"""The categories known in training."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diptych.data.features import Features


def with_known_categories(train: Features, classes: Sequence[str]) -> tuple[Features, tuple[str, ...]]:
    """Return training features labelled with the classes that occur among them, and these classes.

    A category that occurs only in other splits is unknown in training: classification heads do not include it.
    """
    if train.labels is None:
        return train, ()
    known = np.flatnonzero(train.labels.any(axis=0))
    names = tuple(classes[int(k)] for k in known)
    return replace(train, labels=train.labels[:, known] if names else None), names
