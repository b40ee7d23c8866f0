"""The two kinds of things that are compared: pictures and texts, always in this order."""

from typing import Literal

Modality = Literal["image", "text"]

MODALITIES: tuple[Modality, Modality] = ("image", "text")


def other(modality: Modality) -> Modality:
    """Return the opposite modality.

    >>> other("image")
    'text'
    """
    return "text" if modality == "image" else "image"
