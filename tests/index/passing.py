"""Pass connections on from one socket to another: `python passing.py DOOR` does so from a port of loopback.

It prints the port, and then passes every connection on to the socket at the path DOOR; while there is nobody behind the
door, connections are closed at once.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Entrance = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def entrance(connect: Callable[[], Awaitable[Connection]]) -> Entrance:
    """Return what passes a connection on to another that `connect` makes."""

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            near, far = await connect()
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, far), copy(near, writer))

    return enter


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction of a connection until either end closes."""
    with closing(writer), suppress(ConnectionError):
        while some := await reader.read(1 << 16):
            writer.write(some)
            await writer.drain()


async def serve(door: str) -> None:
    """Listen on a free port of loopback, print it, and pass on what comes."""
    server = await asyncio.start_server(entrance(lambda: asyncio.open_unix_connection(door)), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
