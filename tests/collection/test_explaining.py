"""Why an item answers a query: the same figures as its search, and a sentence where it cannot be told."""

from pathlib import Path

import pytest

from diptych.collection import Collection
from diptych.errors import BadSetting, MissingData

from .conftest import QUERY, MakeCollection, items_file


def test_a_text_and_the_picture_of_a_hit_are_explained_with_its_similarities(shop: Collection) -> None:
    for hit in shop.search(QUERY, k=3).hits:
        explanation = shop.explain(hit.id, text=QUERY)
        assert {space.name: space.similarity for space in explanation.spaces} == pytest.approx(hit.spaces, abs=1e-5)
        assert explanation.fused == pytest.approx(hit.similarity, abs=1e-4)
        assert explanation.image == hit.image
    assert explanation.fusion.reference == f"the pictures of {shop.name}"


def test_a_picture_and_the_texts_of_a_hit_are_explained_with_its_similarities(shop: Collection, tiny_set: Path) -> None:
    picture = tiny_set / "17.png"
    hit = shop.search(image=picture, k=1).hits[0]
    explanation = shop.explain(hit.id, image=picture)
    assert explanation.fused == pytest.approx(hit.similarity, abs=1e-4)
    assert explanation.text == "\n".join(hit.texts)
    assert explanation.image == picture
    assert explanation.fusion.reference == f"the texts of {shop.name}"


def test_a_picture_beside_a_picture_has_lit_regions_and_no_words(shop: Collection, tiny_set: Path) -> None:
    for asked, name in (({"like": "p3"}, "the picture of 'p3'"), ({"image": tiny_set / "3.png"}, "the picture that")):
        hit = shop.search(**asked, against="image", k=2).hits[-1]
        explanation = shop.explain(hit.id, **asked, against="image")
        assert {space.name: space.similarity for space in explanation.spaces} == pytest.approx(hit.spaces, abs=1e-5)
        assert explanation.fused == pytest.approx(hit.similarity, abs=1e-4)
        assert explanation.image == hit.image
        assert explanation.held.startswith(name)
        assert (explanation.text, explanation.words) == ("", ())
        for way in explanation.fused_ways.values():
            assert (len(way.image), len(way.words)) == (len(explanation.regions), 0)


def test_a_text_beside_a_text_has_shaded_words_and_no_picture(shop: Collection, tmp_path: Path) -> None:
    hit = shop.search(QUERY, against="text", k=1).hits[0]
    explanation = shop.explain(hit.id, text=QUERY, against="text")
    assert {space.name: space.similarity for space in explanation.spaces} == pytest.approx(hit.spaces, abs=1e-5)
    assert explanation.fused == pytest.approx(hit.similarity, abs=1e-4)
    assert explanation.held == "the text “a red square”"
    assert explanation.as_record()["image"] is None
    assert len(explanation.fused_ways["integrated"].words) == len(explanation.words) > 3
    with pytest.raises(BadSetting, match="a text compared with a text has no picture to draw on"):
        explanation.save(tmp_path / "why.html")


def test_an_item_is_compared_as_a_search_for_more_like_it_does(
    make: MakeCollection, tmp_path: Path, tiny_set: Path
) -> None:
    collection = make(tiny_set, items_file(tmp_path, {"id": "said", "text": "a red square"}))
    hit = collection.search(like="said", k=1).hits[0]
    by_item, by_text = collection.explain(hit.id, like="said"), collection.explain(hit.id, text="a red square")
    assert by_item.fused == pytest.approx(hit.similarity, abs=1e-4)
    assert by_item.as_record() == by_text.as_record()
    by_texts = collection.explain("said", like="p3", against="text")
    assert by_texts.image == tiny_set / "3.png"
    assert by_texts.text == "a red square"


def test_a_picture_beside_a_picture_is_drawn(shop: Collection, tmp_path: Path) -> None:
    explanation = shop.explain("p1", like="p3")
    explanation.save(tmp_path / "why.png")
    explanation.save(tmp_path / "why.html")
    assert "<h1>Compared with the picture of &#x27;p3&#x27;</h1>" in (tmp_path / "why.html").read_text()


def test_a_text_and_a_picture_are_explained_as_if_the_picture_were_found(shop: Collection, tiny_set: Path) -> None:
    given, found = shop.explain(text=QUERY, image=tiny_set / "3.png"), shop.explain("p3", text=QUERY)
    assert given.as_record() == found.as_record()
    for options in ({}, {"like": "p3", "image": tiny_set / "3.png"}, {"image": tiny_set / "3.png", "against": "text"}):
        with pytest.raises(BadSetting, match="without the id of an item, an explanation needs a text and a picture"):
            shop.explain(text=QUERY, **options)


def test_a_picture_that_is_gone_is_named(make: MakeCollection, tmp_path: Path, tiny_set: Path) -> None:
    picture = tmp_path / "shown" / "one.png"
    picture.parent.mkdir()
    picture.write_bytes((tiny_set / "1.png").read_bytes())
    collection = make(picture.parent)
    picture.unlink()
    with pytest.raises(MissingData, match=r"the picture of the item 'one\.png' is gone"):
        collection.explain("one.png", text=QUERY)


def test_an_item_without_the_side_is_named(make: MakeCollection, tmp_path: Path, tiny_set: Path) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "one.png").write_bytes((tiny_set / "1.png").read_bytes())
    collection = make(tmp_path / "shown", items_file(tmp_path, {"id": "said", "text": "a square"}))
    with pytest.raises(MissingData, match=r"the item 'said' has no picture to compare with\. Compare with its texts\."):
        collection.explain("said", text=QUERY, against="image")
    with pytest.raises(
        MissingData, match=r"the item 'one\.png' has no text to compare with\. Compare with its picture"
    ):
        collection.explain("one.png", image=tiny_set / "1.png", against="text")
    assert collection.explain("said", text=QUERY).text == "a square"
    assert collection.explain("one.png", image=tiny_set / "1.png").image == tmp_path / "shown" / "one.png"


def test_what_is_not_there_or_not_asked_is_refused(shop: Collection, tiny_set: Path) -> None:
    with pytest.raises(MissingData, match="the collection has no item 'p99'"):
        shop.explain("p99", text=QUERY)
    with pytest.raises(MissingData, match="the collection has no item 'p98'"):
        shop.explain("p1", like="p98")
    for more in ({"image": tiny_set / "1.png"}, {"like": "p2"}):
        with pytest.raises(BadSetting, match=r"pass exactly one of a text, a picture and the id of another item\."):
            shop.explain("p1", text=QUERY, **more)


def test_a_rule_that_only_ranks_leaves_the_pair_unfused(shop: Collection) -> None:
    explanation = shop.explain("p1", text=QUERY, fusion="rrf")
    assert explanation.fused is None
    assert "cannot score a single pair" in str(explanation.fusion.reference)


def test_where_a_store_searches_the_pair_is_unfused_and_this_is_said(make: MakeCollection, tiny_set: Path) -> None:
    explanation = make(tiny_set, exact_limit=3).explain("p1", text=QUERY)
    assert explanation.fused is None
    assert "are too many to be looked at one by one." in str(explanation.fusion.reference)


def test_the_fused_similarity_of_figures_is_what_a_search_gives(shop: Collection) -> None:
    hit = shop.search(QUERY, k=1).hits[0]
    vector = shop.model.encode("text", [QUERY])[0]
    assert shop.fused(vector, (hit.spaces["visual"], hit.spaces["textual"])) == pytest.approx(hit.similarity, abs=1e-6)
