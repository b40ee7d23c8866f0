"""Why an item answers a query."""

import time
from functools import partial
from typing import Annotated, Literal

from fastapi import File, Form, Request, UploadFile
from pydantic import BaseModel

from diptych.collection import Explanation
from diptych.web.guarding import reading
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
    """The upright picture, and where its regions stand in it."""

    width: int
    height: int
    regions: list[Region]


class Word(BaseModel):
    """A word, and the characters of the text that it takes."""

    text: str
    start: int
    end: int


class Attribution(BaseModel):
    """What one way of asking says of each region and each word."""

    image: list[float]
    words: list[float]
    reason: str | None = None
    """Why it says nothing of one side, or what it holds still."""


class InSpace(BaseModel):
    """One space's similarity, and what moved it."""

    name: str
    similarity: float
    ways: dict[str, Attribution]
    """`attention`, `gradient`, `integrated` and `occlusion`."""


class Fusion(BaseModel):
    """How the spaces' similarities became one."""

    rule: str | None
    weight: float | None
    reference: str | None
    """What the similarities were normalised over."""


class ExplanationAnswer(BaseModel):
    """Why an item is as similar as it is to what was asked with."""

    image: Regions | None
    """The picture that the regions are of; null for a text beside a text."""
    text: str
    """The text that the words are of; empty for a picture beside a picture."""
    words: list[Word]
    fused: float | None
    fusion: Fusion
    spaces: list[InSpace]
    fused_ways: dict[str, Attribution]
    attribution: str
    """The credit that must stand beside the picture."""
    held: str
    """What a picture was compared with where that is a picture too, or a text with a text; it was held as it is."""
    seconds: float


@ROUTER.post("/explain", tags=["search"], summary="Say which regions and words made an item match")
async def explain(
    request: Request,
    service: ServiceOf,
    collection: Annotated[str, Form(description="The collection's name.")],
    identity: Annotated[
        str | None, Form(alias="id", description="The item's id; left out for a text and a picture that are sent.")
    ] = None,
    text: Annotated[str | None, Form(description="The text that it is compared with.")] = None,
    image: Annotated[UploadFile | None, File(description="The picture that it is compared with.")] = None,
    like: Annotated[str | None, Form(description="The id of an item that it is compared with.")] = None,
    against: Annotated[
        Literal["image", "text"] | None, Form(description="Explain its picture or its texts; as a search by default.")
    ] = None,
    fusion: Annotated[str | None, Form(description="Fuse the spaces by this rule.")] = None,
) -> ExplanationAnswer:
    """Return what moved an item's similarity to a text, a picture or another item; one of the three.

    Without an item it is what moved the similarity of a text and a picture, both of which are sent.
    """
    start = time.perf_counter()
    shelf = service.shelf(collection)
    service.check_text(text)
    if service.log_queries:
        request.state.query = {"text": text, "like": like, "id": identity}
    why = partial(shelf.collection.explain, identity, text=text, like=like, against=against, fusion=fusion)
    if (data := await sent_picture(image)) is None:
        explanation: Explanation = await service.in_thread(why)
    else:
        async with service.picture_file(data) as file:
            explanation = await service.in_thread(why, image=file)
    record = explanation.as_record()
    if reference := record["fusion"]["reference"]:
        # where the collection lies on the server is nobody's business
        record["fusion"]["reference"] = reference.replace(shelf.collection.name, shelf.name)
    return ExplanationAnswer(**record, seconds=round(time.perf_counter() - start, 6))
