"""One modality at a time: a text query opens no image encoder, a picture query no text encoder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diptych.collection import Collection
from diptych.encoders import lazy
from diptych.errors import BadCheckpoint
from diptych.retriever import Retriever

from .conftest import QUERY, MakeCollection, found, items_file

Forbid = Callable[[str], None]


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> Forbid:
    """Return a function after which an encoder of a modality can be opened no more."""
    opened = lazy.open_encoder

    def forbid(forbidden: str) -> None:
        def open_encoder(name: str, settings: Any = (), *, modality: Any = "image") -> Any:
            assert modality != forbidden, f"the {modality} encoder {name} was opened"
            return opened(name, settings, modality=modality)

        monkeypatch.setattr(lazy, "open_encoder", open_encoder)

    return forbid


@pytest.fixture
def untrained(tmp_path: Path, tiny_set: Path) -> Path:
    """Return the folder of a collection that ConSE fills."""
    place = tmp_path / "by-conse"
    names = {"image_encoder": "efficientnet-lite0", "text_encoder": "glove", "settings": ["image_encoder.side=64"]}
    with Collection.create(str(place), "conse", **names) as collection:  # type: ignore[arg-type]
        collection.add(str(tiny_set))
    return place


def test_a_text_query_opens_no_image_encoder(make: MakeCollection, tiny_set: Path, forbid: Forbid) -> None:
    place, expected = (shop := make(tiny_set)).uri, found(shop, QUERY)
    forbid("image")
    assert found(Collection.open(place), QUERY) == expected
    with pytest.raises(AssertionError, match="the image encoder efficientnet-lite0 was opened"):
        Collection.open(place).search(image=tiny_set / "1.png")


def test_a_picture_query_opens_no_text_encoder(make: MakeCollection, tiny_set: Path, forbid: Forbid) -> None:
    place, expected = (shop := make(tiny_set)).uri, found(shop, image=tiny_set / "3.png")
    forbid("text")
    assert found(Collection.open(place), image=tiny_set / "3.png") == expected
    with pytest.raises(AssertionError, match="the text encoder glove was opened"):
        Collection.open(place).search(QUERY)


def test_making_a_collection_of_a_run_opens_no_encoder(run: Retriever, tmp_path: Path, forbid: Forbid) -> None:
    forbid("image")
    forbid("text")
    made = Collection.create(str(tmp_path / "empty"), str(run.folder.path))
    assert made.stats()["items"] == 0


def test_adding_texts_alone_opens_no_image_encoder(make: MakeCollection, tmp_path: Path, forbid: Forbid) -> None:
    shop = make()
    forbid("image")
    added = shop.add(str(items_file(tmp_path, {"id": "a", "text": "a red square"}, {"id": "b", "text": "a blue disc"})))
    assert (added.added, added.rejected) == (2, 0)
    assert found(shop, "a red square") == ["a", "b"]


@pytest.mark.parametrize(("forbidden", "query"), [("image", {"text": QUERY}), ("text", {"image": "3.png"})])
def test_a_method_without_training_opens_one_encoder_too(
    forbidden: str, query: dict[str, str], untrained: Path, tiny_set: Path, forbid: Forbid
) -> None:
    asked = {"image": tiny_set / query["image"]} if "image" in query else query
    expected = found(Collection.open(str(untrained)), **asked)
    forbid(forbidden)
    assert found(Collection.open(str(untrained)), **asked) == expected


def record_of(place: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((place / "record.json").read_text())
    return record


def test_a_record_from_before_fingerprints_were_kept_opens(untrained: Path) -> None:
    expected, record = found(Collection.open(str(untrained)), QUERY), record_of(untrained)
    assert record["model"].pop("fingerprints").keys() == {"image", "text"}
    (untrained / "record.json").write_text(json.dumps(record))
    assert found(Collection.open(str(untrained)), QUERY) == expected


def test_an_encoder_that_did_not_fill_the_collection_is_refused(untrained: Path) -> None:
    record = record_of(untrained)
    record["model"]["fingerprints"]["text"] = "0123456789abcdef"
    (untrained / "record.json").write_text(json.dumps(record))
    with pytest.raises(BadCheckpoint, match="glove is not the encoder that this collection was filled with"):
        Collection.open(str(untrained)).search(QUERY)
