import numpy as np
import pytest

from diptych.data.features import Features
from diptych.training.known_categories import with_known_categories

from .learner import numbers


def labelled(labels: list[list[int]] | None) -> Features:
    plain = numbers(len(labels or [0]))
    table = None if labels is None else np.array(labels, dtype=bool)
    return Features(plain.images, plain.texts, plain.owner, table, plain.ids)


def test_categories_that_no_training_pair_has_are_left_out() -> None:
    features, names = with_known_categories(labelled([[1, 0, 0], [0, 0, 1]]), ("cat", "dog", "owl"))
    assert names == ("cat", "owl")
    assert features.labels is not None
    assert features.labels.astype(int).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("labels", [None, [[0, 0], [0, 0]]])
def test_without_any_category_there_are_no_labels(labels: list[list[int]] | None) -> None:
    features, names = with_known_categories(labelled(labels), ("cat", "dog"))
    assert features.labels is None
    assert names == ()
