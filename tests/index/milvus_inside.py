"""Run Milvus where no network reaches it: `python milvus_inside.py FOLDER`, in a network namespace of its own.

Milvus 2.3 listens on all interfaces, whatever its settings say; in a namespace of its own there is loopback alone. The
door to the world is FOLDER/door.sock, whose every connection is passed on to the port inside.
"""

import asyncio
import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

PORT = 19530
SET_FLAGS, UP = 0x8914, 0x1
FASTER = {
    "proxy.timeTickInterval": 50,
    "queryCoord.checkInterval": 100,
    "queryCoord.distPullInterval": 100,
    "proxy.accessLog.enable": False,
}
"""Milliseconds between looks at the clock, and for work to do, which a server spaces wider."""


def raise_loopback() -> None:
    """Switch on the namespace's `lo`, which starts switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SET_FLAGS, struct.pack("16sH14x", b"lo", UP))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction of a connection until either end closes."""
    try:
        while some := await reader.read(1 << 16):
            writer.write(some)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def open_door(folder: Path) -> None:
    """Serve FOLDER/door.sock for as long as this process lives."""

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near, far = await asyncio.open_connection("127.0.0.1", PORT)
        await asyncio.gather(pass_on(reader, far), pass_on(near, writer))

    server = await asyncio.start_unix_server(enter, folder / "door.sock")
    await server.serve_forever()


def main(folder: Path) -> None:
    """Start Milvus on the data in a folder, then open the door."""
    from milvus import MilvusServer, MilvusServerConfig

    raise_loopback()
    # Milvus locks /run/milvus, whoever else runs one
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    config = MilvusServerConfig(data_dir=str(folder), proxy_port=PORT)
    for name, value in FASTER.items():
        config.set(name, value)
    server = MilvusServer(config)
    server.start()
    asyncio.run(open_door(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
