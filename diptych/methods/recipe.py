"""The training recipe of a method that learns by gradient."""

from dataclasses import dataclass, replace
from typing import Literal

from diptych.errors import BadSetting


@dataclass(frozen=True)
class Recipe:
    """Settings of the training loop, chosen by a method's preset."""

    epochs: int = 20
    """Passes over the training texts, unless early stopping ends them."""
    min_steps: int = 0
    """Raise the epochs until they have this many steps, for small data; 0 keeps them. Setting `training.epochs` sets
    this to 0, unless it is set too."""
    batch: int = 100
    """Pairs per step; an incomplete last batch is dropped unless it is the only one."""
    chunk: int = 0
    """Pairs that are embedded at a time, for large batches in little memory; each is embedded again for its gradients,
    with the same result. 0 embeds the whole batch at once."""
    optimiser: Literal["adamw", "rmsprop"] = "adamw"
    """`rmsprop` is the authors' (alpha .99, eps 1e-8)."""
    learning_rate: float = 1e-3
    """The highest rate of the schedule."""
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    """`one-cycle` warms up over a tenth of the steps and then falls along a cosine."""
    weight_decay: float = 0.01
    """Decoupled weight decay (adamw only)."""
    clip: float = 5.0
    """Maximum norm of the whole gradient; 0 disables clipping."""
    patience: int = 0
    """Stop after this many validations without improvement; 0 runs all epochs."""
    validate_every: int = 1
    """Epochs between two validations."""
    keep: Literal["best", "last"] = "best"
    """The weights that the run keeps: the best on validation or the last."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "learning_rate", "validate_every"):
            if not getattr(self, name) > 0:
                raise BadSetting(
                    f"training.{name} must be above 0; got {getattr(self, name)}. Set it with --set training.{name}=..."
                )
        for name in ("min_steps", "chunk", "weight_decay", "clip", "patience"):
            if getattr(self, name) < 0:
                raise BadSetting(f"training.{name} must not be negative; got {getattr(self, name)}. 0 turns it off.")

    def steps(self, texts: int) -> int:
        """Return the steps of an epoch over so many texts."""
        return max(1, texts // self.batch)

    def lengthened(self, texts: int) -> "Recipe":
        """Return the recipe with as many epochs over so many texts as `min_steps` needs.

        >>> Recipe(epochs=8, batch=400, min_steps=120).lengthened(800).epochs
        60
        """
        return replace(self, epochs=max(self.epochs, -(-self.min_steps // self.steps(texts))))
