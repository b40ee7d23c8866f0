"""What counts as a right answer: an item of the query's category, its partner, or both."""

from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

from diptych.errors import UnknownName

Relevant = Literal["category", "partner", "both"]
"""`category`: items that share a category with the query; without categories, its partners. `partner`: the texts of
the query's own picture, or the picture of its own text. `both`: metrics of both kinds are averaged."""
TextItems = Literal["joined", "each"]
"""`joined`: the texts of a pair form one item, as in the MCSM paper. `each`: every text is an item, as in the
evaluations on Flickr8k and MS-COCO."""


VALIDATION = {
    "category": ("validation_map", "MAP"),
    "partner": ("validation_recall", "mean recall"),
    "both": ("validation_map_and_recall", "mean of MAP and mean recall"),
}
"""The metric that a training watches on validation data: its key in the metrics of an epoch, and its name."""


def relevance(requested: str | None, *, categories: bool) -> Relevant:
    """Return what counts as right: as requested, otherwise by category if there are categories.

    >>> relevance(None, categories=True), relevance(None, categories=False)
    ('category', 'partner')
    >>> relevance("partners", categories=True)
    Traceback (most recent call last):
    diptych.errors.UnknownName: relevance has no entry 'partners'. Did you mean 'partner'?
    """
    return cast("Relevant", _among("relevance", requested, Relevant) or ("category" if categories else "partner"))


def text_items(requested: str | None, relevant: Relevant) -> TextItems:
    """Return what a text item is: as requested, otherwise every text where partners count.

    >>> text_items(None, "category"), text_items(None, "partner"), text_items("joined", "partner")
    ('joined', 'each', 'joined')
    """
    return cast("TextItems", _among("text items", requested, TextItems) or _ITEMS[relevant])


def validated(metrics: Mapping[str, Any]) -> tuple[str, float | None]:
    """Return the name and the value of the metric that was watched in an epoch; None if it was not validated.

    >>> validated({"epoch": 1, "validation_recall": 0.25})
    ('mean recall', 0.25)
    """
    return next((name, metrics[key]) for key, name in VALIDATION.values() if key in metrics)


_ITEMS: dict[Relevant, TextItems] = {"category": "joined", "partner": "each", "both": "each"}


def _among(what: str, requested: str | None, kind: object) -> str | None:
    if requested is not None and requested not in get_args(kind):
        raise UnknownName.among(what, requested, get_args(kind))
    return requested
