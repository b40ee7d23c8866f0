"""Why an item of a collection answers a request."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diptych.data.addresses import Address, Picture
from diptych.data.entries import ATTRIBUTION
from diptych.data.queries import query_picture
from diptych.encoders.contract import Encoder
from diptych.errors import BadSetting, MissingData
from diptych.explaining.explain import explain_image, explain_pair, explain_texts
from diptych.explaining.explanation import Explanation
from diptych.explaining.fusing import Fusing
from diptych.explaining.traced_pair import TracedPair
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served
from diptych.index.contract import Table
from diptych.ingest.kept_pictures import readable
from diptych.modality import MODALITIES, Modality
from diptych.retrieval.answers import Snapshot, compared_side
from diptych.retrieval.requests import contents_of, query_vector
from diptych.search_request import SearchRequest


@dataclass(frozen=True)
class _Shown:
    """One side of the comparison: the item or the query."""

    name: str
    picture: str | Picture | None
    texts: tuple[str, ...]
    identity: str = ""
    attribution: str = ""

    @classmethod
    def of_item(cls, table: Table, identity: str) -> "_Shown":
        items = table.read([identity])
        if not len(items):
            raise MissingData(f"the collection has no item {identity!r}. See what it has: diptych collection list.")
        credit = str(items.metadata[0].get(ATTRIBUTION, ""))
        return cls(repr(identity), items.images[0], items.texts[0], identity, credit)

    def has(self, side: Modality) -> bool:
        return bool(self.picture if side == "image" else self.texts)

    @property
    def image(self) -> Picture:
        if isinstance(self.picture, Path | Address):
            return self.picture
        return readable(self.picture, identity=self.identity)


def explain_match(
    state: Snapshot, request: SearchRequest, identity: str | None, *, collection: str, pixels: bool
) -> Explanation:
    """Return why an item answers a request; without an item, why the request's text and picture match."""
    contents_of(request)  # refuses contents that nothing can encode
    if identity is None:
        return _explain_given(state, request, collection, pixels=pixels)
    return _explain_item(state, request, identity, collection, pixels=pixels)


def _explain_given(state: Snapshot, request: SearchRequest, collection: str, *, pixels: bool) -> Explanation:
    """Return why a text and a picture match, as if the picture were an item that answers the text."""
    if request.text is None or request.image is None or request.like is not None or request.against is not None:
        raise BadSetting(
            "without the id of an item, an explanation needs a text and a picture. Pass exactly these two."
        )
    fusing = partial(_fusing, state, "image", request.fusion, collection)
    picture, texts = query_picture(request.image), (request.text,)
    return explain_pair(state.model.method, _encoders(state), picture, texts, fusing=fusing, pixels=pixels)


def _explain_item(
    state: Snapshot, request: SearchRequest, identity: str, collection: str, *, pixels: bool
) -> Explanation:
    """Return why a text, a picture or another item matches a side of an item."""
    if sum(each is not None for each in (request.text, request.image, request.like)) != 1:
        raise BadSetting("to explain an item, pass exactly one of a text, a picture and the id of another item.")
    item = _Shown.of_item(state.table, identity)
    side = compared_side(request, item.has)
    if not item.has(side):
        name, other = ("picture", "texts") if side == "image" else ("text", "picture")
        raise MissingData(f"the item {identity!r} has no {name} to compare with. Compare with its {other}.")
    asked = _asked(state.table, request)
    fusing = partial(_fusing, state, side, request.fusion, collection)
    if not asked.has(side):
        seen, said = (item, asked) if side == "image" else (asked, item)
        return explain_pair(
            state.model.method,
            _encoders(state),
            seen.image,
            said.texts,
            fusing=fusing,
            attribution=item.attribution,
            pixels=pixels,
        )
    return _beside(state, request, item, side, asked.name, fusing, pixels=pixels)


def _asked(table: Table, request: SearchRequest) -> _Shown:
    """Return the query; as in a search, an item stands for its picture, or for its texts if it has no picture."""
    if request.text is not None:
        return _Shown(f"the text “{request.text}”", None, (request.text,))
    if request.image is not None:
        return _Shown("the picture that was asked with", query_picture(request.image), ())
    item = _Shown.of_item(table, str(request.like))
    if item.has("image"):
        return replace(item, name=f"the picture of {item.name}", texts=())
    return replace(item, name=f"the text of {item.name}")


def _encoders(state: Snapshot) -> dict[str, Encoder]:
    return {side: state.model.encoder(side) for side in MODALITIES}


def _beside(
    state: Snapshot,
    request: SearchRequest,
    item: _Shown,
    side: Modality,
    name: str,
    fusing: Callable[[TracedPair], Fusing],
    *,
    pixels: bool,
) -> Explanation:
    """Return why one side of an item is like another picture or text, whose vector stays fixed."""
    method, encoder = state.model.method, state.model.encoder(side)
    vectors = state.model.whole(query_vector(request, state.model, state.table)[None])
    beside = name, {space: torch.from_numpy(each[0]) for space, each in zip(method.spaces, vectors, strict=True)}
    if side == "text":
        return explain_texts(method, encoder, item.texts, beside, fusing=fusing)
    return explain_image(
        method, encoder, item.image, beside, fusing=fusing, attribution=item.attribution, pixels=pixels
    )


def _fusing(state: Snapshot, side: Modality, fusion: str | None, collection: str, pair: TracedPair) -> Fusing:
    """Return the fusion that a search uses, normalised over all items that have the side."""
    items = f"the {'pictures' if side == 'image' else 'texts'} of {collection}"

    def over(rule: FusionRule) -> tuple[Served | None, str]:
        vectors: list[Float[Tensor, " _"]] = [pair.other(space, side) for space in state.model.method.spaces]
        whole = np.concatenate([each.cpu().numpy() for each in vectors])[None]
        served = state.searcher.served(state.table, side, state.model.split(side, whole), rule, state.promise)
        return served, items if served else f"{items} are too many to be looked at one by one."

    return Fusing.by(state.model.rule(fusion), fusion or state.model.rule_name or "", over)
