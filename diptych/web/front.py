"""Middleware for every request: who sends it, whether its page may, what is left of its body, the log and the metrics.

A request that is refused before its body has arrived ends its connection: the answer says `Connection: close`, what
still arrives is thrown away for a moment so that the sender can read the answer, and then the connection is closed.
"""

import asyncio
import errno
import logging
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from diptych.errors import Refused
from diptych.web.limits import Limits
from diptych.web.refusals import WAIT, answer, refuse

LOG = logging.getLogger("diptych.web")
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Default headers of every response: pages load resources from this service only and cannot be framed."""
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
"""Methods that metrics and log name; any other is `other` there."""
DISCARDED = 10
"""The rest of a refused body is thrown away up to this multiple of `upload_bytes`."""
LINGERING = 0.25
"""Share of `connections` that may be kept for that; others are closed at once."""


class Front:
    """Middleware for every request: site check, response headers, access log, metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lingering: set[Exchange] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, start = scope["app"].state, time.perf_counter()
        exchange = Exchange(scope, receive, send, state.service.limits, lingering=self._lingering)
        try:
            _check_size(scope, state.service.limits)
            state.admission.check_site(scope["method"], Headers(scope=scope), scheme=scope["scheme"])
            await self._app(scope, exchange.receive, exchange.send)
        except Refused as error:
            await answer(error)(scope, exchange.receive, exchange.send)
        except (Exception, asyncio.CancelledError) as error:
            if not exchange.started:
                await answer(_fault(error))(scope, exchange.receive, exchange.send)
            raise  # the server logs it
        finally:
            seconds = time.perf_counter() - start
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = getattr(scope.get("route"), "path", "unknown")
            state.service.counts.answered(route, method, exchange.status, seconds)
            _log(scope, method, route, exchange.status, seconds)


class Exchange:
    """A request and its response: adds headers, and ends the connection if the body has not arrived completely."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, limits: Limits, *, lingering: "set[Exchange]"
    ) -> None:
        headers = Headers(scope=scope)
        self._receive, self._send, self._limits, self._lingering = receive, send, limits, lingering
        self._whole = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        self._closing = False
        self.status = 500
        """The status of the response, once there is one."""
        self.started = False
        """Whether the response has begun."""

    async def receive(self) -> Message:
        """Return the next part of the request."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._whole = True
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start":
            self.status, self.started = message["status"], True
            self._closing = not self._whole
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            if self._closing:
                headers["Connection"] = "close"
        elif self._closing and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._discard()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _discard(self) -> None:
        """Throw away what still arrives of the body, up to the limits of time, of bytes and of connections."""
        if len(self._lingering) >= LINGERING * self._limits.connections:
            return
        left = DISCARDED * self._limits.upload_bytes
        self._lingering.add(self)
        try:
            async with asyncio.timeout(self._limits.linger_seconds):
                while not self._whole and left > 0:
                    left -= len((await self.receive()).get("body", b""))
        except TimeoutError:
            return
        finally:
            self._lingering.discard(self)


class Forwarded:
    """Middleware that takes the client from X-Forwarded-For of a trusted proxy, if that names an address.

    Any other text there would become the name of a user in the log and in the rate limits.
    """

    def __init__(self, app: ASGIApp, proxies: tuple[str, ...]) -> None:
        self._app = app
        self._trusting = ProxyHeadersMiddleware(self._checked, list(proxies))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        scope["peer"] = scope.get("client")
        await self._trusting(scope, receive, send)  # type: ignore[arg-type]

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer, client = scope.pop("peer"), scope.get("client")
        if client and client != peer:
            scope["client"] = (address, client[1]) if (address := address_of(client[0])) else peer
        await self._app(scope, receive, send)


def address_of(text: str) -> str | None:
    """Return an IP address in its usual notation; None if the text is none.

    >>> address_of("2001:DB8::1"), address_of("10.0.0.7"), address_of("ann status=200")
    ('2001:db8::1', '10.0.0.7', None)
    """
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _fault(error: BaseException) -> Refused:
    """Return what a client receives for an error that nobody expected, or at the end of a shutdown."""
    if isinstance(error, asyncio.CancelledError):
        return refuse(503, "the service is shutting down. Try again soon.", retry_after=WAIT)
    if isinstance(error, MemoryError):
        return refuse(503, "the service is out of memory. Send less at a time, or try again later.", retry_after=WAIT)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return refuse(503, "the disk of the service is full. Try again later.", retry_after=WAIT)
    return refuse(500, "an internal error occurred. See the service's log.")


def _check_size(scope: Scope, limits: Limits) -> None:
    """Refuse a request whose header is too large; a part of it that arrives at once is not bounded before."""
    sizes = (len(name) + len(value) for name, value in scope["headers"])
    size = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"]) + sum(sizes)
    if size > limits.header_bytes:
        raise refuse(431, f"the request header has more than {limits.header_bytes:,} bytes. Send a shorter one.")


def _log(scope: Scope, method: str, route: str, status: int, seconds: float) -> None:
    state: Mapping[str, Any] = scope.get("state", {})
    told = {
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(1000 * seconds, 1),
        "client": (scope.get("client") or ("",))[0],
        "key": state.get("user"),
        "query": state.get("query"),
    }
    LOG.info("request", extra={"request": {name: value for name, value in told.items() if value is not None}})
