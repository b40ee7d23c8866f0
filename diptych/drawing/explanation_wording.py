"""What the drawings of an explanation have in common: names, and a record taken apart."""

from collections.abc import Iterator, Mapping
from typing import Any

WAYS = {
    "attention": "Attention",
    "gradient": "Gradient × input",
    "integrated": "Integrated gradients",
    "occlusion": "Occlusion",
}
MEANINGS = {
    "attention": "How much weight the space gives each part. It need not be what moves the similarity.",
    "gradient": "How far the similarity would move with each part, were it to go on as it begins.",
    "integrated": "Each part's share of the similarity, on the way from the mean of all training pairs.",
    "occlusion": "How far the similarity falls when a part by itself gives way to the mean of the training pairs.",
}
ADDS, TAKES = "adds to the similarity", "takes away"

ExplanationRecord = Mapping[str, Any]
"""An explanation as a JSON-able object."""


def views(record: ExplanationRecord) -> Iterator[tuple[str, float | None, Mapping[str, Any]]]:
    """Yield what may be looked at: the fused similarity where there is one, then each space, with its ways."""
    if len(record["spaces"]) > 1 and record["fused"] is not None:
        yield "fused", record["fused"], record["fused_ways"]
    for space in record["spaces"]:
        yield f"{space['name']} space", space["similarity"], space["ways"]


def title_of(record: ExplanationRecord) -> str:
    """Return what stands above an explanation: its text, or without one what its picture was compared with.

    >>> title_of({"text": "a cat"}), title_of({"text": "", "held": "the picture of 'tom'"})
    ('“a cat”', "Compared with the picture of 'tom'")
    """
    return f"“{record['text']}”" if record["text"] else f"Compared with {record['held']}"


def fusion_line(record: ExplanationRecord) -> str:
    """Return in a sentence how the spaces' similarities became one; empty where there is one space.

    >>> fusion_line({"fusion": {"rule": "linear", "weight": 0.25, "reference": "the pictures of shop"}})
    'Fused by linear, with the weight 0.25 for the visual space, normalised over the pictures of shop.'
    """
    fusion = record["fusion"]
    if fusion["rule"] is None:
        return ""
    if record.get("fused", 0.0) is None:
        return f"Not fused: {fusion['reference']}"
    weight = "" if fusion["weight"] is None else f", with the weight {fusion['weight']:.2f} for the visual space"
    return f"Fused by {fusion['rule']}{weight}, normalised over {fusion['reference']}."
