"""Why an item answers a query."""

import time
from typing import Annotated

from fastapi import File, Form, Request, UploadFile
from pydantic import BaseModel

from diptych.collection import Explanation
from diptych.web.guarding import reading
from diptych.web.schemas import ServiceOf

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


class Way(BaseModel):
    """What one way of asking says of each region and each word."""

    image: list[float]
    words: list[float]
    reason: str | None = None
    """Why it says nothing of one side, or what it holds still."""


class InSpace(BaseModel):
    """One space's similarity, and what moved it."""

    name: str
    similarity: float
    ways: dict[str, Way]
    """`attention`, `gradient`, `integrated` and `occlusion`."""


class Fusion(BaseModel):
    """How the spaces' similarities became one."""

    rule: str | None
    weight: float | None
    reference: str | None
    """What the similarities were normalised over."""


class ExplanationAnswer(BaseModel):
    """Why a picture and a text are as similar as they are."""

    image: Regions
    text: str
    words: list[Word]
    fused: float | None
    fusion: Fusion
    spaces: list[InSpace]
    fused_ways: dict[str, Way]
    attribution: str
    """The credit that must stand beside the picture."""
    seconds: float


@ROUTER.post("/explain", tags=["search"], summary="Say which regions and words made an item match")
async def explain(
    request: Request,
    service: ServiceOf,
    collection: Annotated[str, Form(description="The collection's name.")],
    identity: Annotated[str, Form(alias="id", description="The item's id.")],
    text: Annotated[str | None, Form(description="The text that its picture is compared with.")] = None,
    image: Annotated[UploadFile | None, File(description="The picture that its texts are compared with.")] = None,
    fusion: Annotated[str | None, Form(description="Fuse the spaces by this rule.")] = None,
) -> ExplanationAnswer:
    """Return what moved the similarity of a text and an item's picture, or of a picture and an item's texts."""
    start = time.perf_counter()
    shelf = service.shelf(collection)
    service.check_text(text)
    if service.log_queries:
        request.state.query = {"text": text, "id": identity}
    why = shelf.collection.explain
    data = await image.read() if image is not None else b""
    if data:
        async with service.picture_file(data) as file:
            found: Explanation = await service.in_thread(why, identity, text=text, image=file, fusion=fusion)
    else:
        found = await service.in_thread(why, identity, text=text, fusion=fusion)
    return ExplanationAnswer(**found.as_record(), seconds=round(time.perf_counter() - start, 6))
