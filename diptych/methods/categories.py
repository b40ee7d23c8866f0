"""Category labels for supervised methods."""

import numpy as np
from jaxtyping import Bool

from diptych.data.features import Features
from diptych.errors import MissingData


def labels_of(features: Features, *, wanted_by: str) -> Bool[np.ndarray, "n c"]:
    """Return the category labels of the training texts, one row for each pair of `OneSpace.fit_inputs`."""
    labels = features.text_labels
    if labels is None:
        raise MissingData(
            f"{wanted_by} learns from categories, and these pairs have none. Add categories, or choose a method that "
            "learns from pairs alone, such as cca."
        )
    return labels
