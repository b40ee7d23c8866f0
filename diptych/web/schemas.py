"""Response models shared by several routes."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Depends, Request, UploadFile
from pydantic import BaseModel

from diptych.collection import Items
from diptych.web.service import Service

ItemKind = Literal["image", "text", "pair"]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(_service)]
"""The service, as a parameter of a route."""


class Item(BaseModel):
    """An item of a collection."""

    id: str
    kind: ItemKind
    texts: list[str]
    columns: dict[str, Any]
    thumbnail: str | None


class Hit(BaseModel):
    """One result of a search."""

    rank: int
    id: str
    similarity: float
    """The similarity that ranks it: the fused one, or that of the only space."""
    similarities: dict[str, float]
    """The similarity in each space."""
    kind: ItemKind
    text: str | None
    """Its first text."""
    texts: list[str]
    categories: list[str]
    columns: dict[str, Any]
    """Its other columns."""
    thumbnail: str | None
    """URL of its thumbnail, without the host."""


class Column(BaseModel):
    """A column that filters can use."""

    name: str
    kind: Literal["text", "number", "truth", "texts"]
    examples: list[str | float | bool]
    """Frequent values among the first items."""


async def sent_picture(image: UploadFile | None) -> bytes | None:
    """Return the bytes of an uploaded picture; None if the form field is empty."""
    if image is None or not (image.filename or image.size):
        return None
    return await image.read()


def kind_of(image: object, texts: object) -> ItemKind:
    """Return the kind of an item.

    >>> kind_of("cat.jpg", ("a cat",)), kind_of(None, ("a cat",))
    ('pair', 'text')
    """
    if image:
        return "pair" if texts else "image"
    return "text"


def thumbnail_url(collection: str, identity: str) -> str:
    """Return the URL of an item's thumbnail.

    >>> thumbnail_url("shop", "a/b?.jpg")
    '/v1/collections/shop/thumbnails/a%2Fb%3F.jpg'
    """
    return f"/v1/collections/{quote(collection, safe='')}/thumbnails/{quote(identity, safe='')}"


def items_of(collection: str, items: Items) -> list[Item]:
    """Return items of a collection as responses list them."""
    return [
        Item(
            id=identity,
            kind=kind_of(image, texts),
            texts=list(texts),
            columns=dict(metadata),
            thumbnail=thumbnail_url(collection, identity) if image else None,
        )
        for identity, image, texts, metadata in zip(items.ids, items.images, items.texts, items.metadata, strict=True)
    ]
