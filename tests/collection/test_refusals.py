"""What a collection refuses, in sentences."""

from pathlib import Path
from typing import Any

import pytest

from diptych.collection import Collection
from diptych.errors import BadSetting, BadText, MissingData, UnknownName
from diptych.retriever import Retriever

from .conftest import QUERY


def test_there_must_be_a_collection(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"there is no collection at .*nowhere. Make it"):
        Collection.open(str(tmp_path / "nowhere"))


def test_there_is_one_collection_at_a_place(shop: Collection, run: Retriever) -> None:
    with pytest.raises(BadSetting, match=r"a collection already exists at"):
        Collection.create(shop.name, str(run.folder.path))


def test_a_dropped_collection_is_said_to_be_gone(shop: Collection) -> None:
    other = Collection.open(shop.name)
    shop.drop()
    with pytest.raises(MissingData, match="was removed"):
        other.search(QUERY)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({}, BadSetting, "needs a text, an image or the id of an item"),
        ({"text": "  "}, BadText, "the text to search for is empty"),
        ({"text": "a\ud83d"}, BadText, "must be valid Unicode"),
        ({"text": "a", "k": 0}, BadSetting, "k must be at least 1"),
        ({"text": "a", "offset": -1}, BadSetting, "offset at least 0"),
        ({"text": "a", "balance": 2.0}, BadSetting, "weight must lie between 0 and 1"),
        ({"text": "a", "against": "sound"}, BadSetting, "the image or the text of items"),
        ({"text": "a", "without": [" "]}, BadText, "is empty"),
        ({"image": Path("gone.png")}, MissingData, "'gone.png', is not a file"),
        ({"like": "nobody"}, MissingData, "has no item 'nobody'"),
        ({"text": "a", "where": "colour = 'red'"}, UnknownName, "columns has no entry 'colour'"),
        ({"text": "a", "where": "category > "}, BadSetting, "text in single quotes"),
        ({"text": "a", "fusion": "released"}, BadSetting, "one query at a time"),
    ],
)
def test_an_impossible_search_is_a_sentence(
    shop: Collection, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        shop.search(**options)


@pytest.mark.parametrize(
    ("model", "error", "sentence"),
    [
        ("cca", BadSetting, "cca must be trained before it fills a collection"),
        ("cosne", UnknownName, "Did you mean 'conse'?"),
    ],
)
def test_a_model_that_cannot_fill_is_refused(tmp_path: Path, model: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        Collection.create(str(tmp_path / "c"), model)
    assert not (tmp_path / "c").exists()


def test_a_run_keeps_its_encoders(tmp_path: Path, run: Retriever) -> None:
    with pytest.raises(BadSetting, match="has its own encoders"):
        Collection.create(str(tmp_path / "c"), str(run.folder.path), image_encoder="efficientnet-lite0")


def test_a_recall_is_a_share(tmp_path: Path, run: Retriever) -> None:
    with pytest.raises(BadSetting, match=r"at most 1; got 1\.5"):
        Collection.create(str(tmp_path / "c"), str(run.folder.path), recall=1.5)


def test_a_record_of_another_format_is_refused(shop: Collection) -> None:
    shop.store.remember({**shop.record.to_json(), "format": 99})
    with pytest.raises(BadSetting, match="has the format 99; this version reads 1"):
        Collection.open(shop.name)
