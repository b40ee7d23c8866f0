"""Searches and similarities over HTTP: the same as from Python."""

import io
from pathlib import Path

import pytest
from PIL import Image

from diptych.collection import Collection

from .conftest import Made, Running, fault, png


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"k": 24, "fusion": "linear"},
        {"where": "category = 'disc'", "k": 5, "offset": 3},
        {"against": "text"},
        {"not": ["something blue", "a disc"]},
    ],
)
def test_a_search_finds_what_the_collection_finds(shop: Running, made: Made, fields: dict[str, object]) -> None:
    renamed = {"without" if name == "not" else name: value for name, value in fields.items()}
    with Collection.open(str(made.place)) as collection:
        expected = collection.search("a red square", **renamed)  # type: ignore[arg-type]
    answer = shop.search(**fields).json()
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in expected.hits]
    for hit, wanted in zip(answer["hits"], expected.hits, strict=True):
        assert hit["similarity"] == pytest.approx(wanted.similarity, abs=1e-5)
        assert hit["similarities"] == pytest.approx(dict(wanted.spaces), abs=1e-5)
        assert (hit["texts"], hit["categories"]) == (list(wanted.texts), list(wanted.categories))
    offset = int(str(fields.get("offset", 0)))
    assert [hit["rank"] for hit in answer["hits"]] == list(range(offset + 1, offset + 1 + len(expected.hits)))
    assert answer["exact"] is True
    assert answer["total"] == (12 if "where" in fields else 24)


def test_a_picture_is_searched_with(shop: Running, tiny_set: Path) -> None:
    files = {"image": ("3.png", (tiny_set / "3.png").read_bytes(), "image/png")}
    found = shop.client.post("/v1/search", data={"collection": "shop", "against": "image", "k": 1}, files=files).json()
    assert found["hits"][0]["id"] == "p3"
    assert found["hits"][0]["kind"] == "pair"
    both = shop.client.post("/v1/search", data={"collection": "shop", "text": "a disc", "balance": 1}, files=files)
    assert [hit["id"] for hit in both.json()["hits"]] == [
        hit["id"] for hit in shop.search(text="a disc").json()["hits"]
    ]


def test_more_like_an_item_leaves_the_item_out(shop: Running) -> None:
    hits = shop.client.post("/v1/search", data={"collection": "shop", "like": "p3"}).json()["hits"]
    assert len(hits) == 10
    assert "p3" not in [hit["id"] for hit in hits]


def test_an_empty_field_of_a_form_is_no_query(shop: Running) -> None:
    answer = shop.client.post("/v1/search", data={"collection": "shop", "text": "", "like": ""})
    assert answer.status_code == 422
    assert fault(answer)["message"].startswith("a search needs a text, an image or the id of an item")


def test_the_thumbnail_of_a_hit_is_a_small_picture_that_is_not_sent_twice(shop: Running) -> None:
    url = shop.search().json()["hits"][0]["thumbnail"]
    first = shop.client.get(url, params={"side": 128})
    assert first.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(first.content)) as image:
        assert image.size == (48, 48)
    assert "max-age" in first.headers["cache-control"]
    again = shop.client.get(url, params={"side": 128}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert shop.client.get(url, params={"side": 256}).headers["etag"] != first.headers["etag"]
    assert shop.client.get(url, params={"side": 130}).status_code == 422


def test_the_similarity_of_a_pair_is_that_of_the_hit(shop: Running, tiny_set: Path) -> None:
    hit = shop.search(k=1).json()["hits"][0]
    picture = (tiny_set / f"{hit['id'][1:]}.png").read_bytes()
    ask = {"text": "a red square", "collection": "shop"}
    answer = shop.client.post("/v1/similarity", data=ask, files={"image": picture}).json()
    assert answer["similarity"] == pytest.approx(hit["similarity"], abs=1e-3)
    assert answer["similarities"] == pytest.approx(hit["similarities"], abs=1e-3)
    ask = {"text": "a red square", "model": "first"}
    alone = shop.client.post("/v1/similarity", data=ask, files={"image": picture}).json()
    assert alone["similarities"] == pytest.approx(answer["similarities"], abs=1e-6)
    assert alone["similarity"] is None


def test_a_rule_that_only_ranks_says_nothing_of_one_pair(shop: Running) -> None:
    ask = {"text": "a red square", "collection": "shop", "fusion": "rrf"}
    assert shop.client.post("/v1/similarity", data=ask, files={"image": png()}).json()["similarity"] is None


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"text": " "}, 422, "the text to search for is empty. Write a few words."),
        ({"collection": "shoe"}, 404, "there is no collection 'shoe'. Served collections: shop."),
        ({"fusion": "prodct"}, 422, "fusion has no entry 'prodct'. Did you mean 'product'?"),
        ({"where": "colour = 'red'"}, 422, "colour"),
        ({"where": "category = "}, 422, ""),
        ({"k": 0}, 422, "k: input should be greater than or equal to 1"),
        ({"k": "many"}, 422, "k: input should be a valid integer"),
        ({"k": 500}, 422, "k may be at most 200"),
        ({"offset": 10**6}, 422, "k + offset at most 10,000"),
        ({"balance": 2}, 422, "balance: input should be less than or equal to 1"),
        ({"against": "sound"}, 422, "against: input should be 'image' or 'text'"),
        ({"like": "p99"}, 404, "the collection has no item 'p99'"),
        ({"text": "a" * 10_001}, 422, "the text has 10,001 characters; at most 10,000 are accepted. Shorten it."),
        ({"not": ["a"] * 21}, 422, "at most 20 texts can be excluded; got 21."),
    ],
)
def test_a_request_that_cannot_be_met_says_why(
    shop: Running, fields: dict[str, object], status: int, message: str
) -> None:
    answer = shop.search(**fields)
    assert answer.status_code == status
    assert message in fault(answer)["message"]


def test_similarity_wants_one_of_a_collection_and_a_model(shop: Running) -> None:
    for names in ({}, {"collection": "shop", "model": "first"}):
        answer = shop.client.post("/v1/similarity", data={"text": "a", **names}, files={"image": png()})
        assert fault(answer)["message"] == "name either a collection or a model."
    answer = shop.client.post("/v1/similarity", data={"text": "a", "model": "last"}, files={"image": png()})
    assert answer.status_code == 404
    assert fault(answer)["message"] == "there is no model 'last'. Served models: first."
