"""What a search asks for, and what it refuses to ask for."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diptych.errors import BadSetting
from diptych.request_fields import options_of
from diptych.search_request import SearchRequest
from diptych.settings import field_docs


def test_every_field_of_a_request_says_what_it_is() -> None:
    docs = field_docs(SearchRequest)
    assert docs.keys() == {each.name for each in fields(SearchRequest)}
    assert all(doc.endswith(".") for doc in docs.values())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"without": ["a"]}, "a search needs a text, an image or the id of an item; pass at least one."),
        ({"like": "a", "against": "sound"}, "a search compares with the image or the text of items; got 'sound'."),
        ({"like": "a", "balance": -0.1}, "the text's weight must lie between 0 and 1; got -0.1."),
        ({"like": "a", "k": 0}, "k must be at least 1 and offset at least 0; got 0 and 0."),
        ({"like": "a", "offset": -1}, "k must be at least 1 and offset at least 0; got 10 and -1."),
    ],
)
def test_an_impossible_request_is_refused_in_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        SearchRequest(**options)
    assert str(refusal.value) == sentence


def test_a_request_stays_as_it_was_made() -> None:
    unwanted = ["a disc"]
    request = SearchRequest("a square", without=unwanted)
    unwanted.append("a square")
    assert request.without == ("a disc",)
    assert hash(request) == hash(SearchRequest("a square", without=("a disc",)))
    with pytest.raises(FrozenInstanceError):
        request.k = 3  # type: ignore[misc]


def unchecked(**options: Any) -> SearchRequest:
    """Return a request made as outside of the tests, where no annotation is checked before the request does it."""
    request = object.__new__(SearchRequest)
    for each in fields(SearchRequest):
        object.__setattr__(request, each.name, options.get(each.name, each.default))
    request.__post_init__()
    return request


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text": 5}, "text must be a text or None; got 5."),
        ({"like": 5}, "like must be a text or None; got 5."),
        ({"text": "a", "where": 3}, "where must be a text or None; got 3."),
        ({"text": "a", "k": 1.5}, "k must be a whole number; got 1.5."),
        ({"text": "a", "k": "3"}, "k must be a whole number; got '3'."),
        ({"text": "a", "k": True}, "k must be a whole number; got True."),
        ({"text": "a", "offset": None}, "offset must be a whole number; got None."),
        ({"text": "a", "balance": "x"}, "balance must be a number; got 'x'."),
        ({"text": "a", "balance": float("nan")}, "the text's weight must lie between 0 and 1; got nan."),
        ({"text": "a", "without": [1]}, "without must be a text or a list of texts; got [1]."),
        ({"text": "a", "fusion": ["product"]}, "fusion must be a text or None; got ['product']."),
    ],
)
def test_a_value_of_another_type_is_refused_in_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        unchecked(**options)
    assert str(refusal.value) == sentence


def test_a_request_takes_what_a_person_would_pass() -> None:
    assert SearchRequest("a", without="blue").without == ("blue",)
    assert SearchRequest(image="a.png").image == Path("a.png")
    assert SearchRequest(image=b"abc").title == b"abc"
    request = unchecked(text="a", k=np.int64(3), balance=np.float32(0.5))
    assert request == SearchRequest("a", k=3)
    assert type(request.k) is int


def test_a_request_is_headed_by_its_text_else_its_picture_else_its_item() -> None:
    assert SearchRequest("a", image=Path("b.png"), like="c").title == "a"
    assert SearchRequest(image=Path("b.png"), like="c").title == Path("b.png")
    assert SearchRequest(like="c").title == "like c"


def test_the_options_of_a_request_have_the_names_that_they_have_outside() -> None:
    flags = {option.name: option.flag for option in options_of(SearchRequest)}
    assert (flags["text"], flags["without"], flags["k"]) == ("--text", "--not", "-k")
    assert [option.name for option in options_of(SearchRequest) if option.repeats] == ["without"]
    assert [option.name for option in options_of(SearchRequest) if option.is_picture] == ["image"]
