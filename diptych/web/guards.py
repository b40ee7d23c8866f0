"""Guards: routes that check the caller and the size of a request before they read its body.

The routers `reading`, `writing` and `streaming` create guarded routes. A guarded route requires a key with that scope,
counts the body as it arrives, enforces the time limit, and cancels its work when the client disconnects.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.types import Message, Receive

from diptych.errors import Refused
from diptych.web.keys import Scope
from diptych.web.limits import Limits
from diptych.web.refusals import RESPONSES, refuse
from diptych.web.service import Service

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
LINES = ("application/x-ndjson", "application/jsonl")
LARGE = 1_000_000
"""Bytes above which a body counts as large."""
BEARER = HTTPBearer(auto_error=False, description="A key from `diptych keys add`, if the service requires one.")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Incoming:
    """The body of a request, limited as it arrives."""

    def __init__(self, receive: Receive, limits: Limits, *, streams: bool) -> None:
        self._receive = receive
        self._limits = limits
        self._streams = streams
        self._until = time.monotonic() + (limits.stream_seconds if streams else limits.seconds)
        self._bytes = 0
        self._whole = asyncio.Event()
        self.refusal: Refused | None = None
        """The reason why the body was not read completely."""

    def announce(self, length: str) -> None:
        """Refuse a body at once if its declared length is too large."""
        if not self._streams and length.isdecimal() and int(length) > self._limits.upload_bytes:
            self.refusal = too_large(self._limits)
            raise self.refusal

    async def __call__(self) -> Message:
        """Return the next part; raise `Refused` if the body is too large or too slow."""
        pause = self._limits.idle_seconds if self._streams else self._limits.pause_seconds
        left = min(pause, self._until - time.monotonic())
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.0))
        except TimeoutError:
            raise self.too_slow() from None
        if message["type"] == "http.disconnect":
            self.refusal = refuse(499, "the client has disconnected.")
            raise self.refusal
        self._bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._whole.set()
        if not self._streams and self._bytes > self._limits.upload_bytes:
            self.refusal = too_large(self._limits)
            raise self.refusal
        return message

    def too_slow(self) -> Refused:
        """Return the error for a body that does not arrive in time."""
        self.refusal = refuse(408, "the request arrived too slowly. Send it again.")
        return self.refusal

    @property
    def is_whole(self) -> bool:
        """Whether the whole body has arrived."""
        return self._whole.is_set()

    async def abandoned(self, *, has_body: bool) -> None:
        """Return when the client has disconnected."""
        if has_body:
            await self._whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Guarded(APIRoute):
    """A route behind admission control."""

    wants: ClassVar[Scope] = "read"
    types: ClassVar[tuple[str, ...]] = FORMS

    def get_route_handler(self) -> Handler:
        """Return a handler that admits a request before it handles it."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            service: Service = request.app.state.service
            request.app.state.admission.admit(request, self.wants)
            self._check_type(request)
            incoming = Incoming(request.receive, service.limits, streams=self.types == LINES)
            try:
                with service.in_hand(*_kinds(request), user=request.state.sharer):
                    incoming.announce(request.headers.get("content-length", ""))
                    return await _answered(handle, Request(request.scope, incoming), incoming, service.limits.seconds)
            except Exception:
                if incoming.refusal is None:
                    raise
                raise incoming.refusal from None

        return guarded

    def _check_type(self, request: Request) -> None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method in ("POST", "PUT") and kind not in self.types:
            wanted = " or ".join(self.types)
            raise refuse(415, f"the body must be {wanted}; got {kind or 'no type'}. Set Content-Type.")


class Writing(Guarded):
    """A route that changes a collection."""

    wants: ClassVar[Scope] = "write"


class Streaming(Writing):
    """A route that ingests an unbounded stream of lines."""

    types: ClassVar[tuple[str, ...]] = LINES


def reading() -> APIRouter:
    """Return a router whose routes require the scope `read`."""
    return _router(Guarded)


def writing() -> APIRouter:
    """Return a router whose routes require the scope `write`."""
    return _router(Writing)


def streaming() -> APIRouter:
    """Return a router whose routes require the scope `write` and ingest unbounded streams of lines."""
    return _router(Streaming)


def too_large(limits: Limits) -> Refused:
    """Return the error for a body that is too large."""
    return refuse(413, f"the request has more than {limits.upload_bytes:,} bytes. Send a smaller picture.")


def _router(kind: type[Guarded]) -> APIRouter:
    return APIRouter(prefix="/v1", route_class=kind, dependencies=[Security(BEARER)], responses=dict(RESPONSES))


def _kinds(request: Request) -> tuple[str, ...]:
    """Return the concurrency limits that a request counts towards."""
    if request.method not in ("POST", "PUT"):
        return ("in_hand",)
    length = request.headers.get("content-length", "")
    return ("in_hand",) if length.isdecimal() and int(length) <= LARGE else ("in_hand", "large")


async def _answered(handle: Handler, request: Request, incoming: Incoming, seconds: float) -> Response:
    """Return the response, unless the time limit expires or the client disconnects."""
    has_body = request.method in ("POST", "PUT")
    work = asyncio.ensure_future(handle(request))
    watch = asyncio.ensure_future(incoming.abandoned(has_body=has_body))
    try:
        await asyncio.wait({work, watch}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        if watch.done():
            raise refuse(499, "the client has disconnected.")
        if has_body and not incoming.is_whole:
            raise incoming.too_slow()
        raise refuse(503, "the answer took too long. Try again later.", code="too_long", retry_after=5)
    finally:
        work.cancel()
        watch.cancel()
