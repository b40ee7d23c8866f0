"""From a method and one pair to its explanation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from diptych.data.addresses import Picture
from diptych.data.features import Encoded
from diptych.data.pictures import upright_size
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import encoded_queries, joined_texts
from diptych.errors import BadSetting
from diptych.explaining.attribution import Score, gradient, integrated, occlusion
from diptych.explaining.explanation import Explanation, InSpace, Way
from diptych.explaining.fusing import Fusing, fused
from diptych.explaining.places import over_parts
from diptych.explaining.sides import NAMES, Places, Traced, places_of_regions, places_of_words
from diptych.methods.contract import Method, TraceableMethod

MOVING: Mapping[str, Callable[..., Float32[np.ndarray, " p"]]] = {
    "gradient": gradient,
    "integrated": integrated,
    "occlusion": occlusion,
}
"""Ways that ask what moves a score."""
ATTENTION = "attention"
OTHER = {"image": "text", "text": "image"}


@dataclass(frozen=True)
class Pair:
    """A picture and a text as one method compares them."""

    method: TraceableMethod
    sides: Mapping[str, Traced]
    """By modality."""

    @classmethod
    def of(cls, method: Method, image: tuple[Encoded, Encoder], text: tuple[Encoded, Encoder]) -> "Pair":
        """Return the pair of one encoded picture and one encoded text; `BadSetting` where a method cannot be traced."""
        if not isinstance(method, TraceableMethod):
            raise BadSetting(f"{type(method).__name__} does not tell how it compares. Explain a run of mcsm.")
        sides = {
            modality: Traced.of(method, modality, encoded, sums_parts=encoder.sums_parts)
            for modality, (encoded, encoder) in (("image", image), ("text", text))
        }
        if isinstance(method, torch.nn.Module):
            method.eval()
        return cls(method, sides)

    def vectors(self, space: str, modality: str) -> Float[Tensor, "1 d_s"]:
        """Return where a space puts one side, as it is."""
        with torch.no_grad():
            return self.method.compared(space, modality, self.sides[modality].scaled).vectors

    def similarity(self, space: str) -> float:
        """Return the similarity that a search gives the pair in a space."""
        return float((self.vectors(space, "image") * self.vectors(space, "text")).sum())

    def score(self, space: str, modality: str) -> Score:
        """Return a space's similarity as a function of one side's parts, the other side held as it is."""
        other = self.vectors(space, OTHER[modality])[0]

        def score(values: Float[Tensor, "b p _"]) -> Float[Tensor, " b"]:
            # the LSTMs of cuDNN have no gradient outside of training
            with torch.backends.cudnn.flags(enabled=False):
                return self.method.compared(space, modality, self.sides[modality].side(values)).vectors @ other

        return score

    def fused_score(self, fusing: Fusing, modality: str) -> Score:
        """Return the fused similarity as a function of one side's parts, the other side held as it is."""
        scores = [self.score(space, modality) for space in self.method.spaces]
        if fusing.served is None:
            return scores[0]
        served = fusing.served
        return lambda values: fused(served, *(score(values) for score in scores))

    def attention(self, space: str) -> Float32[np.ndarray, " p"] | None:
        """Return a space's attention over the parts that it reads, zero on those behind its longest sequence."""
        modality = self.method.reads(space)
        if modality is None:
            return None
        side = self.sides[modality]
        with torch.no_grad():
            weights = self.method.compared(space, modality, side.scaled).weights
        if weights is None:
            return None
        found, pools, count = weights[0].float().cpu().numpy(), self.method.pools(space), len(side.values)
        read = min(count, len(found) * int(np.prod(pools, dtype=int)))
        return np.pad(over_parts(found, pools, count=read), (0, count - read)).astype(np.float32)

    def standstill(self, space: str, modality: str) -> tuple[bool, str | None]:
        """Return whether a side's parts move a space's similarity, and what does not move with them, or why not."""
        side, name = self.sides[modality], NAMES[modality]
        if side.follows:
            return True, None
        if self.method.reads(space) != modality:
            return (
                False,
                f"The whole {modality} vector, which alone the {space} space compares, does not follow from {name}.",
            )
        bare = side.scaled.__class__(torch.zeros_like(side.scaled.whole), side.scaled.parts, side.scaled.mask)
        with torch.no_grad():
            idle = torch.equal(self.method.compared(space, modality, bare).vectors, self.vectors(space, modality))
        return True, None if idle else f"The whole {modality} vector does not follow from {name} and is held as it is."


