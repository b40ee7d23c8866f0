from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diptych.data.pairs import DataSet
from diptych.data.sources import open_data
from diptych.encoders.registry import open_encoders
from diptych.files import json_of, record_of
from diptych.training.run_config import (
    DataRecord,
    EncoderRecord,
    EncoderRecords,
    RunConfig,
    fingerprint,
    splits_fingerprint,
    versions,
)


@pytest.fixture
def dataset(tiny_set: Path) -> DataSet:
    return open_data(str(tiny_set))


def test_a_fingerprint_follows_ids_texts_categories_and_vectors(dataset: DataSet) -> None:
    first, *others = dataset.pairs
    seen = {fingerprint(dataset)}
    for changed in ({"id": "other"}, {"texts": ("other",)}, {"categories": ("other",)}):
        seen.add(fingerprint(replace(dataset, pairs=(replace(first, **changed), *others))))
    seen.add(fingerprint(replace(dataset, pairs=tuple(reversed(dataset.pairs)))))
    for value in (0, 1):
        seen.add(fingerprint(replace(dataset, vectors={"text": np.full((24, 2), value, dtype=np.float32)})))
    assert len(seen) == 7
    assert fingerprint(dataset) == fingerprint(dataset.with_splits({"train": (0,)}, seed=1))


def test_a_fingerprint_of_splits_follows_their_pairs_and_not_their_order(dataset: DataSet) -> None:
    def of(**splits: tuple[int, ...]) -> str:
        return splits_fingerprint(dataset.with_splits(splits, seed=None))

    assert of(train=(0, 1), val=(2,)) == of(val=(2,), train=(1, 0)) != of(train=(0, 2), val=(1,))


def test_a_config_is_json_and_holds_all_that_decides_the_result(dataset: DataSet, tiny_set: Path) -> None:
    names, settings = ("given", "glove"), ["text_encoder.limit=9"]
    encoders = EncoderRecords.of(open_encoders(*names, settings), names=names, settings=settings)
    assert encoders.image == EncoderRecord("given", None)
    assert encoders.text.fingerprint
    assert encoders.settings == tuple(settings)
    data = DataRecord.of(dataset, str(tiny_set), split_seed=None)
    assert data.source == str(tiny_set)
    assert (data.name, data.split_seed) == ("tiny", None)
    config = RunConfig("mcsm", "default", {"a": 1}, data, encoders, 3, versions())
    assert record_of(RunConfig, json_of(config)) == config
    assert config.versions.keys() == {"diptych", "python", "torch", "numpy"}


def test_a_data_set_differs_from_its_record_by_what_it_holds_and_by_its_splits(dataset: DataSet) -> None:
    record = DataRecord.of(dataset, "tiny", split_seed=None)
    assert record.differences(dataset) == []
    assert record.differences(replace(dataset, name="other", pairs=dataset.pairs[1:])) == []
    changed = replace(dataset.pairs[0], texts=("other",))
    assert record.differences(replace(dataset, pairs=(changed, *dataset.pairs[1:]))) == [
        "the data set has changed since it was trained on"
    ]
    assert record.differences(dataset.with_splits({"train": (0,)}, seed=1)) == [
        "trained under another split: some of these pairs were trained on"
    ]
