"""What honest clients of the service see while others send it garbage, and whether its memory stays flat.

    python bench/mixed_load.py shop [--seconds 120]

It starts `diptych serve` on PLACE, a collection, and asks it for searches by text and by picture at a steady pace:
first undisturbed, then for --seconds while other clients send made-up methods, broken headers, bodies that stop,
pictures that are none, bombs, hostile filters and unknown paths. Reached means: every honest answer has status 200, its
median and 95th percentile stay within twice those of undisturbed clients, and memory, that of workers included,
grows by less than a tenth between the first fifth and the end.
"""

import argparse
import asyncio
import io
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from serving import answered, request_of, served

HONEST, HOSTILE = 4, 8
"""Clients of each kind."""
PACE = 0.25
"""Seconds between two requests of an honest client."""
HURRY = 0.2
"""Seconds between two of a hostile one."""
MOST = 2.0
"""How many times as long an honest answer may take."""
GROWTH = 0.1


@dataclass
class Seen:
    """What honest clients saw."""

    times: dict[str, list[float]] = field(default_factory=lambda: {"text": [], "picture": []})
    refused: int = 0
    hostile: int = 0
    """Requests of the others."""


def form(collection: str, picture: bytes) -> bytes:
    """Return a search by a picture."""
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="collection"\r\n\r\n' + collection.encode(),
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + picture,
        b"--x--\r\n",
    ]
    return posted("/v1/search", b"\r\n".join(parts), "multipart/form-data; boundary=x")


def posted(path: str, body: bytes, kind: str, *, announced: int | None = None) -> bytes:
    """Return a POST request."""
    length = len(body) if announced is None else announced
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + body


def picture(seed: int) -> bytes:
    """Return a small photograph-like PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).resize((320, 240)).save(written, "PNG")
    return written.getvalue()


def bomb() -> bytes:
    """Return a PNG whose header announces 6,000 x 6,000 pixels, and whose rows are missing."""
    header = struct.pack(">IIBBBBB", 6000, 6000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def garbage(collection: str, draw: random.Random) -> bytes:
    """Return one hostile request."""
    form_kind, lines = "application/x-www-form-urlencoded", "application/x-ndjson"
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: f"{draw.randbytes(20).hex().upper()} /{draw.random()} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        lambda: draw.randbytes(draw.randint(1, 5_000)),
        lambda: b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 40_000,
        lambda: f"GET /v1/collections/{'../' * 20}etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        lambda: posted("/v1/search", b"collection=", form_kind, announced=5_000),
        lambda: posted("/v1/search", b"x" * 60_000, form_kind),
        lambda: posted("/v1/search", f"collection={collection}&text=a&where={'(' * 5_000}".encode(), form_kind),
        lambda: posted("/v1/search", f"collection={collection}&text=a&k=999999999".encode(), form_kind),
        lambda: posted(f"/v1/collections/{collection}/items", b'{"id": "\\ud800", "text": 1}\n' * 50, lines),
        lambda: posted(f"/v1/collections/{collection}/items", draw.randbytes(20_000), lines),
        lambda: form(collection, draw.randbytes(20_000)),
        lambda: form(collection, picture(draw.randint(0, 99))[: draw.randint(1, 5_000)]),
        lambda: form(collection, bomb()),
    )
    return draw.choice(kinds)()


async def honest(port: int, collection: str, number: int, end: float, seen: Seen, numbers: Iterator[int]) -> None:
    """Search at a steady pace, by turns with a text and a picture."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < end:
            kind = ("text", "picture")[number % 2]
            number += 1
            sent = request_of(collection, next(numbers)) if kind == "text" else form(collection, picture(next(numbers)))
            start = time.perf_counter()
            writer.write(sent)
            status, closes = await answered(reader)
            taken = time.perf_counter() - start
            if status == 200:
                seen.times[kind].append(taken)
            else:
                seen.refused += 1
            if closes:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(max(0.0, PACE - taken))
    finally:
        writer.close()


async def hostile(port: int, collection: str, number: int, end: float, seen: Seen) -> None:
    """Send garbage on new connections, and leave some of them open without a word."""
    draw, left_open = random.Random(number), list[asyncio.StreamWriter]()
    while time.perf_counter() < end:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(garbage(collection, draw))
            seen.hostile += 1
            if draw.random() < 0.2:
                left_open.append(writer)
            else:
                with suppress(TimeoutError, OSError):
                    await asyncio.wait_for(reader.read(100_000), 1)
                writer.close()
        await asyncio.sleep(HURRY)
    for writer in left_open:
        writer.close()


async def load(port: int, collection: str, seconds: float, *, disturbed: bool) -> Seen:
    """Return what honest clients saw in that time."""
    seen, end, numbers = Seen(), time.perf_counter() + seconds, count()
    async with asyncio.TaskGroup() as group:
        for number in range(HONEST):
            group.create_task(honest(port, collection, number, end, seen, numbers))
        for number in range(HOSTILE if disturbed else 0):
            group.create_task(hostile(port, collection, number, end, seen))
    return seen


def resident(process: int) -> float:
    """Return the megabytes that a process and its children have in memory."""
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return float(sum(each.memory_info().rss for each in family)) / 1e6


def main() -> None:
    """Measure and print a table; the exit status is 1 if it is not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place")
    parser.add_argument("--seconds", type=float, default=120.0)
    options = parser.parse_args()
    name = Path(options.place).resolve().name
    with served(options.place) as (port, process):
        asyncio.run(load(port, name, 5, disturbed=True))  # everything has been met once
        calm = asyncio.run(load(port, name, options.seconds / 2, disturbed=False))
        memory, loud = [], Seen()
        for _ in range(5):
            part = asyncio.run(load(port, name, options.seconds / 5, disturbed=True))
            memory.append(resident(process))
            loud.refused, loud.hostile = loud.refused + part.refused, loud.hostile + part.hostile
            for kind, times in part.times.items():
                loud.times[kind] += times
    reached = not (calm.refused or loud.refused) and memory[-1] < (1 + GROWTH) * memory[0]
    print("| honest search by | answers | undisturbed p50, p95 ms | beside garbage p50, p95 ms | times |")
    print("|---|---:|---:|---:|---:|")
    for kind in calm.times:
        before, after = (np.percentile(each.times[kind], (50, 95)) * 1000 for each in (calm, loud))
        reached = reached and bool((after <= MOST * before).all())
        shown = [", ".join(f"{value:.0f}" for value in each) for each in (before, after)]
        ratio = ", ".join(f"{value:.2f}" for value in after / before)
        print(f"| {kind} | {len(loud.times[kind]):,} | {shown[0]} | {shown[1]} | {ratio} |")
    grown = ", ".join(f"{each:.0f}" for each in memory)
    print(f"\n{loud.hostile:,} hostile requests; {calm.refused + loud.refused} honest ones refused; memory {grown} MB.")
    print("reached" if reached else "missed")
    raise SystemExit(not reached)


if __name__ == "__main__":
    main()