def explain_pair(
    method: Method,
    encoders: Mapping[str, Encoder],
    image: Picture,
    texts: Sequence[str],
    *,
    fusing: Callable[[Pair], Fusing],
    attribution: str = "",
) -> Explanation:
    """Return why a picture and some texts (which are one item) are as similar as they are.

    `fusing` says how the pair's similarities become one.
    """
    seen, read = encode_pair(encoders, image, texts)
    pair = Pair.of(method, (seen, encoders["image"]), (read, encoders["text"]))
    width, height = upright_size(image)
    places = {
        "image": places_of_regions(seen, encoders["image"], width=width, height=height),
        "text": places_of_words(read, encoders["text"], texts),
    }
    by = fusing(pair)
    similarities = [pair.similarity(space) for space in pair.method.spaces]
    return Explanation(
        image,
        width,
        height,
        places["image"].boxes,
        "\n".join(texts),
        places["text"].words,
        _fused_similarity(by, similarities),
        by,
        tuple(
            InSpace(space, similarity, _ways_of_space(pair, space, places))
            for space, similarity in zip(pair.method.spaces, similarities, strict=True)
        ),
        _fused_ways(pair, by, places),
        attribution=attribution,
    )


def encode_pair(encoders: Mapping[str, Encoder], image: Picture, texts: Sequence[str]) -> tuple[Encoded, Encoded]:
    """Return a picture and some texts, which are one item, encoded."""
    seen = encoded_queries(encoders["image"], [encoders["image"].prepare(image)])
    read = encoded_queries(encoders["text"], [encoders["text"].prepare(text) for text in texts])
    return seen, joined_texts(read, np.zeros(len(texts), dtype=np.int64), 1) if len(texts) > 1 else read


def _fused_similarity(by: Fusing, similarities: Sequence[float]) -> float | None:
    if len(similarities) == 1:
        return similarities[0]
    return None if by.served is None else float(by.served.score(*(np.array([each]) for each in similarities))[0])


def _ways_of_space(pair: Pair, space: str, places: Mapping[str, Places]) -> dict[str, Way]:
    found = {name: pair.standstill(space, name) for name in places}
    moved = {name: moves for name, (moves, _) in found.items()}
    reason = _told([*(each.reason for each in places.values()), *(why for _, why in found.values())])
    scores = {name: pair.score(space, name) for name, moves in moved.items() if moves}
    ways = {name: _way(way, scores, pair, places, reason) for name, way in MOVING.items()}
    return {ATTENTION: _attention(pair, [space], places), **ways}


def _fused_ways(pair: Pair, by: Fusing, places: Mapping[str, Places]) -> dict[str, Way]:
    spaces = pair.method.spaces
    attention = {ATTENTION: _attention(pair, spaces, places)}
    if len(spaces) > 1 and by.served is None:
        return attention
    found = {name: [pair.standstill(space, name) for space in spaces] for name in places}
    reason = _told([*(each.reason for each in places.values()), *(why for each in found.values() for _, why in each)])
    scores = {name: pair.fused_score(by, name) for name, each in found.items() if any(moves for moves, _ in each)}
    return attention | {name: _way(way, scores, pair, places, reason) for name, way in MOVING.items()}


def _way(
    way: Callable[..., Float32[np.ndarray, " p"]],
    scores: Mapping[str, Score],
    pair: Pair,
    places: Mapping[str, Places],
    reason: str | None,
) -> Way:
    values = {
        name: places[name].gathered(way(scores[name], pair.sides[name].values))
        if name in scores and places[name].owner is not None
        else np.zeros(0, dtype=np.float32)
        for name in places
    }
    return Way(values["image"], values["text"], reason)


def _attention(pair: Pair, spaces: Sequence[str], places: Mapping[str, Places]) -> Way:
    """Return the attention of some spaces, each over the modality that it reads."""
    values = {name: np.zeros(0, dtype=np.float32) for name in places}
    reasons: list[str | None] = [each.reason for each in places.values()]
    for space in spaces:
        weights, modality = pair.attention(space), pair.method.reads(space)
        if weights is not None and modality is not None:
            values[modality] = places[modality].gathered(weights)
    silent = [NAMES[name] for name in places if places[name].owner is not None and not len(values[name])]
    if silent:
        reasons.append(f"The {' and '.join(spaces)} space attends to no {' and no '.join(silent)}.")
    return Way(values["image"], values["text"], _told(reasons))


def _told(reasons: Sequence[str | None]) -> str | None:
    """Return the reasons there are, each once."""
    return " ".join(dict.fromkeys(each for each in reasons if each)) or None
