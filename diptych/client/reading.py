"""Convert the JSON of answers into what the client returns."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from diptych.client.answers import Attribution, Explained, Hit, InSpace, Region, SearchAnswer, Word

R = TypeVar("R")


def made(kind: type[R], values: Mapping[str, Any]) -> R:
    """Return a dataclass filled from an answer; unknown fields are ignored.

    >>> made(Word, {"text": "cat", "start": 2, "end": 5, "colour": "black"})
    Word(text='cat', start=2, end=5)
    """
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in known})


def search_answer(answer: Mapping[str, Any]) -> SearchAnswer:
    """Return the results of a search."""
    return made(SearchAnswer, {**answer, "hits": [made(Hit, hit) for hit in answer["hits"]]})


def explained(answer: Mapping[str, Any]) -> Explained:
    """Return an explanation."""
    image = answer["image"] or {"width": 0, "height": 0, "regions": []}
    spaces = [InSpace(each["name"], each["similarity"], _ways(each["ways"])) for each in answer["spaces"]]
    parts = {
        "width": image["width"],
        "height": image["height"],
        "regions": [made(Region, region) for region in image["regions"]],
        "words": [made(Word, word) for word in answer["words"]],
        "spaces": spaces,
        "fused_ways": _ways(answer["fused_ways"]),
    }
    return made(Explained, {**answer, **parts})


def _ways(ways: Mapping[str, Mapping[str, Any]]) -> dict[str, Attribution]:
    return {name: made(Attribution, way) for name, way in ways.items()}
