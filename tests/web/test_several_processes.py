"""Several processes over one collection, behind nginx: reads after writes, another model, and what dies."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from diptych.client import Client, Item
from diptych.collection import Collection
from diptych.errors import Refused
from tests.index import servers_milvus, servers_postgresql

from .conftest import NDJSON, QUERY, Made, fault, png, told
from .processes import ROOT, Process, nginx, processes

pytestmark = pytest.mark.slow
KINDS = ["postgresql", pytest.param("milvus", marks=pytest.mark.thorough)]
STARTED: dict[str, Callable[[], Iterator[Any]]] = {
    "postgresql": servers_postgresql.running_server,
    "milvus": servers_milvus.running_server,
}
TEXTS = ("a red square", "a blue disc", "number 7 is a square")
PAUSE = 0.02
"""Seconds between two requests of a client: the traffic is constant, and bounded."""


@dataclass(frozen=True)
class Fleet:
    """Two processes over one collection, nginx before them, and the server that they share."""

    place: str
    server: Any
    processes: list[Process]
    url: str

    @contextmanager
    def clients(self) -> Iterator[list[httpx.Client]]:
        """Yield a client of each process."""
        with ExitStack() as stack:
            made = [httpx.Client(base_url=each.url, timeout=60) for each in self.processes]
            yield [stack.enter_context(each) for each in made]


@pytest.fixture
def pair(fleet: Fleet) -> Iterator[list[httpx.Client]]:
    """Yield a client of each process."""
    with fleet.clients() as clients:
        yield clients


@pytest.fixture(scope="module", params=KINDS)
def fleet(
    request: pytest.FixtureRequest,
    made: Made,
    tiny_set: Path,
    shared_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    pytest.importorskip("psycopg" if request.param == "postgresql" else "pymilvus")
    folder = tmp_path_factory.mktemp("fleet")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        server = stack.enter_context(contextmanager(STARTED[request.param])())
        place = f"{server.uri}#c{uuid.uuid4().hex[:12]}"
        with Collection.create(place, str(made.run)) as collection:
            collection.add(str(tiny_set))
        options = ("--uploads", str(folder / "uploads"), "--proxy", "127.0.0.1")
        two = stack.enter_context(processes(place, folder, *options))
        url = stack.enter_context(nginx([each.port for each in two], folder))
        yield Fleet(place, server, two, url)


def name_of(fleet: Fleet) -> str:
    return fleet.place.rpartition("#")[2]


def search(client: httpx.Client, fleet: Fleet, **fields: Any) -> httpx.Response:
    return client.post("/v1/search", data={**QUERY, "collection": name_of(fleet), **fields})


def listing(fleet: Fleet) -> list[Item]:
    with Client(fleet.url) as client:
        return list(client.items(name_of(fleet)))


def reencode(place: str, run: Path) -> dict[str, Any]:
    """Move a collection to another model in a process of its own, and return what it says."""
    command = [sys.executable, "-m", "diptych", "collection", "reencode", place, "--model", str(run), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    moved: dict[str, Any] = json.loads(done.stdout)
    return moved


def current_model(client: httpx.Client, name: str) -> bool:
    """Return whether a process answers with the model that its collection names."""
    models = client.get("/v1/models").json()
    digest = client.get(f"/v1/collections/{name}").json()["model"]
    return [model["digest"] for model in models if name in model["collections"]] == [digest]


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def found(answer: httpx.Response) -> list[tuple[str, float]]:
    assert answer.status_code == 200, answer.text
    return [(hit["id"], round(hit["similarity"], 4)) for hit in answer.json()["hits"]]


def test_what_one_process_writes_the_other_finds_at_once(fleet: Fleet, pair: list[httpx.Client]) -> None:
    one, two = pair
    items = f"/v1/collections/{name_of(fleet)}/items"
    for turn, (writer, reader) in enumerate([(one, two), (two, one)] * 3):
        columns = json.dumps({"year": turn})
        put = writer.put(f"{items}/n", data={"text": "green", "columns": columns}, files={"image": png("green")})
        assert put.json()["outcome"] == ("added" if turn == 0 else "updated")
        assert "n" in [identity for identity, _ in found(search(reader, fleet, k=25))]
        assert [identity for identity, _ in found(search(reader, fleet, where=f"year = {turn}"))] == ["n"]
        assert reader.get(f"{items}/n").json()["columns"] == {"year": turn}
        assert reader.get(f"/v1/collections/{name_of(fleet)}/thumbnails/n").content[8:12] == b"WEBP"
    assert two.delete(f"{items}/n").json() == {"removed": 1}
    assert "n" not in [identity for identity, _ in found(search(one, fleet, k=25))]
    assert one.get(f"{items}/n").status_code == 404
    rows = [{"id": f"s{k}", "image": base64.b64encode(png()).decode()} for k in range(5)]
    streamed = one.post(items, content="\n".join(map(json.dumps, rows)), headers=NDJSON)
    assert told(streamed)[-1]["added"] == 5
    assert {f"s{k}" for k in range(5)} <= {identity for identity, _ in found(search(two, fleet, k=30))}
    for k in range(5):
        assert two.delete(f"{items}/s{k}").status_code == 200
    assert found(search(one, fleet, k=30)) == found(search(two, fleet, k=30))


def test_through_nginx_all_is_as_it_is_without(fleet: Fleet, tiny_set: Path) -> None:
    with Client(fleet.url) as client:
        name = name_of(fleet)
        assert client.collections() == [name]
        hits = client.search(name, "a red square", image=tiny_set / "3.png", k=5).hits
        assert len(hits) == 5
        assert client.put(name, "a/ä ?", texts=["one"], image=png(), columns={"year": 3}) == "added"
        assert client.get(name, "a/ä ?").columns == {"year": 3}
        assert client.put_many(name, ({"id": f"r{k}", "text": f"number {k}"} for k in range(20))).added == 20
        client.remove(name, "a/ä ?")
        for k in range(20):
            client.remove(name, f"r{k}")
    with httpx.Client(base_url=fleet.url, timeout=60) as plain:
        large = plain.put(f"/v1/collections/{name}/items/x", files={"image": b"x" * 19_000_000})
        assert fault(large)["code"] == "bad_data"
        forwarded = plain.get("/healthz", headers={"X-Forwarded-For": "203.0.113.9"})
        assert forwarded.status_code == 200
    assert all("client=127.0.0.1" in each.log for each in fleet.processes)
    assert not any("203.0.113.9" in each.log for each in fleet.processes)


def test_another_model_takes_over_while_every_search_is_answered(
    fleet: Fleet, pair: list[httpx.Client], made: Made, other_run: Path
) -> None:
    name = name_of(fleet)
    expected = {text: [found(search(pair[0], fleet, text=text))] for text in TEXTS}
    over, answers, written = threading.Event(), Counter[str](), dict[str, str]()

    def searches(number: int) -> list[tuple[str, list[tuple[str, float]]]]:
        """Search without end, in turns directly and through nginx, and return all that was answered."""
        seen = []
        with httpx.Client(base_url=[*(each.url for each in fleet.processes), fleet.url][number % 3], timeout=60) as own:
            while not over.is_set():
                text = TEXTS[len(seen) % len(TEXTS)]
                seen.append((text, found(search(own, fleet, text=text))))
                time.sleep(PAUSE)
        return seen

    def writes() -> None:
        """Put texts in and take every third out again, which changes no search for pictures."""
        with httpx.Client(base_url=fleet.url, timeout=60) as own:
            for number in range(10_000):
                if over.is_set():
                    return
                own.put(f"/v1/collections/{name}/items/w{number}", data={"text": f"{number}"}).raise_for_status()
                written[f"w{number}"] = "there"
                if number % 3 == 2:
                    own.delete(f"/v1/collections/{name}/items/w{number - 1}").raise_for_status()
                    written[f"w{number - 1}"] = "gone"

    with ThreadPoolExecutor(4) as pool:
        searching = [pool.submit(searches, number) for number in range(3)]
        writing = pool.submit(writes)
        try:
            moved = reencode(fleet.place, other_run)
            assert moved["added"] >= 24
            wait_until(lambda: all(current_model(client, name) for client in pair))
        finally:
            over.set()
        writing.result()
        seen = [answer for each in searching for answer in each.result()]
    for text in TEXTS:
        expected[text].append(found(search(pair[0], fleet, text=text)))
        assert expected[text][0] != expected[text][1]
        with Collection.open(fleet.place) as collection:
            hits = collection.search(text, k=10).hits
        assert [hit.id for hit in hits] == [identity for identity, _ in expected[text][1]]
    for text, hits in seen:
        answers["old" if hits == expected[text][0] else "new" if hits == expected[text][1] else "neither"] += 1
    assert answers["neither"] == 0
    assert answers["old"] > 10
    listed = {item.id for item in listing(fleet)}
    assert {identity for identity, fate in written.items() if fate == "there"} == {i for i in listed if i[0] == "w"}
    assert all("loaded the model" in each.log for each in fleet.processes)


def test_a_killed_process_costs_no_client_an_answer(fleet: Fleet) -> None:
    """Kill one of the two, which the tests that follow do without."""
    name, over = name_of(fleet), threading.Event()

    def asks(number: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        with httpx.Client(base_url=fleet.url, timeout=60) as own:
            while not over.is_set():
                statuses[search(own, fleet, text=f"{number} {statuses.total()}").status_code] += 1
                item = own.put(f"/v1/collections/{name}/items/k{number}", data={"text": f"{statuses.total()}"})
                statuses[item.status_code] += 1
                time.sleep(PAUSE)
        return statuses

    def streams() -> int:
        with Client(fleet.url) as client:
            taken = client.put_many(name, ({"id": f"m{k}", "text": f"number {k}"} for k in range(600)))
            return taken.added + taken.unchanged + taken.updated

    with ThreadPoolExecutor(4) as pool:
        asking, streaming = [pool.submit(asks, number) for number in range(3)], pool.submit(streams)
        time.sleep(1.5)
        fleet.processes[0].kill()
        assert streaming.result() == 600
        time.sleep(1)
        over.set()
        statuses = sum((each.result() for each in asking), Counter[int]())
    assert set(statuses) == {200}
    assert statuses[200] > 20
    listed = {item.id for item in listing(fleet)}
    assert {f"m{k}" for k in range(600)} | {f"k{k}" for k in range(3)} <= listed


def test_a_service_outlives_its_store(fleet: Fleet) -> None:
    name, left = name_of(fleet), fleet.processes[1]
    with httpx.Client(base_url=fleet.url, timeout=90) as client, Client(fleet.url) as patient:
        before = found(search(client, fleet))
        fleet.server.kill()
        for answer in (
            search(client, fleet),
            client.get(f"/v1/collections/{name}/items/p1"),
            client.put(f"/v1/collections/{name}/items/late", data={"text": "late"}),
            client.get("/v1/collections"),
            client.get("/readyz"),
        ):
            assert answer.status_code == 503, answer.text
            assert fault(answer)["code"] in ("store_failed", "busy", "too_long")
            assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/healthz").status_code == 200
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(patient.search, name, "a red square", k=10)
            fleet.server.start()  # in this thread, with whose end the server would end too
            if fleet.place.startswith("postgresql"):  # which is back in seconds, before the client gives up
                assert [hit.id for hit in waiting.result().hits] == [identity for identity, _ in before]
        wait_until(left.ready)
        assert found(search(client, fleet)) == before
        late = client.put(f"/v1/collections/{name}/items/late", data={"text": "late"})
        assert late.json()["outcome"] == "added"


def test_nobody_behind_nginx_is_said_in_the_one_shape(fleet: Fleet) -> None:
    fleet.processes[1].kill()
    with httpx.Client(base_url=fleet.url, timeout=60) as client, Client(fleet.url) as impatient:
        answer = search(client, fleet)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert fault(answer)["message"] == "no process of the service answers. Try again soon."
        with pytest.raises(Refused, match="no process of the service answers"):
            impatient.collections()
