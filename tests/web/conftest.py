"""A service on a port of this machine, with a collection of squares and discs."""

import asyncio
import io
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from PIL import Image

from diptych.collection import Collection
from diptych.retriever import Retriever
from diptych.web.limits import Limits
from diptych.web.service import Service
from diptych.web.startup import Options, Server, admission_of, open_service
from tests.collection.conftest import SETTINGS, own_cache, shared_cache

__all__ = ["own_cache", "shared_cache"]

NDJSON = {"Content-Type": "application/x-ndjson"}
QUERY = {"collection": "shop", "text": "a red square"}


@dataclass(frozen=True)
class Made:
    run: Path
    place: Path


@pytest.fixture(scope="session")
def made(tiny_set: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Return a run, and a collection of all squares and discs that it filled."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        Retriever.train(
            "mcsm", str(tiny_set), out=folder / "runs" / "first", settings=SETTINGS,
            image_encoder="efficientnet-lite0", text_encoder="glove",
        )  # fmt: skip
        with Collection.create(str(folder / "shop"), str(folder / "runs" / "first")) as collection:
            collection.add(str(tiny_set))
        yield Made(folder / "runs" / "first", folder / "shop")


@pytest.fixture(scope="session")
def other_run(made: Made, tiny_set: Path, shared_cache: Path) -> Path:
    """Return a run of the same method from other first weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        Retriever.train(
            "mcsm", str(tiny_set), out=made.run.parent / "second", seed=1, settings=SETTINGS,
            image_encoder="efficientnet-lite0", text_encoder="glove",
        )  # fmt: skip
    return made.run.parent / "second"


@dataclass(frozen=True)
class Running:
    """A service that runs, and a client of it."""

    port: int
    service: Service
    server: Server
    client: httpx.Client
    thread: Thread

    def search(self, **fields: Any) -> httpx.Response:
        return self.client.post("/v1/search", data={**QUERY, **fields})

    def stop(self) -> None:
        self.service.stopping = True
        self.server.should_exit = True
        self.thread.join(60)


@contextmanager
def running(options: Options) -> Iterator[Running]:
    admission = admission_of(options)
    service = open_service(options)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(service, admission, replace(options, port=port))
    # in the way that `run` does it, but with an end that can be waited for
    thread = Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        started = Running(port, service, server, client, thread)
        try:
            yield started
        finally:
            started.stop()
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def shared_service(made: Made, shared_cache: Path) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        options = Options([str(made.place), str(made.run)], runs=made.run.parent, limits=Limits(rate=0.0))
        with running(options) as started:
            yield started


@pytest.fixture
def shop(shared_service: Running, own_cache: Path) -> Running:
    """Return a service that is only read from."""
    return shared_service


Serve = Callable[..., Any]


@pytest.fixture
def serve(made: Made, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Return a function that runs a service of a copy of the collection, with options and limits."""
    monkeypatch.setenv("DIPTYCH_THREADS", "1")

    def start(*, limits: dict[str, Any] | None = None, **options: Any) -> Any:
        place = tmp_path / "shop"
        if not place.exists():
            shutil.copytree(made.place, place)
        return running(Options([str(place)], limits=Limits(**{"rate": 0.0, **(limits or {})}), **options))

    return start


def png(colour: str = "red", size: tuple[int, int] = (48, 48)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


def fault(response: httpx.Response) -> dict[str, Any]:
    """Return what an error says, after a look at its shape."""
    body = response.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "hint"}
    assert all(body["error"][name] for name in ("code", "message"))
    error: dict[str, Any] = body["error"]
    return error


def told(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]
