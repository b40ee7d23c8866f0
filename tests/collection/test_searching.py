"""Searching a collection: by text, picture, item and what is unwanted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from diptych.collection import Collection, EmbeddedRequest, SearchRequest, contents_of
from diptych.collection.model import EmbeddingModel
from diptych.errors import BadText, MissingData, UnknownName
from diptych.fusion import rrf
from diptych.index.lance.table import LanceTable
from diptych.retriever import Retriever

from .conftest import QUERY, MakeCollection, found, items_file


@pytest.mark.parametrize("fusion", ["product", "linear", "geometric", "zscore", "rrf"])
def test_a_collection_finds_what_the_run_finds_in_its_data_set(shop: Collection, run: Retriever, fusion: str) -> None:
    expected = run.search(text=QUERY, k=24, fusion=fusion).hits
    hits = shop.search(QUERY, k=24, fusion=fusion).hits
    assert {hit.id for hit in hits} == {hit.id for hit in expected}
    similar = {hit.id: hit.similarity for hit in expected}
    np.testing.assert_allclose([hit.similarity for hit in hits], sorted(similar.values(), reverse=True), atol=1e-5)
    for hit in hits:
        assert hit.similarity == pytest.approx(similar[hit.id], abs=1e-5)
        assert set(hit.spaces) == {"visual", "textual"}


def test_a_picture_finds_the_items_whose_texts_fit_it(shop: Collection, run: Retriever, tiny_set: Path) -> None:
    expected = run.search(image=tiny_set / "3.png", k=24).hits
    hits = shop.search(image=tiny_set / "3.png", k=24).hits
    similar = {hit.id: hit.similarity for hit in expected}
    for hit in hits:
        assert hit.similarity == pytest.approx(similar[hit.id], abs=1e-5)


def test_a_collection_embeds_pictures_and_texts_as_its_run_does(
    shop: Collection, run: Retriever, tiny_set: Path
) -> None:
    pictures = [tiny_set / "3.png", tiny_set / "17.png"]
    sides = (shop.encode_image(pictures), run.encode_image(pictures)), (shop.encode_text(QUERY), run.encode_text(QUERY))
    for own, its in sides:
        assert own.keys() == its.keys()
        for space in own:
            np.testing.assert_allclose(own[space], its[space], atol=1e-6)
    np.testing.assert_allclose(shop.similarity(pictures, QUERY), run.similarity(pictures, QUERY), atol=1e-6)
    (hit,) = shop.search(QUERY, k=1).hits
    assert hit.image is not None
    mean = sum(hit.spaces.values()) / len(hit.spaces)
    assert float(shop.similarity(hit.image, QUERY)[0, 0]) == pytest.approx(mean, abs=1e-5)


def test_rows_in_memory_become_items_with_their_pictures_and_columns(make: MakeCollection, tiny_set: Path) -> None:
    with Image.open(tiny_set / "3.png") as image:
        picture = image.convert("RGB")
    rows = [
        {"id": "p3", "image": picture, "caption": "a square", "year": 2010, "label": "x"},
        {"image": tiny_set / "4.png", "text": "a disc"},
        {"id": "words", "text": "only words", "year": None},
        {"text": "no id"},
        {"id": "gone", "image": tiny_set / "gone.png", "text": "a picture that is not there"},
        {"id": "odd", "image": 5},
    ]
    empty = make(name="mine")
    added = empty.add(rows)
    assert (added.added, added.rejected) == (3, 3)
    assert set(empty.ids()) == {"p3", str(tiny_set / "4.png"), "words"}
    assert empty.ids(where="year = 2010 and label = 'x'") == ["p3"]
    assert found(empty, image=tiny_set / "3.png", against="image", k=1) == ["p3"]
    assert empty.add(pd.DataFrame(rows[:1])).unchanged == 1


def test_a_picture_finds_itself_among_pictures(shop: Collection, tiny_set: Path) -> None:
    assert found(shop, image=tiny_set / "3.png", against="image", k=1) == ["p3"]


def test_the_store_and_the_scan_answer_alike(make: MakeCollection, tiny_set: Path, shop: Collection) -> None:
    by_store = make(tiny_set, name="large", exact_limit=0)
    assert by_store.stats()["search"] == {"image": "exact, by the store", "text": "exact, by the store"}
    assert shop.stats()["search"]["image"] == "exact, all items scanned"
    for options in ({"k": 24}, {"k": 3, "where": "category = 'disc'"}, {"k": 5, "against": "text"}):
        one, other = (c.search(QUERY, **options).hits for c in (shop, by_store))
        assert [hit.id for hit in one] == [hit.id for hit in other]
        np.testing.assert_allclose([h.similarity for h in one], [h.similarity for h in other], atol=1e-9)


def test_a_filter_leaves_items_out_and_changes_no_similarity(shop: Collection) -> None:
    everything = {hit.id: hit.similarity for hit in shop.search(QUERY, k=24).hits}
    discs = shop.search(QUERY, k=12, where="category = 'disc'").hits
    assert len(discs) == 12
    assert {hit.categories for hit in discs} == {("disc",)}
    assert all(hit.similarity == everything[hit.id] for hit in discs)


def test_pages_laid_side_by_side_are_the_whole(shop: Collection) -> None:
    pages = [found(shop, QUERY, k=5, offset=offset) for offset in (0, 5, 10, 15, 20)]
    assert [item for page in pages for item in page] == found(shop, QUERY, k=24)


def test_the_balance_goes_from_picture_to_text(shop: Collection, tiny_set: Path) -> None:
    picture = tiny_set / "3.png"
    by_text, by_image = found(shop, QUERY, k=24), found(shop, image=picture, against="image", k=24)
    assert found(shop, QUERY, image=picture, balance=1.0, k=24) == by_text
    assert found(shop, QUERY, image=picture, balance=0.0, k=24) == by_image
    assert found(shop, QUERY, image=picture, k=24) not in (by_text, by_image)


def test_what_is_unwanted_is_taken_away(shop: Collection) -> None:
    plain = {hit.id: hit.spaces["visual"] for hit in shop.search(QUERY, k=24).hits}
    same = {hit.id: hit.spaces["visual"] for hit in shop.search(QUERY, without=[QUERY], k=24).hits}
    for item, similarity in plain.items():
        assert same[item] == pytest.approx(similarity / 2, abs=1e-6)


def test_more_like_an_item_leaves_the_item_out(shop: Collection, tiny_set: Path) -> None:
    like = found(shop, like="p3", k=5)
    assert "p3" not in like
    assert ["p3", *like] == found(shop, image=tiny_set / "3.png", against="image", k=6)


def test_a_collection_of_texts_alone_is_searched_by_texts(make: MakeCollection, tmp_path: Path) -> None:
    texts = ["red square", "blue disc", "a number"]
    path = items_file(tmp_path, *({"id": str(k), "text": text} for k, text in enumerate(texts)))
    collection = make(path)
    assert found(collection, "blue disc", k=1) == ["1"]
    assert collection.search("blue disc", k=1).hits[0].image is None


def test_an_empty_collection_finds_nothing(make: MakeCollection) -> None:
    assert found(make(), QUERY) == []


def test_the_credit_of_a_data_set_stands_below_its_hits(tmp_path: Path, run: Retriever) -> None:
    collection = Collection.create(str(tmp_path / "c"), str(run.folder.path))
    credit = {"id": "a", "text": "a cat", "attribution": "By Ann."}
    collection.add(str(items_file(tmp_path, credit, {"id": "b", "text": "a dog"})))
    results = collection.search("a cat")
    assert results.attribution == "By Ann."
    assert all("attribution" not in hit.metadata for hit in results.hits)


def test_above_the_exact_limit_the_index_keeps_its_promise(make: MakeCollection, tmp_path: Path) -> None:
    words = ("red", "blue", "square", "disc", "drawn", "number", "old", "tall")
    rows = [{"id": str(k), "text": " ".join(words[int(digit)] for digit in f"{k:04o}")} for k in range(600)]
    collection = make(items_file(tmp_path, *rows), exact_limit=100, recall=0.9)
    collection.compact()
    tuned = collection.record.tuned["text"]
    assert (tuned.recall or 0) >= 0.9
    assert tuned.items == 600
    exact = make(items_file(tmp_path, *rows), name="exact")
    ways = {one.stats()["search"]["text"].split(",")[0] for one in (collection, exact)}
    if tuned.effort is not None:
        assert ways == {"approximate", "exact"}
    hits, true = (found(c, "red square", k=10) for c in (collection, exact))
    assert len(set(hits) & set(true)) >= 8


def test_where_no_effort_keeps_the_promise_all_items_are_scanned(
    make: MakeCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": str(k), "text": f"{'red' if k % 2 else 'blue'} square {k}"} for k in range(600)]
    collection = make(items_file(tmp_path, *rows), exact_limit=100, recall=1.0)
    exact = make(items_file(tmp_path, *rows), name="exact")
    monkeypatch.setattr(LanceTable, "efforts", ())
    collection.compact()
    assert collection.record.tuned["text"].effort is None
    assert collection.stats()["search"]["text"] == "exact, all items scanned"
    assert found(collection, "red square", k=10) == found(exact, "red square", k=10)


def test_a_fusion_that_no_index_serves_is_scanned_above_the_exact_limit(
    make: MakeCollection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddingModel, "rule", lambda self, name=None: rrf.Rule())
    path = items_file(tmp_path, *({"id": f"{k:02}", "text": f"a disc number {k}"} for k in range(40)))
    collection, exact = make(path, exact_limit=20), make(path, name="exact")
    collection.compact()
    assert collection.stats()["search"]["text"] == "exact, all items scanned"
    assert found(collection, "a disc number 7", k=3) == found(exact, "a disc number 7", k=3)


def test_half_precision_takes_less_room_and_finds_the_same(
    make: MakeCollection, tiny_set: Path, shop: Collection
) -> None:
    half = make(tiny_set, name="half", half=True)
    one, other = (c.search(QUERY, k=24).hits for c in (shop, half))
    similar = {hit.id: hit.similarity for hit in other}
    for hit in one:
        assert similar[hit.id] == pytest.approx(hit.similarity, abs=5e-3)


def test_a_hundred_searches_at_once_find_what_each_finds_alone(shop: Collection, tiny_set: Path) -> None:
    requests = [SearchRequest(QUERY, k=1 + n, offset=n % 3, without=["a disc"] * (n % 2)) for n in range(12)]
    requests += [SearchRequest(like="p3", where="category = 'disc'"), SearchRequest(image=tiny_set / "3.png")]
    requests += [SearchRequest(" "), SearchRequest(like="nobody"), SearchRequest(QUERY, where="colour = 'red'")]
    answers = shop.search_many(requests)
    for request, answer in zip(requests[:-3], answers, strict=False):
        (alone,) = shop.search_many([request])
        assert answer == alone
    assert [type(answer) for answer in answers[-3:]] == [BadText, MissingData, UnknownName]


def test_vectors_made_before_are_searched_with_and_those_of_another_model_are_not(shop: Collection) -> None:
    request, other = SearchRequest(QUERY, without=["a disc"], k=24), SearchRequest("a blue disc", without=[QUERY], k=24)
    vectors = [shop.model.encode(side, [item])[0] for side, item in contents_of(other)]
    own, foreign = (EmbeddedRequest(request, digest, vectors) for digest in (shop.model.digest, "another"))
    by_own, by_foreign = (answer.hits for answer in shop.search_embedded([own, foreign]))
    assert by_own == shop.search("a blue disc", without=[QUERY], k=24).hits
    assert by_foreign == shop.search(QUERY, without=["a disc"], k=24).hits
