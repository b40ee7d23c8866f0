"""Faithfulness of explanations: whether the parts with high attributions really change the similarity.

Deletion removes the parts of one side in descending order of attribution, and insertion adds them to an empty item in
the same order; a removed part is replaced by the training mean. With s_k the similarity after k of p parts, and a
curve's area the mean of s_k over k/p in [0, 1],

    deletion     area of random orders - area of the method's order
    insertion    area of the method's order - area of random orders

so that values above 0 are better than random, in units of the similarity.

Paper: Petsiuk, Das & Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018.
Differs: regions and words are removed after the networks, not from pixels and characters, unless the pair is traced at
its pixels; random orders are the reference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from diptych.drawing.faithfulness import faithfulness_curves
from diptych.entrance import checks_arguments
from diptych.explaining.attribution import PartScore, ways
from diptych.explaining.explain import ATTENTION
from diptych.explaining.pixels import Pixels
from diptych.explaining.traced_pair import TracedPair
from diptych.modality import Modality

LEVELS = 21
"""Points of a curve, from none of the parts to all of them."""
ORDERS = 10
"""Random orders per pair, for reference."""
RANDOM = "random"
PIXELS = "pixels"
DIRECTIONS = ("deletion", "insertion")


class AuditedSide(NamedTuple):
    """The side whose parts are removed, and the space whose similarity is followed."""

    space: str
    side: str
    """A modality, or `pixels`: those of the picture."""

    @property
    def modality(self) -> Modality:
        """The modality of the side."""
        return "text" if self.side == "text" else "image"


Curves = Mapping[str, Mapping[str, Float[np.ndarray, " l"]]]
"""By attribution method (and `random`), then by direction."""


@dataclass(frozen=True)
class Faithfulness:
    """How much better than random one method orders the parts of one side for the similarity in one space."""

    space: str
    side: str
    way: str
    deletion: float
    deletion_error: float
    """The standard error over pairs."""
    insertion: float
    insertion_error: float


@dataclass(frozen=True)
class Audit:
    """The faithfulness of every attribution method, with its mean curves."""

    rows: tuple[Faithfulness, ...]
    curves: Mapping[AuditedSide, Curves]
    header: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as one JSON-able object."""
        return {**self.header, "rows": [asdict(row) for row in self.rows]}

    @checks_arguments
    def save(self, path: str | Path) -> None:
        """Draw the mean curves of every space and side as a picture or PDF."""
        panels = {
            f"{direction}, {place.space} space, {place.side}": {way: each[direction] for way, each in curves.items()}
            for direction in DIRECTIONS
            for place, curves in self.curves.items()
        }
        faithfulness_curves(panels, Path(path))


def audited(pairs: Iterator[TracedPair], *, header: Mapping[str, Any], seed: int = 0) -> Audit:
    """Return the faithfulness of every method on these pairs, for each space and each side whose parts affect it.

    A pair may come a second time, traced at its pixels: then these are what is removed.
    """
    generator = np.random.default_rng(seed)
    curves: dict[AuditedSide, list[Curves]] = {}
    for pair in pairs:
        for place in _places(pair):
            curves.setdefault(place, []).append(_curves(pair, place, generator))
    rows = tuple(_compared(place, way, each) for place, each in curves.items() for way in each[0] if way != RANDOM)
    means: dict[AuditedSide, Curves] = {
        place: {way: {d: np.mean([one[way][d] for one in each], axis=0) for d in DIRECTIONS} for way in each[0]}
        for place, each in curves.items()
    }
    return Audit(rows, means, header)


def _places(pair: TracedPair) -> list[AuditedSide]:
    """Return the spaces and sides whose parts affect a similarity."""
    closer = isinstance(pair.sides.get("image"), Pixels)
    return [
        AuditedSide(space, PIXELS if closer else side)
        for space in pair.method.spaces
        for side in pair.sides
        if side == "image" or not closer
        if len(pair.sides[side].values) > 1 and pair.standstill(space, side)[0]
    ]


def _curves(pair: TracedPair, place: AuditedSide, generator: np.random.Generator) -> Curves:
    side = pair.sides[place.modality]
    score, values, together = pair.score(place.space, place.modality), side.values, side.together
    orders = {way: _order(attribute(score, values)) for way, attribute in ways(together=together).items()}
    weights = pair.attention(place.space) if pair.read_by(place.space) == place.modality else None
    if weights is not None:
        orders = {ATTENTION: _order(weights), **orders}
    drawn = [_both(score, values, generator.permutation(len(values)), together) for _ in range(ORDERS)]
    random = {direction: np.mean([each[direction] for each in drawn], axis=0) for direction in DIRECTIONS}
    return {way: _both(score, values, order, together) for way, order in orders.items()} | {RANDOM: random}


def _order(values: Float32[np.ndarray, " p"]) -> Int[np.ndarray, " p"]:
    return np.argsort(-values, kind="stable")


def _both(
    score: PartScore, values: Float[Tensor, "p _"], order: Int[np.ndarray, " p"], together: int
) -> dict[str, Float[np.ndarray, " l"]]:
    """Return the similarities along deletion and insertion in an order."""
    rank = torch.from_numpy(np.argsort(order))
    counts = torch.linspace(0, len(order), LEVELS).round()
    inserted = rank[None] < counts[:, None]
    masks = torch.cat([~inserted, inserted])[..., None].to(values)
    with torch.no_grad():
        similarities = torch.cat([score(values * each) for each in torch.split(masks, together)]).double().cpu().numpy()
    return {"deletion": similarities[:LEVELS], "insertion": similarities[LEVELS:]}


def _area(curve: Float[np.ndarray, " l"]) -> float:
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def _compared(place: AuditedSide, way: str, curves: list[Curves]) -> Faithfulness:
    gains = {
        direction: np.array([sign * (_area(one[way][direction]) - _area(one[RANDOM][direction])) for one in curves])
        for direction, sign in zip(DIRECTIONS, (-1, 1), strict=True)
    }
    figures = [float(figure) for gain in gains.values() for figure in (gain.mean(), _error(gain))]
    return Faithfulness(*place, way, *figures)


def _error(gains: Float[np.ndarray, " n"]) -> float:
    return float(gains.std(ddof=1) / len(gains) ** 0.5) if len(gains) > 1 else float("nan")
