"""Starting models by one word each: what is good today at its size, for a collection without training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from diptych.errors import BadCheckpoint, MissingData, MissingExtra

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class StartingModel:
    """A model that needs no training, under a name of one word."""

    model: str
    """What the name stands for."""
    title: str


STARTING: dict[str, StartingModel] = {
    "siglip2": StartingModel(
        "joint:transformers:google/siglip2-base-patch16-224", "SigLIP 2, base: texts in many languages, about 1.5 GB"
    ),
    "clip": StartingModel("joint:transformers:openai/clip-vit-base-patch32", "CLIP, ViT-B/32: English, about 600 MB"),
    "mobileclip": StartingModel(
        "joint:open-clip:MobileCLIP2-S2/dfndr2b", "MobileCLIP 2, S2: English, for small machines"
    ),
    "conse": StartingModel("conse", "ConSE: the class names that a packaged image network predicts"),
}
"""By name, the best first."""
LAST = "conse"
"""What is packaged, and reachable without a network."""


@dataclass(frozen=True)
class Choice:
    """The best model that could be opened, and why no better one was."""

    name: str
    passed_over: Mapping[str, str]
    """Why a better one could not be opened, by its name."""

    def __str__(self) -> str:
        """Return both, a line each."""
        chosen = f"Model: {self.name} ({STARTING[self.name].title}), the best that is reachable."
        return "\n".join([chosen, *(f"  not {name}: {reason}" for name, reason in self.passed_over.items())])


def spelt_out(model: str) -> str:
    """Return what the name of a starting model stands for; other names stay.

    >>> spelt_out("clip"), spelt_out("runs/mine")
    ('joint:transformers:openai/clip-vit-base-patch32', 'runs/mine')
    """
    return STARTING[model].model if model in STARTING else model


def best_reachable(opens: Callable[[str], Opened]) -> tuple[Opened, Choice]:
    """Return the best starting model that `opens` opens; it raises for one that cannot be reached."""
    passed_over: dict[str, str] = {}
    for name, each in STARTING.items():
        try:
            return opens(each.model), Choice(name, passed_over)
        except (MissingData, MissingExtra, BadCheckpoint) as error:
            passed_over[name] = str(error)
    raise MissingData(f"no starting model can be opened. The last one, {LAST}: {passed_over[LAST]}")
