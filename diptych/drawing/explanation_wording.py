"""Wording shared by the drawings of an explanation."""

from collections.abc import Iterator, Mapping
from typing import Any

WAYS = {
    "attention": "Attention",
    "gradient": "Gradient × input",
    "integrated": "Integrated gradients",
    "occlusion": "Occlusion",
    "pixel-gradient": "Pixels: gradient × input",
    "pixel-integrated": "Pixels: integrated gradients",
    "pixel-occlusion": "Pixels: occlusion",
}
MEANINGS = {
    "attention": "The weight that the space gives each part. It need not reflect the effect on the similarity.",
    "gradient": "The first-order effect of each part on the similarity.",
    "integrated": "Each part's share of the change in similarity from the training mean.",
    "occlusion": "How much the similarity drops when a part alone is replaced by the training mean.",
    "pixel-gradient": "The first-order effect of each cell of pixels on the similarity, through the image network.",
    "pixel-integrated": "Each cell's share of the change in similarity from a picture of the network's mean colour.",
    "pixel-occlusion": "How much the similarity drops when a cell alone takes the network's mean colour.",
}
PIXELS = "pixel-"
"""What precedes the names of ways whose scores are of cells of pixels."""
CELLS, REGIONS = "cells", "regions"
ADDS, TAKES = "raises the similarity", "lowers it"

ExplanationRecord = Mapping[str, Any]
"""An explanation as a JSON-able object."""


def views(record: ExplanationRecord) -> Iterator[tuple[str, float | None, Mapping[str, Any]]]:
    """Yield the views: the fused similarity, if there is one, then each space, with their attributions."""
    if len(record["spaces"]) > 1 and record["fused"] is not None:
        yield "fused", record["fused"], record["fused_ways"]
    for space in record["spaces"]:
        yield f"{space['name']} space", space["similarity"], space["ways"]


def boxed(way: str) -> str:
    """Return whether a way scores `regions` or `cells` of a picture: the key of their boxes in a record."""
    return CELLS if way.startswith(PIXELS) else REGIONS


def title_of(record: ExplanationRecord) -> str:
    """Return the title of an explanation: its text, or else what its picture was compared with.

    >>> title_of({"text": "a cat"}), title_of({"text": "", "held": "the picture of 'tom'"})
    ('“a cat”', "Compared with the picture of 'tom'")
    """
    return f"“{record['text']}”" if record["text"] else f"Compared with {record['held']}"


def fusion_line(record: ExplanationRecord) -> str:
    """Return a sentence about the fusion; empty with a single space.

    >>> fusion_line({"fusion": {"rule": "linear", "weight": 0.25, "reference": "the pictures of shop"}})
    'Fused by linear, with weight 0.25 on the visual space, normalised over the pictures of shop.'
    """
    fusion = record["fusion"]
    if fusion["rule"] is None:
        return ""
    if record.get("fused", 0.0) is None:
        return f"Not fused: {fusion['reference']}"
    weight = "" if fusion["weight"] is None else f", with weight {fusion['weight']:.2f} on the visual space"
    return f"Fused by {fusion['rule']}{weight}, normalised over {fusion['reference']}."
