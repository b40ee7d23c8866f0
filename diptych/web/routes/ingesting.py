"""Bulk ingest: lines of items stream in while lines that acknowledge them stream out."""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from diptych.collection import Added, NewItem
from diptych.errors import DiptychError
from diptych.web.guards import streaming
from diptych.web.refusals import body_of, refuse, refused, without_place
from diptych.web.schemas import ServiceOf
from diptych.web.served_collections import ServedCollection
from diptych.web.service import Service

ROUTER = streaming()
ROUTERS = (ROUTER,)

AT_ONCE = 64
"""Items that are encoded, written and acknowledged as one batch."""
HELD = 8_000_000
"""Bytes of lines at which a smaller batch is processed."""
PAUSE = 0.2
"""Seconds without a new line after which a smaller batch is processed."""
LONGEST = 1.0
"""Seconds after which a batch is processed in any case."""

NumberedLine = tuple[int, bytes]
"""A line's number and its bytes."""

EXAMPLE = '{"id": "a", "text": "a cat", "year": 2010}\n{"id": "b", "image": "base64 of the bytes of a picture"}\n'


class TwoWay(StreamingResponse):
    """A response that is sent while the request still arrives; nothing else may read the request meanwhile."""

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncIterator[bytes], status_code: int = 200, *, service: Service) -> None:
        super().__init__(lines, status_code)
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send lines as they become available; raise `Refused` if too many streams are open."""
        with self._service.in_hand("streams", user=scope["state"]["sharer"]):
            await self.stream_response(send)


@ROUTER.post(
    "/collections/{collection}/items",
    tags=["items"],
    summary="Upsert many items",
    response_class=TwoWay,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "A line for each batch, then the totals"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": EXAMPLE}},
        }
    },
)
async def put_items(collection: str, request: Request, service: ServiceOf) -> TwoWay:
    """Upsert one JSON object per line: `id`, `text` or `texts`, `image` as base64, and any other columns.

    Each batch is acknowledged by a line once it is stored: the number of its last line, counts, and the rejects with
    their reasons. The last line has `"done": true` and the totals, or an `error` that ended the stream.
    """
    served = service.collection(collection)
    return TwoWay(_told(served, request, service), service=service)


async def _told(served: ServedCollection, request: Request, service: Service) -> AsyncIterator[bytes]:
    """Yield the acknowledgement of each batch, and the totals at the end."""
    sums, rejected = Added(), 0
    try:
        async for batch in _batches(_lines(request, service)):
            items, faults = _parsed(batch, service)
            added, rejects = await service.in_thread(served.collection.put, items)
            told = faults + [
                {"line": int(reject.where.rpartition(" ")[2]), "reason": without_place(reject.reason, service.places)}
                for reject in rejects
            ]
            rejected += len(told)
            sums = sums.plus(added)
            yield _line({**_counts(added), "rejected": len(told), "line": batch[-1][0], "rejects": told})
        yield _line({**_counts(sums), "rejected": rejected, "done": True})
    except DiptychError as error:
        yield _line(body_of(refused(error, service.places)))


def _counts(added: Added) -> dict[str, Any]:
    """Return the counts, and the notes where there are any."""
    counts = {name: getattr(added, name) for name in ("added", "updated", "unchanged")}
    return counts | ({"notes": added.notes} if added.notes else {})


async def _lines(request: Request, service: Service) -> AsyncIterator[NumberedLine]:
    """Yield the numbered lines of the body; raise `Refused` if one is too long."""
    rest, number, since = bytearray(), 0, time.monotonic()
    async for part in request.stream():
        known = len(rest)
        rest += part
        while (end := rest.find(b"\n", known)) >= 0:
            number += 1
            yield number, bytes(rest[:end])
            del rest[: end + 1]
            known, since = 0, time.monotonic()
        if time.monotonic() - since > service.limits.idle_seconds:
            raise refuse(408, f"line {number + 1} arrived too slowly. Send it again.")
        if len(rest) > service.limits.line_bytes:
            raise refuse(413, f"line {number + 1} has more than {service.limits.line_bytes:,} bytes. Shorten it.")
        if service.stopping:
            raise refuse(503, f"the service is shutting down; send lines after {number} later.", retry_after=30)
    if rest.strip():
        yield number + 1, bytes(rest)


async def _batches(lines: AsyncIterator[NumberedLine]) -> AsyncIterator[list[NumberedLine]]:
    """Yield batches of lines: smaller ones after a pause, and the remaining lines before an error."""
    batch: list[NumberedLine] = []
    since = 0.0
    coming = _next(lines)
    try:
        while True:
            await asyncio.wait({coming}, timeout=PAUSE if batch else None)
            full = len(batch) >= AT_ONCE or sum(len(text) for _, text in batch) >= HELD
            if batch and (full or not coming.done() or time.monotonic() - since > LONGEST):
                yield batch
                batch = []
            if coming.done():
                line = coming.result()
                since = since if batch else time.monotonic()
                batch.append(line)
                coming = _next(lines)
    except (StopAsyncIteration, DiptychError) as end:
        if batch:
            yield batch
        if isinstance(end, DiptychError):
            raise
    finally:
        coming.cancel()


def _next(lines: AsyncIterator[NumberedLine]) -> "asyncio.Task[NumberedLine]":
    async def following() -> NumberedLine:
        return await anext(lines)

    return asyncio.create_task(following())


def _parsed(batch: list[NumberedLine], service: Service) -> tuple[list[NewItem], list[dict[str, Any]]]:
    """Return the items in some lines, and the faults of invalid lines."""
    items, faults = [], []
    for number, line in batch:
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8-sig"))
            picture = base64.b64decode(row.pop("image"), validate=True) if row.get("image") is not None else None
            items.append(NewItem(row, picture, f"line {number}", service.limits.pixels))
        except (binascii.Error, TypeError):
            faults.append({"line": number, "reason": "the image must be the base64 of a picture's bytes."})
        except (ValueError, RecursionError, AttributeError):
            faults.append({"line": number, "reason": "it must be a JSON object in UTF-8. Write one per line."})
    return items, faults


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
