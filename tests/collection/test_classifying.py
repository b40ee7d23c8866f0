"""Items get the label that a search would rank them highest for, and keep it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diptych.collection import Collection, column_writing
from diptych.collection.classifying import Classification, _scored
from diptych.collection.records import UpcomingTable
from diptych.errors import BadSetting, BadText, DiptychError
from diptych.retriever import Retriever
from tests.index.servers_postgresql import postgresql_server

from .conftest import MakeCollection, found, items_file

__all__ = ["postgresql_server"]

LABELS = ("a red square", "a blue disc", "a dog")


def columns(collection: Collection, *names: str) -> dict[str, tuple[object, ...]]:
    items = collection.items()
    return {
        identity: tuple(metadata.get(name) for name in names)
        for identity, metadata in zip(items.ids, items.metadata, strict=True)
    }


@pytest.mark.parametrize("fusion", [None, "zscore", "rrf"])
def test_the_label_is_the_one_whose_search_gives_an_item_the_largest_similarity(
    shop: Collection, fusion: str | None
) -> None:
    got = shop.classify(LABELS, column=None, fusion=fusion)
    searched = [{hit.id: hit.similarity for hit in shop.search(label, k=24, fusion=fusion).hits} for label in LABELS]
    fused = np.array([[each[identity] for identity in got.ids] for each in searched])
    assert [LABELS[k] for k in fused.argmax(0)] == list(got.chosen)
    spread = np.sqrt(fused.var(0).mean())
    shares = np.exp(fused / spread) / np.exp(fused / spread).sum(0)
    np.testing.assert_allclose(got.scores, shares.max(0), atol=2e-6)
    assert got.counts == {label: got.chosen.count(label) for label in LABELS}
    assert (got.written, got.unlabelled) == (0, 0)
    assert "label" not in shop.stats()["columns"]


def test_labels_are_written_beside_what_items_have_and_filters_know_them(shop: Collection) -> None:
    before = shop.search("a red square", k=24)
    categories = columns(shop, "category")
    got = shop.classify(LABELS)
    assert got.written == 24
    expected = dict(zip(got.ids, zip(got.chosen, got.scores, strict=True), strict=True))
    assert columns(shop, "label", "label_score") == expected
    assert columns(shop, "category") == categories
    some = got.chosen[0]
    assert shop.ids(where=f"label = '{some}' and label_score > 0") == sorted(
        identity for identity, label in zip(got.ids, got.chosen, strict=True) if label == some
    )
    after = shop.search("a red square", k=24)
    assert [(hit.id, hit.similarity) for hit in after.hits] == [(hit.id, hit.similarity) for hit in before.hits]


def test_labels_outlive_adding_the_same_items_again(shop: Collection, tiny_set: Path) -> None:
    shop.classify(LABELS)
    labelled = columns(shop, "label")
    assert shop.add(tiny_set).unchanged == 24
    assert columns(shop, "label") == labelled


def test_a_template_holds_the_label(shop: Collection) -> None:
    one = shop.classify(["red square", "blue disc"], template="a {}", column=None)
    other = shop.classify(["a red square", "a blue disc"], column=None)
    assert (one.scores, one.labels) == (other.scores, ("red square", "blue disc"))


def test_texts_are_compared_if_asked_and_where_there_are_no_pictures(make: MakeCollection, tmp_path: Path) -> None:
    rows = ({"id": "a", "text": "a red square"}, {"id": "b", "text": "a blue disc"})
    with make(items_file(tmp_path, *rows)) as collection:
        got = collection.classify(["a red square", "a blue disc"])
        assert dict(zip(got.ids, got.chosen, strict=True)) == {"a": "a red square", "b": "a blue disc"}


def test_items_without_the_side_get_no_label(shop: Collection, tmp_path: Path) -> None:
    shop.add(items_file(tmp_path, {"id": "words", "text": "a dog"}))
    got = shop.classify(LABELS)
    assert (got.unlabelled, got.written) == (1, 24)
    assert columns(shop, "label")["words"] == (None,)
    assert shop.classify(LABELS, against="text", column=None).unlabelled == 0


def test_a_column_of_the_users_stays_unless_it_is_to_be_replaced(shop: Collection) -> None:
    before = columns(shop, "category")
    with pytest.raises(BadSetting, match=r"the column 'category' has other values already: 'disc' for the item 'p0'\."):
        shop.classify(LABELS, column="category")
    assert columns(shop, "category") == before
    got = shop.classify(LABELS, column="category", replace=True)
    assert columns(shop, "category") == {i: (c,) for i, c in zip(got.ids, got.chosen, strict=True)}


def test_where_labels_are_replaced_items_without_one_lose_theirs(shop: Collection, tmp_path: Path) -> None:
    shop.add(items_file(tmp_path, {"id": "words", "text": "a dog", "label": "old"}))
    with pytest.raises(BadSetting, match="'old' for the item 'words'"):
        shop.classify(LABELS)
    shop.classify(LABELS, replace=True)
    assert columns(shop, "label")["words"] == (None,)


class HaltError(Exception):
    """Ends a call in the middle."""


def test_a_call_that_was_ended_continues_where_it_was(shop: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_writing, "AT_ONCE", 10)

    def halt(done: int, total: int, label: str) -> None:
        if label == "items written":
            raise HaltError

    with pytest.raises(HaltError):
        shop.classify(LABELS, progress=halt)
    assert sum(label is not None for (label,) in columns(shop, "label").values()) == 10
    assert shop.classify(LABELS).written == 14
    assert shop.classify(LABELS).written == 0


def test_a_collection_on_its_way_to_another_model_is_not_written(shop: Collection) -> None:
    record = shop.record
    moving = replace(record, next=UpcomingTable("another", "items_2", record.model))
    shop.store.remember(moving.to_json())
    with pytest.raises(BadSetting, match="is moving to another model, which would leave the new columns behind"):
        shop.classify(LABELS)
    assert "label" not in shop.stats()["columns"]


def test_labels_follow_a_move_to_another_model(shop: Collection, runs: tuple[Retriever, Retriever]) -> None:
    shop.classify(LABELS)
    labelled = columns(shop, "label", "label_score")
    shop.reencode(str(runs[1].folder.path))
    assert columns(shop, "label", "label_score") == labelled


def test_pictures_that_may_not_be_read_keep_their_paths(
    make: MakeCollection, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tiny_set).close()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    with Collection.open(tmp_path / "shop") as foreign:
        foreign.classify(LABELS)
    with Collection.open(tmp_path / "shop", pictures_from=[tiny_set]) as allowed:
        assert allowed.items().images[0] == str(tiny_set / "0.png")


def test_a_label_of_unknown_words_is_told(shop: Collection) -> None:
    assert shop.classify(["a red square", "qzxv"], column=None).unknown == ("qzxv",)


def test_an_empty_collection_has_no_labels(make: MakeCollection) -> None:
    got = make().classify(LABELS)
    assert (got.ids, got.counts, got.written) == ((), dict.fromkeys(LABELS, 0), 0)


@given(st.integers(2, 5), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_scores_lie_between_chance_and_one(labels: int, items: int, seed: int) -> None:
    fused = np.random.default_rng(seed).standard_normal((labels, items))
    best, scores = _scored(fused)
    assert best.tolist() == fused.argmax(0).tolist()
    assert ((scores >= 1 / labels - 1e-5) & (scores <= 1)).all()
    np.testing.assert_array_equal(scores, _scored(fused * 8)[1])


def test_equal_similarities_give_every_label_the_same_score() -> None:
    best, scores = _scored(np.ones((4, 3)))
    assert (best.tolist(), scores.tolist()) == ([0, 0, 0], [0.25] * 3)


def test_a_notebook_shows_the_shares_and_the_items(shop: Collection) -> None:
    got = shop.classify(LABELS, column=None)
    page = got._repr_html_()
    assert 'src="data:image/png;base64,iVBOR' in page
    assert "<td>p0</td>" in page
    assert list(got.to_pandas().columns) == ["id", "label", "score"]


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (["cat"], {}, r"classifying needs at least two labels; got 1\. Name them: --labels cat,dog\."),
        (["cat", "dog", "cat"], {}, r"labels must all be different; 'cat' occurs several times\."),
        (["cat", "dog"], {"template": "a photo"}, r"must say where the label stands.*; got 'a photo'\."),
        (["cat", "dog"], {"column": "my label"}, "'my label' cannot be the name of a column"),
        (["cat", "dog"], {"column": "texts"}, "'texts' cannot be the name of a column.*file_name, id, image"),
        (["cat", "dog"], {"against": "sound"}, "compares with the image or the text of items; got 'sound'"),
        (["cat", "dog"], {"fusion": "sum"}, "has no entry 'sum'"),
        (["cat", "dog"], {"fusion": "released"}, "Choose product"),
    ],
)
def test_what_cannot_be_is_refused(shop: Collection, labels: list[str], options: dict[str, str], words: str) -> None:
    classify: Callable[..., Classification] = shop.classify
    with pytest.raises(DiptychError, match=words):
        classify(labels, **options)


def test_an_empty_label_is_refused(shop: Collection) -> None:
    with pytest.raises(BadText, match="the text to search for is empty"):
        shop.classify(["cat", " "])


def test_a_column_of_another_kind_and_one_too_many_are_refused(
    shop: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add(items_file(tmp_path, {"id": "words", "text": "a dog", "price": 3}))
    with pytest.raises(BadSetting, match=r"the column 'price' holds number; got text\. Give it another name\."):
        shop.classify(LABELS, column="price", replace=True)
    monkeypatch.setattr(column_writing, "MOST_COLUMNS_IN_ALL", 3)
    with pytest.raises(BadSetting, match=r"the collection has 2 columns, and at most 3 fit\. Name an existing one\."):
        shop.classify(LABELS)


def test_postgresql_keeps_the_same_labels(
    shop: Collection, postgresql_place: str, run: Retriever, tiny_set: Path
) -> None:
    with Collection.create(postgresql_place, str(run.folder.path)) as there:
        there.add(tiny_set)
        there.classify(LABELS)
        shop.classify(LABELS)
        assert {k: v[0] for k, v in columns(there, "label").items()} == {
            k: v[0] for k, v in columns(shop, "label").items()
        }
        assert found(there, "a red square", k=5) == found(shop, "a red square", k=5)
        assert there.classify(LABELS).written == 0
