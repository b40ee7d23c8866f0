import json

import numpy as np

from diptych.data.dataset_statistics import describe
from diptych.data.pairs import DataSet, Pair


def test_a_data_set_is_counted_in_plain_values(tmp_path):
    pairs = (
        Pair("1", tmp_path / "a.png", ("one two", "three"), ("b", "a")),
        Pair("2", None, ("four five six",), ("a",)),
    )
    dataset = DataSet("mine", pairs, {"train": (0,), "val": (), "test": (1,)}, "credit", {"image": np.ones((2, 7))}, 3)
    told = describe(dataset)
    assert told == json.loads(json.dumps(told))
    assert told == {
        "name": "mine",
        "pairs": 2,
        "pictures": 1,
        "texts": 3,
        "splits": {"train": 1, "val": 0, "test": 1},
        "split_seed": 3,
        "held_out": 0,
        "torn": 0,
        "classes": 2,
        "class_sizes": {"a": 2, "b": 1},
        "texts_per_picture": {"min": 1, "mean": 1.5, "max": 2},
        "words_per_text": {"min": 1, "mean": 2.0, "max": 3},
        "vectors": {"image": 7},
        "attribution": "credit",
    }


def test_an_empty_data_set_is_counted_too():
    assert describe(DataSet("none", (), {}))["texts_per_picture"] == {}
