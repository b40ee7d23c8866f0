"""How many searches by text the service answers, batched and one by one, and what happens when too many come.

    python bench/serving.py shop
    python bench/serving.py shop --clients 32 --seconds 600 --only soak

It starts `diptych serve` on PLACE, a collection, in a process of its own and asks it from this one: over plain sockets,
since a client library would take as much of the processor as the service. Every text differs from every other.

    batched       as the service comes
    one by one    the same with --limit together=1
    beyond        far more clients than may wait: only 200, 429 and 503 may be seen
    soak          the batched load for --seconds, with the service's memory before and after
"""

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

WORDS = (
    "red",
    "blue",
    "green",
    "square",
    "disc",
    "cat",
    "dog",
    "house",
    "tree",
    "smiling",
    "small",
    "old",
    "car",
    "bird",
)
UNLIMITED = ("rate=0",)
PAUSE = 0.25
"""Seconds after which a client that was sent away comes again: sooner than it is told to."""
PATIENCE = 300.0
"""Seconds to wait for the service to start."""


@dataclass
class Load:
    """What a number of clients saw."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    """Of the answers with status 200."""

    def line(self, name: str, clients: int) -> str:
        """Return a row of the table."""
        found = np.percentile(self.times, (50, 95, 99)) * 1000 if self.times else [float("nan")] * 3
        told = ", ".join(f"{status}: {number:,}" for status, number in sorted(self.statuses.items()))
        rate = self.statuses[200] / self.seconds
        return f"| {name} | {clients} | {rate:.1f} | {' | '.join(f'{each:.0f}' for each in found)} | {told} |"


@contextmanager
def served(place: str, *limits: str) -> Iterator[tuple[int, int]]:
    """Yield the port and the process of a service."""
    port = _free_port()
    given = [part for limit in (*UNLIMITED, *limits) for part in ("--limit", limit)]
    command = [sys.executable, "-m", "diptych", "serve", place, "--port", str(port), *given]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def load(port: int, collection: str, *, clients: int, seconds: float) -> Load:
    """Return what that many clients saw, each asking again as soon as it is answered."""
    return asyncio.run(_load(port, collection, clients, seconds))


async def _load(port: int, collection: str, clients: int, seconds: float) -> Load:
    seen, numbers, start = Load(), count(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_client(port, collection, start + seconds, numbers, seen))
    seen.seconds = time.perf_counter() - start
    return seen


async def _client(port: int, collection: str, end: float, numbers: Iterator[int], seen: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(request_of(collection, next(numbers)))
            try:
                status, closes = await answered(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                status, closes = 0, True
            seen.statuses[status] += 1
            if status == 200:
                seen.times.append(time.perf_counter() - began)
            else:
                await asyncio.sleep(PAUSE)
            if closes:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
    finally:
        writer.close()


def request_of(collection: str, number: int) -> bytes:
    """Return a search by a text that no other number has."""
    draw = np.random.default_rng(number)
    text = " ".join([*draw.choice(WORDS, 6), str(number)])
    body = urlencode({"collection": collection, "text": text, "k": 10}).encode()
    head = (
        "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answered(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Return the status of the next answer, and whether the connection ends with it; 0 where there was none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length:"))
    await reader.readexactly(length)
    return int(head.split()[1]), "connection: close" in head


def resident(process: int) -> float:
    """Return the megabytes that a process has in memory."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def soak(place: str, name: str, *, clients: int, seconds: float, parts: int = 10) -> Iterator[str]:
    """Yield rows of a long load, part by part, with the memory after each."""
    with served(place) as (port, process):
        for part in range(parts):
            seen = load(port, name, clients=clients, seconds=seconds / parts)
            yield seen.line(f"soak {part + 1}/{parts}, {resident(process):.0f} MB", clients)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                if json.load(answer)["status"] == "ready":
                    return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the service did not start; run diptych serve by hand to see why")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _measure(place: str, name: str, wanted: Sequence[str], clients: int, seconds: float) -> Iterator[str]:
    for title, limits in (("batched", ()), ("one by one", ("together=1", "gather_seconds=0"))):
        if title in wanted:
            with served(place, *limits) as (port, _):
                load(port, name, clients=clients, seconds=2)
                for number in (1, clients):
                    yield load(port, name, clients=number, seconds=seconds).line(title, number)
    if "beyond" in wanted:
        with served(place, f"in_hand={2 * clients}") as (port, _):
            yield load(port, name, clients=10 * clients, seconds=seconds).line("beyond", 10 * clients)


def main() -> None:
    """Read the arguments, start services, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", nargs="+", default=["batched", "one by one", "beyond"])
    arguments = parser.parse_args()
    name = Path(arguments.place).resolve().name
    print("| load | clients | answers a second | p50 ms | p95 ms | p99 ms | statuses |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for line in _measure(arguments.place, name, arguments.only, arguments.clients, arguments.seconds):
        print(line, flush=True)
    if "soak" in arguments.only:
        for line in soak(arguments.place, name, clients=arguments.clients, seconds=arguments.seconds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
