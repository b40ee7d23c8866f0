"""The record of a collection is the same JSON object in the store, whichever version of the code wrote it."""

import json
import time
from typing import Any

import pytest

from diptych.collection.records import CollectionRecord, current_record
from diptych.errors import MissingData
from diptych.ingest.fence import fenced
from tests.index.oracle import OracleStore

MODEL = {
    "source": "runs/a",
    "method": "mcsm",
    "digest": "3f9a",
    "encoders": {"image": "vgg19", "text": "minilm"},
    "settings": [],
    "spaces": ["visual", "textual"],
    "widths": [265, 265],
    "fusion": "product",
}
NEXT = {"digest": "77c1", "table": "items_2", "model": {**MODEL, "digest": "77c1", "settings": ["side=16"]}}
RECORD = {
    "format": 1,
    "model": MODEL,
    "table": "items_1",
    "previous": None,
    "next": None,
    "half": False,
    "exact_limit": 200_000,
    "recall": 0.99,
    "tuned": {},
}
TUNED = {
    "image": {"queries": 64, "items": 300_000, "effort": 40, "recall": 0.9921875},
    "text": {"queries": 0, "items": 300_000, "effort": None, "recall": None},
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"next": NEXT},
        {"next": {**NEXT, "peace": 1754000000.25}, "previous": "items_0"},
        {"tuned": TUNED, "half": True},
        {"model": {**MODEL, "fusion": None, "spaces": ["common"], "widths": [300]}},
    ],
    ids=["new", "moving", "fenced", "tuned", "one space"],
)
def test_a_record_is_written_as_it_was_read(changes: dict[str, Any]) -> None:
    stored = json.dumps({**RECORD, **changes})
    assert json.dumps(CollectionRecord.from_json(json.loads(stored)).to_json()) == stored


def test_a_record_promises_what_searches_keep_to() -> None:
    promise = CollectionRecord.from_json({**RECORD, "tuned": TUNED}).promise
    assert (promise.exact_limit, promise.recall) == (200_000, 0.99)
    assert (promise.tunings["image"].effort, promise.tunings["text"].effort) == (40, None)


def test_a_fence_stands_until_its_deadline() -> None:
    def of(upcoming: dict[str, Any] | None) -> CollectionRecord:
        return CollectionRecord.from_json({**RECORD, "next": upcoming})

    assert [fenced(of(each)) for each in (None, NEXT)] == [False, False]
    assert [fenced(of({**NEXT, "peace": time.time() + away})) for away in (-1, 60)] == [False, True]


def test_a_collection_that_was_removed_meanwhile_has_no_record() -> None:
    with pytest.raises(MissingData, match="the collection at shop was removed"):
        current_record(OracleStore(), "shop")
