"""Connections that are bounded in time while nothing on them is answered, so that nobody can hold all of them.

A request header must arrive in time. Half of the connections may be without a request in progress; when there are
more, the one that has waited longest ends, so that a client that sends its header at once is still served. A client
that does not read its answer is cut off.
"""

import asyncio
from collections import OrderedDict
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from diptych.web.limits import Limits


def protocol_for(limits: Limits) -> type[H11Protocol]:
    """Return the class of the connections of one server."""
    bounds = {"limits": limits, "resting": OrderedDict()}
    return type("Patient", (Impatient,), bounds)


class Impatient(H11Protocol):
    """A connection that must send a request header and read the answer in time."""

    limits: ClassVar[Limits]
    resting: "ClassVar[OrderedDict[Impatient, None]]"
    """Connections without a request in progress, the one that has waited longest first."""
    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the header timeout."""
        super().connection_made(transport)
        self._late = self.loop.call_later(self.limits.header_seconds, self.transport.close)
        self._rest()

    def data_received(self, data: bytes) -> None:
        """Process received bytes; keep the timeout running while a header is incomplete."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            _cancel(self._late)
            self._late = None
        elif self._late is None:
            self._late = self.loop.call_later(self.limits.header_seconds, self.transport.close)
        if self.cycle is not None and not self.cycle.response_complete:
            self.resting.pop(self, None)

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the client to read the answer."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._rest()
        if self.transport.get_write_buffer_size():
            self._must_read()

    def pause_writing(self) -> None:
        """Start the timeout of a client that does not read."""
        super().pause_writing()
        self._must_read()

    def resume_writing(self) -> None:
        """End it: the client has read almost everything."""
        super().resume_writing()
        if not self.transport.is_closing():
            _cancel(self._unread)
            self._unread = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeouts."""
        _cancel(self._late)
        _cancel(self._unread)
        self.resting.pop(self, None)
        super().connection_lost(exc)

    def _rest(self) -> None:
        self.resting[self] = None
        self.resting.move_to_end(self)
        if len(self.resting) > max(1, self.limits.connections // 2):
            oldest, _ = self.resting.popitem(last=False)
            oldest.transport.close()

    def _must_read(self) -> None:
        self._unread = self._unread or self.loop.call_later(self.limits.idle_seconds, self._check_read)

    def _check_read(self) -> None:
        self._unread = None
        if self.flow.write_paused or (self.transport.is_closing() and self.transport.get_write_buffer_size()):
            self.transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer:
        timer.cancel()
