"""Explain the similarity of one pair under a method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from diptych.data.addresses import Picture
from diptych.data.features import Encoded
from diptych.data.pictures import upright_size
from diptych.drawing.explanation_wording import PIXELS
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import encoded_queries, joined_texts
from diptych.explaining.attribution import PartScore, ways
from diptych.explaining.explanation import Attribution, Explanation, InSpace
from diptych.explaining.fusing import Fusing
from diptych.explaining.pixels import ROWS
from diptych.explaining.places import grid_boxes
from diptych.explaining.sides import NAMES, Places, places_of_regions, places_of_words
from diptych.explaining.traced_pair import TracedPair
from diptych.methods.contract import Method
from diptych.modality import MODALITIES, Modality

ATTENTION = "attention"


def explain_pair(
    method: Method,
    encoders: Mapping[str, Encoder],
    image: Picture,
    texts: Sequence[str],
    *,
    fusing: Callable[[TracedPair], Fusing],
    attribution: str = "",
    pixels: bool = False,
) -> Explanation:
    """Explain the similarity of a picture and the texts of one item.

    `fusing` defines how the pair's similarities are fused. With `pixels` the picture is explained by its pixels too.
    """
    of_image, of_texts = encode_pair(encoders, image, texts)
    pair = TracedPair.of(method, (of_image, encoders["image"]), (of_texts, encoders["text"]))
    width, height = upright_size(image)
    places: dict[Modality, Places] = {
        "image": places_of_regions(of_image, encoders["image"], width=width, height=height),
        "text": places_of_words(of_texts, encoders["text"], texts),
    }
    closer = pair.at_pixels(encoders["image"], image) if pixels else None
    return _explanation(
        _Seen(pair, places),
        fusing(pair),
        image,
        (width, height),
        texts,
        attribution,
        closer=closer,
        visible=encoders["image"].visible(width, height),
    )


def explain_image(
    method: Method,
    encoder: Encoder,
    image: Picture,
    beside: tuple[str, Mapping[str, Float[Tensor, " _"]]],
    *,
    fusing: Callable[[TracedPair], Fusing],
    attribution: str = "",
    pixels: bool = False,
) -> Explanation:
    """Explain the similarity of a picture to another one by its regions.

    `beside` is the name of the other item and its vector in each space; it is kept fixed. With `pixels` the picture is
    explained by its pixels too.
    """
    encoded = encoded_queries(encoder, [encoder.prepare(image)])
    pair = TracedPair.beside(method, "image", (encoded, encoder), beside[1])
    width, height = upright_size(image)
    seen = _Seen(pair, {"image": places_of_regions(encoded, encoder, width=width, height=height)})
    closer = pair.at_pixels(encoder, image) if pixels else None
    return _explanation(
        seen,
        fusing(pair),
        image,
        (width, height),
        (),
        attribution,
        held=beside[0],
        closer=closer,
        visible=encoder.visible(width, height),
    )


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
    seen = _Seen(pair, {"text": places_of_words(encoded, encoder, texts)})
    return _explanation(seen, fusing(pair), None, (0, 0), texts, held=beside[0])


def encode_pair(encoders: Mapping[str, Encoder], image: Picture, texts: Sequence[str]) -> tuple[Encoded, Encoded]:
    """Encode a picture and the texts of one item."""
    encoded = encoded_queries(encoders["image"], [encoders["image"].prepare(image)])
    return encoded, _encode_texts(encoders["text"], texts)


def _encode_texts(encoder: Encoder, texts: Sequence[str]) -> Encoded:
    encoded = encoded_queries(encoder, [encoder.prepare(text) for text in texts])
    return joined_texts(encoded, np.zeros(len(texts), dtype=np.int64), 1) if len(texts) > 1 else encoded


@dataclass(frozen=True)
class _Seen:
    """A pair whose parts have locations."""

    pair: TracedPair
    places: Mapping[Modality, Places]
    prefix: str = ""
    """What precedes the name of each way."""

    def moving(self, spaces: Sequence[str], score: Callable[[Modality], PartScore]) -> dict[str, Attribution]:
        """Return every attribution of a score, as a function of one side's parts, that these spaces make."""
        standstills = {name: [self.pair.standstill(space, name) for space in spaces] for name in self.places}
        reason = _sentence_of(
            [
                *(each.reason for each in self.places.values()),
                *(why for each in standstills.values() for _, why in each),
            ]
        )
        moved = [name for name, each in standstills.items() if any(follows for follows, _ in each)]
        found: dict[str, dict[str, Float32[np.ndarray, " _"]]] = {way: {} for way in ways()}
        for name in moved:
            if self.places[name].owner is not None:
                side, moves = self.pair.sides[name], score(name)
                for way, attribute in ways(together=side.together).items():
                    found[way][name] = self.places[name].gathered(attribute(moves, side.values))
        nothing = np.zeros(0, dtype=np.float32)
        return {
            f"{self.prefix}{way}": Attribution(values.get("image", nothing), values.get("text", nothing), reason)
            for way, values in found.items()
        }


def _explanation(
    seen: _Seen,
    by: Fusing,
    image: Picture | None,
    size: tuple[int, int],
    texts: Sequence[str],
    attribution: str = "",
    *,
    held: str = "",
    closer: TracedPair | None = None,
    visible: tuple[float, float, float, float] | None = None,
) -> Explanation:
    pair, nowhere = seen.pair, Places()
    cells = () if closer is None else grid_boxes(*size, count=ROWS * ROWS, visible=visible)
    views = [seen]
    if closer is not None:
        views.append(_Seen(closer, {"image": Places(boxes=cells, owner=np.arange(len(cells)))}, PIXELS))
    similarities = {space: pair.similarity(space) for space in pair.method.spaces}
    return Explanation(
        image,
        *size,
        seen.places.get("image", nowhere).boxes,
        "\n".join(texts),
        seen.places.get("text", nowhere).words,
        _fused_similarity(by, list(similarities.values())),
        by,
        tuple(InSpace(space, own, _ways_of_space(views, space)) for space, own in similarities.items()),
        _fused_ways(views, by),
        attribution=attribution,
        held=held,
        cells=cells,
    )


def _fused_similarity(by: Fusing, similarities: Sequence[float]) -> float | None:
    if len(similarities) == 1:
        return similarities[0]
    return None if by.served is None else float(by.served.score(*(np.array([each]) for each in similarities))[0])


def _ways_of_space(views: Sequence[_Seen], space: str) -> dict[str, Attribution]:
    found = {ATTENTION: _attention(views[0].pair, [space], views[0].places)}
    for seen in views:
        found |= seen.moving([space], partial(seen.pair.score, space))
    return found


def _fused_ways(views: Sequence[_Seen], by: Fusing) -> dict[str, Attribution]:
    spaces = views[0].pair.method.spaces
    found = {ATTENTION: _attention(views[0].pair, spaces, views[0].places)}
    if len(spaces) > 1 and by.served is None:
        return found
    for seen in views:
        found |= seen.moving(spaces, partial(seen.pair.fused_score, by))
    return found


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
