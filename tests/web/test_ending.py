"""The end of the service process: a signal ends it in time, whatever runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from diptych.collection import Collection

from .conftest import NDJSON, QUERY, Made
from .processes import ROOT, Process, free_port

pytestmark = pytest.mark.slow
SECONDS = 3
"""The limit `shutdown_seconds` in these tests."""
MARGIN = 4
"""Seconds that a busy machine may take besides."""
SLOW = """
import sys, time
from pathlib import Path
from diptych.collection import Collection
from diptych.web.limits import Limits
from diptych.web.startup import Options, serve

def slow(*arguments, **options):
    Path(sys.argv[4]).touch()
    time.sleep(120)

setattr(Collection, sys.argv[1], slow)
limits = Limits(rate=0.0, shutdown_seconds=float(sys.argv[5]))
serve(Options([sys.argv[2]], port=int(sys.argv[3]), limits=limits), told=print)
"""
"""A service of which one operation of the collection takes two minutes, as one on a store that hangs does."""


@contextmanager
def slow_service(operation: str, place: Path, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str, Path]]:
    """Yield the process of a slow service, its address, and the file that exists once the operation runs."""
    port, begun = free_port(), folder / "begun"
    command = [sys.executable, "-c", SLOW, operation, str(place), str(port), str(begun), str(SECONDS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DIPTYCH_THREADS": "1"}
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log, env=environment) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/healthz")
            yield process, f"http://127.0.0.1:{port}", begun
        finally:
            process.kill()


def wait_for(url: str) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            httpx.get(url, timeout=10)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"nothing answers at {url}")


@pytest.mark.parametrize(
    ("operation", "path", "options"),
    [
        ("search_embedded", "/v1/search", {"data": QUERY}),
        ("put", "/v1/collections/shop/items", {"content": '{"id": "a", "text": "a"}\n', "headers": NDJSON}),
        ("explain", "/v1/explain", {"data": {**QUERY, "id": "p3"}}),
    ],
)
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_time_whatever_runs(
    made: Made, own_cache: Path, tmp_path: Path, operation: str, path: str, options: dict[str, object], sign: int
) -> None:
    with slow_service(operation, made.place, tmp_path) as (process, url, begun), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx.post, f"{url}{path}", timeout=60, **options)  # type: ignore[arg-type]
        end = time.monotonic() + 30
        while not begun.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(sign)
        assert process.wait(60) == 128 + sign
        assert time.monotonic() - began < SECONDS + MARGIN
        if operation == "put":
            assert asked.exception() or "done" not in asked.result().text
        else:
            assert asked.result().status_code == 503
            assert "the service is shutting down." in asked.result().text
    assert "the shutdown took too long; what was still running is given up" in (tmp_path / "log").read_text()


def test_a_signal_ends_a_service_without_work_at_once_and_items_that_it_acknowledged_stay(
    made: Made, own_cache: Path, tmp_path: Path
) -> None:
    with Collection.create(str(tmp_path / "shop"), str(made.run)):
        pass
    process = Process(str(tmp_path / "shop"), tmp_path, "--limit", f"shutdown_seconds={SECONDS}")
    try:
        process.wait()
        answer = httpx.put(f"{process.url}/v1/collections/shop/items/a", data={"text": "a"}, timeout=60)
        assert answer.json()["outcome"] == "added"
        began = time.monotonic()
        process.end()
        assert time.monotonic() - began < SECONDS + MARGIN
    finally:
        process.kill()
    with Collection.open(str(tmp_path / "shop")) as collection:
        assert collection.ids() == ["a"]
