"""A record of an explanation, as small as it can be."""

from typing import Any

BOXES = [
    {"left": 0.0, "top": 0.0, "right": 30.0, "bottom": 40.0},
    {"left": 30.0, "top": 0.0, "right": 60.0, "bottom": 40.0},
]


def record(text: str = "a <b>cat</b>", **changes: Any) -> dict[str, Any]:
    words = [{"text": "a", "start": 0, "end": 1}, {"text": "<b>cat</b>", "start": 2, "end": 12}]
    moved = {"image": [-0.5, 1.0], "words": [0.1, 0.2]}
    attention = {"image": [0.25, 0.75], "words": [], "reason": "The visual space does not attend to words."}
    ways = {"attention": attention, "gradient": moved, "integrated": moved, "occlusion": moved}
    both = {**ways, "attention": {"image": [0.25, 0.75], "words": [0.9, 0.1]}}
    return {
        "image": {"width": 60, "height": 40, "regions": BOXES},
        "text": text,
        "words": words,
        "fused": 1.25,
        "fusion": {"rule": "linear", "weight": 0.25, "reference": "the pictures of a shop"},
        "spaces": [{"name": name, "similarity": 0.5, "ways": ways} for name in ("visual", "textual")],
        "fused_ways": both,
        "attribution": "Drawn by its authors",
        **changes,
    }
