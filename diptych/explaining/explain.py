"""Explain the similarity of one pair under a method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
from diptych.explaining.attribution import PartScore, gradient, integrated, occlusion
from diptych.explaining.explanation import Attribution, Explanation, InSpace
from diptych.explaining.fusing import Fusing, fused
from diptych.explaining.places import over_parts
from diptych.explaining.sides import NAMES, Places, Traced, places_of_regions, places_of_words
from diptych.methods.contract import Method, TraceableMethod
from diptych.modality import MODALITIES, Modality, other

MOVING: Mapping[str, Callable[..., Float32[np.ndarray, " p"]]] = {
    "gradient": gradient,
    "integrated": integrated,
    "occlusion": occlusion,
}
"""Methods that attribute a score to its parts."""
ATTENTION = "attention"


@dataclass(frozen=True)
class TracedPair:
    """A picture and a text as a method compares them, or one of them with a fixed vector of its own modality."""

    method: TraceableMethod
    sides: Mapping[Modality, Traced]
    """By modality; a single one if the other side is fixed."""
    held: Mapping[str, Float[Tensor, " _"]] = field(default_factory=dict)
    """By space, the fixed vector of another item of the same modality."""

    @classmethod
    def of(cls, method: Method, image: tuple[Encoded, Encoder], text: tuple[Encoded, Encoder]) -> "TracedPair":
        """Return the pair of one encoded picture and text; raise `BadSetting` if the method is not traceable."""
        return cls._traced(method, {"image": image, "text": text}, {})

    @classmethod
    def beside(
        cls, method: Method, modality: Modality, item: tuple[Encoded, Encoder], held: Mapping[str, Float[Tensor, " _"]]
    ) -> "TracedPair":
        """Return the pair of one encoded item and fixed vectors of its own modality, by space."""
        return cls._traced(method, {modality: item}, held)

    @classmethod
    def _traced(
        cls, method: Method, items: Mapping[Modality, tuple[Encoded, Encoder]], held: Mapping[str, Float[Tensor, " _"]]
    ) -> "TracedPair":
        if not isinstance(method, TraceableMethod):
            raise BadSetting(f"{type(method).__name__} does not support explanations. Explain a run of mcsm.")
        sides = {
            modality: Traced.of(method, modality, encoded, sums_parts=encoder.sums_parts)
            for modality, (encoded, encoder) in items.items()
        }
        if isinstance(method, torch.nn.Module):
            method.eval()
        device = next(iter(sides.values())).values.device
        return cls(method, sides, {space: vector.to(device) for space, vector in held.items()})

    def vectors(self, space: str, modality: Modality) -> Float[Tensor, "1 d_s"]:
        """Return the embedding of one side in a space."""
        with torch.no_grad():
            return self.method.embed_scaled(space, modality, self.sides[modality].scaled).vectors

    def other(self, space: str, modality: Modality) -> Float[Tensor, " d_s"]:
        """Return the vector that a space compares one side with."""
        return self.held[space] if self.held else self.vectors(space, other(modality))[0]

    def similarity(self, space: str) -> float:
        """Return the pair's similarity in a space, as in a search."""
        modality = next(iter(self.sides))
        return float(self.vectors(space, modality)[0] @ self.other(space, modality))

    def score(self, space: str, modality: Modality) -> PartScore:
        """Return a space's similarity as a function of one side's parts, with the other side fixed."""
        opposite = self.other(space, modality)

        def score(values: Float[Tensor, "b p _"]) -> Float[Tensor, " b"]:
            return self.method.embed_scaled(space, modality, self.sides[modality].side(values)).vectors @ opposite

        return score

    def fused_score(self, fusing: Fusing, modality: Modality) -> PartScore:
        """Return the fused similarity as a function of one side's parts, with the other side fixed."""
        scores = [self.score(space, modality) for space in self.method.spaces]
        if fusing.served is None:
            return scores[0]
        served = fusing.served
        return lambda values: fused(served, *(score(values) for score in scores))

    def read_by(self, space: str) -> Modality | None:
        """Return the side of the pair that a space reads part by part, or None."""
        return next((modality for modality in self.sides if modality == self.method.reads(space)), None)

    def attention(self, space: str) -> Float32[np.ndarray, " p"] | None:
        """Return a space's attention over the parts that it reads, zero for parts beyond its longest sequence."""
        modality = self.read_by(space)
        if modality is None:
            return None
        side = self.sides[modality]
        with torch.no_grad():
            weights = self.method.embed_scaled(space, modality, side.scaled).attention
        if weights is None:
            return None
        attention, pools, count = weights[0].float().cpu().numpy(), self.method.pools(space), len(side.values)
        each = int(np.prod(pools, dtype=int))
        length = min(count, len(attention) * each)
        own = attention[: -(-length // each)]  # what padding takes, where it is attended, is no part's
        return np.pad(over_parts(own, pools, count=length), (0, count - length)).astype(np.float32)

    def standstill(self, space: str, modality: Modality) -> tuple[bool, str | None]:
        """Return whether a side's parts affect a space's similarity, and what stays fixed, or why they do not."""
        side, name = self.sides[modality], NAMES[modality]
        if side.follows:
            return True, None
        if not self.method.takes_parts(space, modality):
            return (
                False,
                f"The {space} space compares only the whole {modality} vector, which is not computed from {name}.",
            )
        bare = side.scaled.__class__(torch.zeros_like(side.scaled.whole), side.scaled.parts, side.scaled.mask)
        with torch.no_grad():
            idle = torch.equal(self.method.embed_scaled(space, modality, bare).vectors, self.vectors(space, modality))
        return True, None if idle else f"The whole {modality} vector is not computed from {name} and is kept fixed."


def explain_pair(
    method: Method,
    encoders: Mapping[str, Encoder],
    image: Picture,
    texts: Sequence[str],
    *,
    fusing: Callable[[TracedPair], Fusing],
    attribution: str = "",
) -> Explanation:
    """Explain the similarity of a picture and the texts of one item.

    `fusing` defines how the pair's similarities are fused.
    """
    of_image, of_texts = encode_pair(encoders, image, texts)
    pair = TracedPair.of(method, (of_image, encoders["image"]), (of_texts, encoders["text"]))
    width, height = upright_size(image)
    places: dict[Modality, Places] = {
        "image": places_of_regions(of_image, encoders["image"], width=width, height=height),
        "text": places_of_words(of_texts, encoders["text"], texts),
    }
    return _explanation(pair, places, fusing(pair), image, (width, height), texts, attribution=attribution)


def explain_image(
    method: Method,
    encoder: Encoder,
    image: Picture,
    beside: tuple[str, Mapping[str, Float[Tensor, " _"]]],
    *,
    fusing: Callable[[TracedPair], Fusing],
    attribution: str = "",
) -> Explanation:
    """Explain the similarity of a picture to another one by its regions.

    `beside` is the name of the other item and its vector in each space; it is kept fixed.
    """
    encoded = encoded_queries(encoder, [encoder.prepare(image)])
    pair = TracedPair.beside(method, "image", (encoded, encoder), beside[1])
    width, height = upright_size(image)
    places: dict[Modality, Places] = {"image": places_of_regions(encoded, encoder, width=width, height=height)}
    return _explanation(pair, places, fusing(pair), image, (width, height), (), attribution=attribution, held=beside[0])


def explain_texts(
    method: Method,
    encoder: Encoder,
    texts: Sequence[str],
    beside: tuple[str, Mapping[str, Float[Tensor, " _"]]],
    *,
    fusing: Callable[[TracedPair], Fusing],
) -> Explanation:
    """Explain the similarity of one item's texts to another text by their words.

    `beside` is the name of the other item and its vector in each space; it is kept fixed.
    """
    encoded = _encode_texts(encoder, texts)
    pair = TracedPair.beside(method, "text", (encoded, encoder), beside[1])
    places: dict[Modality, Places] = {"text": places_of_words(encoded, encoder, texts)}
    return _explanation(pair, places, fusing(pair), None, (0, 0), texts, held=beside[0])


def encode_pair(encoders: Mapping[str, Encoder], image: Picture, texts: Sequence[str]) -> tuple[Encoded, Encoded]:
    """Encode a picture and the texts of one item."""
    encoded = encoded_queries(encoders["image"], [encoders["image"].prepare(image)])
    return encoded, _encode_texts(encoders["text"], texts)


def _encode_texts(encoder: Encoder, texts: Sequence[str]) -> Encoded:
    encoded = encoded_queries(encoder, [encoder.prepare(text) for text in texts])
    return joined_texts(encoded, np.zeros(len(texts), dtype=np.int64), 1) if len(texts) > 1 else encoded


def _explanation(
    pair: TracedPair,
    places: Mapping[Modality, Places],
    by: Fusing,
    image: Picture | None,
    size: tuple[int, int],
    texts: Sequence[str],
    *,
    attribution: str = "",
    held: str = "",
) -> Explanation:
    similarities = [pair.similarity(space) for space in pair.method.spaces]
    nowhere = Places()
    return Explanation(
        image,
        *size,
        places.get("image", nowhere).boxes,
        "\n".join(texts),
        places.get("text", nowhere).words,
        _fused_similarity(by, similarities),
        by,
        tuple(
            InSpace(space, similarity, _ways_of_space(pair, space, places))
            for space, similarity in zip(pair.method.spaces, similarities, strict=True)
        ),
        _fused_ways(pair, by, places),
        attribution=attribution,
        held=held,
    )


def _fused_similarity(by: Fusing, similarities: Sequence[float]) -> float | None:
    if len(similarities) == 1:
        return similarities[0]
    return None if by.served is None else float(by.served.score(*(np.array([each]) for each in similarities))[0])


def _ways_of_space(pair: TracedPair, space: str, places: Mapping[Modality, Places]) -> dict[str, Attribution]:
    standstills = {name: pair.standstill(space, name) for name in places}
    moved = {name: moves for name, (moves, _) in standstills.items()}
    reason = _sentence_of([*(each.reason for each in places.values()), *(why for _, why in standstills.values())])
    scores = {name: pair.score(space, name) for name, moves in moved.items() if moves}
    ways = {name: _way(way, scores, pair, places, reason) for name, way in MOVING.items()}
    return {ATTENTION: _attention(pair, [space], places), **ways}


def _fused_ways(pair: TracedPair, by: Fusing, places: Mapping[Modality, Places]) -> dict[str, Attribution]:
    spaces = pair.method.spaces
    attention = {ATTENTION: _attention(pair, spaces, places)}
    if len(spaces) > 1 and by.served is None:
        return attention
    standstills = {name: [pair.standstill(space, name) for space in spaces] for name in places}
    reason = _sentence_of(
        [*(each.reason for each in places.values()), *(why for each in standstills.values() for _, why in each)]
    )
    scores = {name: pair.fused_score(by, name) for name, each in standstills.items() if any(moves for moves, _ in each)}
    return attention | {name: _way(way, scores, pair, places, reason) for name, way in MOVING.items()}


def _way(
    way: Callable[..., Float32[np.ndarray, " p"]],
    scores: Mapping[Modality, PartScore],
    pair: TracedPair,
    places: Mapping[Modality, Places],
    reason: str | None,
) -> Attribution:
    values = dict.fromkeys(MODALITIES, np.zeros(0, dtype=np.float32)) | {
        name: places[name].gathered(way(score, pair.sides[name].values))
        for name, score in scores.items()
        if places[name].owner is not None
    }
    return Attribution(values["image"], values["text"], reason)


def _attention(pair: TracedPair, spaces: Sequence[str], places: Mapping[Modality, Places]) -> Attribution:
    """Return the attention of spaces, each over the modality that it reads."""
    values = dict.fromkeys(MODALITIES, np.zeros(0, dtype=np.float32))
    reasons: list[str | None] = [each.reason for each in places.values()]
    for space in spaces:
        weights, modality = pair.attention(space), pair.read_by(space)
        if weights is not None and modality is not None:
            values[modality] = places[modality].gathered(weights)
    silent = [NAMES[name] for name in places if places[name].owner is not None and not len(values[name])]
    if silent:
        reasons.append(f"The {' and '.join(spaces)} space does not attend to {' or '.join(silent)}.")
    return Attribution(values["image"], values["text"], _sentence_of(reasons))


def _sentence_of(reasons: Sequence[str | None]) -> str | None:
    """Join the distinct reasons."""
    return " ".join(dict.fromkeys(each for each in reasons if each)) or None
