"""A served collection that switches to another model: the model is loaded first, then the table is switched."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diptych.collection import Collection, ModelFingerprint
from diptych.collection.resources import Resources

from .conftest import Running, Serve, fault, png


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def ids(started: Running) -> list[str]:
    answer = started.search(k=24)
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["hits"]]


def model_of(started: Running) -> str:
    """Return the digest of the model that the process answers with."""
    (told,) = [model for model in started.client.get("/v1/models").json() if "shop" in model["collections"]]
    return str(told["digest"])


def test_the_next_model_is_there_before_the_collection_switches(
    serve: Serve, tmp_path: Path, other_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as started, Collection.open(str(tmp_path / "shop")) as mover:
        served, loaded = started.service.collections["shop"], []

        def told(done: int, total: int, label: str) -> None:
            until(lambda: len(served.digests) == 2)
            loaded.append(model_of(started))

        before, old = ids(started), model_of(started)
        mover.reencode(str(other_run), progress=told)
        monkeypatch.setattr("diptych.collection.resources.reopen_model", lambda *_: pytest.fail("it was loaded before"))
        assert set(loaded) == {old}
        now = [hit.id for hit in mover.search("a red square", k=24).hits]
        assert now != before
        assert ids(started) == now
        assert model_of(started) == mover.model.digest != old
        assert ids(started) == now
        monkeypatch.setattr(served, "_switched", -1e9)
        until(lambda: served.digests == {mover.model.digest})
        until(lambda: all(key[0] != old for key in started.service._encoders))
        assert ids(started) == now


def test_the_old_table_answers_while_a_model_is_loaded_too_late(
    serve: Serve, tmp_path: Path, other_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as started, Collection.open(str(tmp_path / "shop")) as mover:
        may, load = threading.Event(), Resources.load_model

        def slowly(resources: Resources, fingerprint: ModelFingerprint) -> Any:
            assert may.wait(30)
            return load(resources, fingerprint)

        monkeypatch.setattr(Resources, "load_model", slowly)
        before, old = ids(started), model_of(started)
        mover.reencode(str(other_run))
        for _ in range(3):
            assert ids(started) == before
        assert model_of(started) == old
        asked = {"data": {"text": "a red square", "collection": "shop"}, "files": {"image": png()}}
        first = started.client.post("/v1/similarity", **asked).json()
        may.set()
        now = [hit.id for hit in mover.search("a red square", k=24).hits]
        until(lambda: ids(started) == now)
        second = started.client.post("/v1/similarity", **asked).json()
        assert first["similarities"] != second["similarities"]
        mover.compact()
        assert ids(started) == now


def test_a_model_that_cannot_be_loaded_makes_the_service_not_ready(
    serve: Serve, tmp_path: Path, other_run: Path
) -> None:
    run = shutil.copytree(other_run, tmp_path / "gone")
    with serve() as started, Collection.open(str(tmp_path / "shop")) as mover:
        before = ids(started)
        served = started.service.collections["shop"]

        def told(done: int, total: int, label: str) -> None:
            if run.exists():
                shutil.rmtree(run)

        with served.collection.resources._loading:  # nothing is loaded before the run is removed
            mover.reencode(str(run), progress=told)
        until(lambda: started.client.get("/readyz").status_code == 503)
        answer = started.search()
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "the run that filled this collection is no longer at" in fault(answer)["message"]
        assert fault(started.client.get("/readyz"))["code"] == "bad_checkpoint"
        shutil.copytree(other_run, run)
        served._faults.clear()
        until(lambda: ids(started) != before)
        assert started.client.get("/readyz").status_code == 200


def test_a_store_that_takes_too_long_is_not_ready(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.web.service.LOOK_SECONDS", 0.2)
    with serve() as started:
        assert started.client.get("/readyz").status_code == 200
        may = threading.Event()
        monkeypatch.setattr(started.service.collections["shop"], "check", lambda: may.wait(30) and None)
        answer = started.client.get("/readyz")
        assert answer.status_code == 503
        assert fault(answer)["message"] == "a store did not answer in time. Check its server."
        assert started.client.get("/healthz").status_code == 200
        may.set()
