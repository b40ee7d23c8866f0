"""What a run stands on, and the terms of that: networks that others have trained, and the data."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import diptych
from diptych.data import ROOM as SETS
from diptych.encoders import ROOM as ENCODERS
from diptych.errors import UnknownName
from diptych.rooms import split_name

NOTICED = {
    "efficientnet-lite0": "EfficientNet-Lite", "efficientnet-lite2": "EfficientNet-Lite", "minilm": "all-MiniLM-L6-v2",
    "glove": "GloVe", "openmoji": "OpenMoji pictures",
}  # fmt: skip
"""How the paragraph of NOTICE begins that credits what comes with the installation."""
HUB_NAMES = {"minilm": "sentence-transformers/all-MiniLM-L6-v2"}
"""The names on the model hub of networks that come with the installation."""


def notice() -> str:
    """Return the text of NOTICE; empty if this installation lacks it."""
    try:
        installed = distribution("diptych").read_text("licenses/NOTICE")
    except PackageNotFoundError:
        installed = None
    source = Path(diptych.__file__).parents[1] / "NOTICE"
    return installed or (source.read_text(encoding="utf-8") if source.is_file() else "")


def credit(name: str) -> str:
    """Return the terms of an encoder or a data set: its paragraph in NOTICE, or what its card says."""
    head, argument = split_name(name)
    if head in NOTICED and not argument:
        start = NOTICED[head]
        paragraph = next((each for each in notice().split("\n\n") if each.startswith(start)), "")
        if paragraph:
            return " ".join(paragraph.split())
    room = ENCODERS if head in ENCODERS.names() else SETS
    card = room.cards().get(head)
    if card is None:
        return "terms unknown to diptych"
    return f"{card.title}. Licence: {card.licence or 'that of the data'}"


def base_models(encoders: tuple[str, str]) -> list[str]:
    """Return the names on the model hub of the networks that a run reads with.

    >>> base_models(("transformers:openai/clip-vit-base-patch32", "minilm"))
    ['openai/clip-vit-base-patch32', 'sentence-transformers/all-MiniLM-L6-v2']
    """
    return sorted({name for each in encoders for name in _on_hub(each)})


def _on_hub(encoder: str) -> Iterator[str]:
    head, argument = split_name(encoder)
    name = HUB_NAMES.get(head, argument.removeprefix("hf-hub:"))
    if name.count("/") == 1 and not Path(name).is_absolute():
        yield name


def method_title(name: str) -> str:
    """Return what a method is and where it was published."""
    from diptych.methods import ROOM as METHODS

    try:
        card = METHODS.cards()[name]
    except KeyError:
        raise UnknownName.among("methods", name, METHODS.names()) from None
    return f"{card.title} ({card.paper}, {card.year})" if card.paper else card.title
