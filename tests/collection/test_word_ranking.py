"""Searches that rank by similarity and by the words of texts, fused by rank."""

from pathlib import Path

import pytest

from diptych.collection import Collection, SearchRequest
from diptych.errors import BadSetting
from diptych.retrieval.word_ranking import POOL, K
from diptych.retriever import Retriever

from .conftest import QUERY


def expected_order(shop: Collection, weight: float, *, where: str | None = None) -> list[str]:
    """Return the fused order by its definition, of items that have a picture."""
    by_similarity = [hit.id for hit in shop.search(QUERY, k=1000, where=where).hits]
    by_words = [each for each in shop.table.matching(QUERY, "image", k=1000) if each in by_similarity]
    scores = {
        each: (1 - weight) / (K + 1 + by_similarity.index(each))
        + (weight / (K + 1 + by_words.index(each)) if each in by_words else 0)
        for each in by_similarity
    }
    return sorted(by_similarity, key=lambda each: -scores[each])


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.9])
def test_the_order_is_that_of_the_definition_and_similarities_stay(weight: float, shop: Collection) -> None:
    similar = {hit.id: hit for hit in shop.search(QUERY, k=24).hits}
    hits = shop.search(QUERY, k=24, words=weight).hits
    assert [hit.id for hit in hits] == expected_order(shop, weight)
    for hit in hits:
        assert hit.similarity == pytest.approx(similar[hit.id].similarity, abs=1e-6)
        assert hit.spaces == pytest.approx(similar[hit.id].spaces, abs=1e-6)


def test_a_weight_of_one_finds_what_has_the_words_and_nothing_else(shop: Collection) -> None:
    hits = shop.search("a disc", k=24, words=1.0).hits
    assert hits
    assert all("disc" in " ".join(hit.texts) for hit in hits)
    assert [hit.id for hit in hits] == shop.table.matching("a disc", "image", k=24)
    assert shop.search("zebra", k=24, words=1.0).hits == ()


def test_an_item_far_down_by_similarity_is_found_by_its_words(
    shop: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.retrieval.word_ranking.POOL", 2)
    last = shop.search(QUERY, k=1000).hits[-1]
    shop.add([{"id": last.id, "image": last.image, "texts": [*last.texts, "the xylophone"]}])
    assert last.id not in [hit.id for hit in shop.search(f"{QUERY} xylophone", k=2).hits]
    assert last.id in [hit.id for hit in shop.search(f"{QUERY} xylophone", k=2, words=0.6).hits]


def test_pages_follow_one_another(shop: Collection) -> None:
    whole = [hit.id for hit in shop.search(QUERY, k=24, words=0.5).hits]
    pages = [hit.id for start in range(0, 24, 5) for hit in shop.search(QUERY, k=5, offset=start, words=0.5).hits]
    assert pages == whole
    assert len(whole) < POOL


def test_a_filter_holds_for_both_rankings(shop: Collection) -> None:
    where = "category = 'disc'"
    hits = shop.search(QUERY, k=24, words=0.5, where=where).hits
    assert hits
    assert {hit.categories for hit in hits} == {("disc",)}


def test_many_requests_at_once_are_answered_each_as_alone(shop: Collection) -> None:
    requests = [SearchRequest(QUERY, k=6, words=weight) for weight in (0.0, 0.5, 1.0)] + [SearchRequest("a disc", k=3)]
    together = shop.search_many(requests)
    for request, results in zip(requests, together, strict=True):
        assert not isinstance(results, Exception)
        alone = shop.search(request.text, k=request.k, words=request.words)
        assert [hit.id for hit in results.hits] == [hit.id for hit in alone.hits]


def test_words_without_a_text_or_beyond_their_bounds_are_refused(shop: Collection) -> None:
    with pytest.raises(BadSetting, match=r"words are those of a text, and there is none\. Pass a text, or omit words"):
        shop.search(like="p3", words=0.5)
    with pytest.raises(BadSetting, match=r"the weight of words must lie between 0 and 1; got 1\.5"):
        shop.search(QUERY, words=1.5)


def test_a_store_that_cannot_rank_by_words_says_so(run: Retriever, tiny_set: Path) -> None:
    shop = Collection.create("memory://words", str(run.folder.path))
    shop.add(tiny_set)
    with pytest.raises(BadSetting, match=r"this store cannot rank texts by their words; a folder and PostgreSQL can"):
        shop.search(QUERY, words=0.5)
    assert shop.search(QUERY).hits
