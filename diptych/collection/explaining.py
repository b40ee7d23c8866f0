"""Why an item of a collection answers a query."""

import numpy as np

from diptych.collection.asking import Asked
from diptych.collection.pictures import readable
from diptych.collection.queries import Query
from diptych.data.entries import ATTRIBUTION
from diptych.errors import BadSetting, MissingData
from diptych.explaining.explain import Pair, explain_pair
from diptych.explaining.explanation import Explanation
from diptych.explaining.fusing import Fusing
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served
from diptych.index.items import Side


def explain_item(of: Asked, query: Query, identity: str, *, fusion: str | None, collection: str) -> Explanation:
    """Return why a text matches the picture of an item, or a picture its texts."""
    if (query.text is None) == (query.image is None):
        raise BadSetting("an explanation is of a text and an item's picture, or of a picture and an item's texts.")
    items = of.table.read([identity])
    if not len(items):
        raise MissingData(f"the collection has no item {identity!r}. See what it has: diptych collection list.")
    if query.image is None:
        side: Side = "image"
        image = readable(items.images[0], identity=identity)
        texts: tuple[str, ...] = (str(query.text),)
    else:
        side, image, texts = "text", query.image, items.texts[0]
        if not texts:
            raise MissingData(f"the item {identity!r} has no text that a picture could match. Ask with a text.")
    return explain_pair(
        of.model.method,
        {"image": of.model.encoders["image"], "text": of.model.encoders["text"]},
        image,
        texts,
        fusing=lambda pair: _fusing(of, pair, side, fusion, collection),
        attribution=str(items.metadata[0].get(ATTRIBUTION, "")),
    )


def _fusing(of: Asked, pair: Pair, side: Side, fusion: str | None, collection: str) -> Fusing:
    """Return the fusion as a search does it: normalised over all items that have the side."""
    asked: Side = "text" if side == "image" else "image"
    items = f"the {'pictures' if side == 'image' else 'texts'} of {collection}"

    def over(rule: FusionRule) -> tuple[Served | None, str]:
        whole = np.concatenate([pair.vectors(space, asked).cpu().numpy() for space in of.model.method.spaces], axis=1)
        served = of.searcher.served(of.table, side, of.model.split(side, whole), rule, of.record)
        return served, items if served else f"{items} are too many to be looked at one by one."

    return Fusing.by(of.model.rule(fusion), fusion or of.model.fusion.get("rule", ""), over)
