"""Run Milvus where no network reaches it: `python milvus_inside.py FOLDER`, in a network namespace of its own.

Milvus 2.3 listens on all interfaces, whatever its settings say; in a namespace of its own there is loopback alone. The
door to the world is FOLDER/door.sock, whose every connection is passed on to the port inside.
"""

import asyncio
import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

from passing import entrance

PORT = 19530
SET_FLAGS, UP = 0x8914, 0x1
FASTER = {
    "PROXY_TIMETICKINTERVAL": "50",
    "QUERYCOORD_CHECKINTERVAL": "50",
    "QUERYCOORD_CHECKCHANNELINTERVAL": "50",
    "QUERYCOORD_CHECKSEGMENTINTERVAL": "50",
    "QUERYCOORD_CHECKINDEXINTERVAL": "50",
    "QUERYCOORD_DISTPULLINTERVAL": "50",
}
"""Milliseconds between looks at the clock and for work to do; a server looks less often, and tests would wait."""


def raise_loopback() -> None:
    """Switch on the namespace's `lo`, which starts switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SET_FLAGS, struct.pack("16sH14x", b"lo", UP))


async def open_door(folder: Path) -> None:
    """Serve FOLDER/door.sock for as long as this process lives."""
    inward = entrance(lambda: asyncio.open_connection("127.0.0.1", PORT))
    server = await asyncio.start_unix_server(inward, folder / "door.sock")
    await server.serve_forever()


def main(folder: Path) -> None:
    """Start Milvus on the data in a folder, then open the door."""
    from milvus import MilvusServer, MilvusServerConfig

    raise_loopback()
    # Milvus locks /run/milvus, whoever else runs one
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    os.environ.update(FASTER)
    server = MilvusServer(MilvusServerConfig(data_dir=str(folder), proxy_port=PORT))
    server.start()
    asyncio.run(open_door(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
