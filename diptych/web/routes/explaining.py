"""Explanations of why an item matches a query."""

import time
from functools import partial
from typing import Annotated, Literal

from fastapi import File, Form, Request, UploadFile
from pydantic import BaseModel

from diptych.collection import Explanation
from diptych.web.guards import reading
from diptych.web.schemas import ServiceOf, sent_picture

ROUTER = reading()
ROUTERS = (ROUTER,)


class Region(BaseModel):
    """A region of the picture, in pixels from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Regions(BaseModel):
    """The upright picture and the boxes of its regions."""

    width: int
    height: int
    regions: list[Region]


class Word(BaseModel):
    """A word and its span of characters in the text."""

    text: str
    start: int
    end: int


class Attribution(BaseModel):
    """The scores of one attribution method for each region and each word."""

    image: list[float]
    words: list[float]
    reason: str | None = None
    """Why it has no scores for one side, or what it keeps fixed."""


class InSpace(BaseModel):
    """The similarity in one space, with its attributions."""

    name: str
    similarity: float
    ways: dict[str, Attribution]
    """`attention`, `gradient`, `integrated` and `occlusion`."""


class Fusion(BaseModel):
    """How the similarities of the spaces were fused."""

    rule: str | None
    weight: float | None
    reference: str | None
    """The items over which the similarities were normalised."""


class ExplanationAnswer(BaseModel):
    """Why an item has its similarity to the query."""

    image: Regions | None
    """The picture that the regions belong to; null if a text was compared with a text."""
    text: str
    """The text that the words belong to; empty if a picture was compared with a picture."""
    words: list[Word]
    fused: float | None
    fusion: Fusion
    spaces: list[InSpace]
    fused_ways: dict[str, Attribution]
    attribution: str
    """The credit that must be shown with the picture."""
    held: str
    """The other item in a comparison within one modality, which is kept fixed; empty otherwise."""
    seconds: float


@ROUTER.post("/explain", tags=["search"], summary="Explain which regions and words made an item match")
async def explain(
    request: Request,
    service: ServiceOf,
    collection: Annotated[str, Form(description="The collection's name.")],
    identity: Annotated[
        str | None, Form(alias="id", description="The item's id; omit it to compare an uploaded text and picture.")
    ] = None,
    text: Annotated[str | None, Form(description="The text to compare it with.")] = None,
    image: Annotated[UploadFile | None, File(description="The picture to compare it with.")] = None,
    like: Annotated[str | None, Form(description="The id of an item to compare it with.")] = None,
    against: Annotated[
        Literal["image", "text"] | None,
        Form(description="Explain its picture or its texts; by default, the side that a search compares."),
    ] = None,
    fusion: Annotated[str | None, Form(description="Fuse the spaces with this rule.")] = None,
) -> ExplanationAnswer:
    """Explain an item's similarity to exactly one of a text, a picture or another item.

    Without an id, explain the similarity of an uploaded text and picture.
    """
    start = time.perf_counter()
    served = service.collection(collection)
    service.check_text(text)
    if service.log_queries:
        request.state.query = {"text": text, "like": like, "id": identity}
    why = partial(served.collection.explain, identity, text=text, like=like, against=against, fusion=fusion)
    user: str = request.state.sharer
    if (data := await sent_picture(image)) is None:
        explanation: Explanation = await service.explain(why, user=user)
    else:
        async with service.picture_file(data) as file:
            explanation = await service.explain(partial(why, image=file), user=user)
    record = explanation.as_record()
    if reference := record["fusion"]["reference"]:
        # do not reveal the collection's location on the server
        record["fusion"]["reference"] = reference.replace(served.collection.name, served.name)
    return ExplanationAnswer(**record, seconds=round(time.perf_counter() - start, 6))
