"""Category labels and linear classifiers for supervised methods."""

import numpy as np
from jaxtyping import Bool, Float

from diptych.data.features import Features
from diptych.errors import MissingData
from diptych.maths.logistic import LinearClassifier, multinomial_regression


def labels_of(features: Features, *, wanted_by: str) -> Bool[np.ndarray, "n c"]:
    """Return the category labels of the training texts, one row for each pair of `OneSpace.fit_inputs`."""
    labels = features.text_labels
    if labels is None:
        raise MissingData(
            f"{wanted_by} learns from categories, and these pairs have none. Add categories, or choose a method that "
            "learns from pairs alone, such as cca."
        )
    return labels


def classifier(rows: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, "n c"], *, strength: float) -> LinearClassifier:
    """Return the logistic regression of the rows with a category, at any scale.

    It is solved on rows divided by their root mean square length, and its weights are divided by the same.
    """
    known = labels.any(1)
    rows, labels = rows[known], labels[known]
    size = max(np.sqrt(np.einsum("nd,nd->n", rows, rows).mean()), np.finfo(np.float32).tiny)
    weights, bias = multinomial_regression(rows / size, labels / labels.sum(1, keepdims=True), strength=strength)
    return LinearClassifier(weights / size, bias)
