"""Runs, benchmarks, models, counts and the page."""

import json
import logging
import shutil
from pathlib import Path

import pytest

from diptych.errors import BadData, UnknownName
from diptych.runs import entries, history
from diptych.web.logs import JsonFormatter, PlainFormatter
from diptych.web.routes import page

from .conftest import Made, Running, Serve, fault

TABLE = {"data": "tiny", "splits": ["0"], "rows": [{"method": "mcsm", "average": 0.5}], "seed": 0}


def test_runs_are_listed_with_how_they_were_trained(shop: Running, made: Made) -> None:
    (run,) = shop.client.get("/v1/runs").json()
    assert (run["name"], run["method"], run["finished"], run["epochs"]) == ("first", "mcsm", True, 2)
    lines = shop.client.get("/v1/runs/first/history").json()
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[1]["losses"].keys() == history(made.run.parent, "first")[1]["losses"].keys()
    assert run["validation_map"] == max(line["validation_map"] for line in lines)
    answer = shop.client.get("/v1/runs/frist/history")
    assert answer.status_code == 404
    assert fault(answer)["message"] == "runs has no entry 'frist'. Did you mean 'first'?"


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert entries(tmp_path) == []
    with pytest.raises(UnknownName, match="runs has no entry 'other'"):
        history(tmp_path, "other")


def test_benchmarks_are_shown_with_their_reports(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / "mine"
    folder.mkdir(parents=True)
    (folder / "table.json").write_text(json.dumps(TABLE))
    (tmp_path / "benchmarks" / "secret.html").write_text("secret")
    with serve(benchmarks=tmp_path / "benchmarks") as started:
        (found,) = started.client.get("/v1/benchmarks").json()
        assert (found["name"], found["rows"]) == ("mine", TABLE["rows"])
        assert fault(started.client.get(found["report"]))["message"].startswith("the benchmark 'mine' has no report.")
        (folder / "report.html").write_text("<!doctype html><title>é</title>", encoding="utf-8")
        answer = started.client.get(found["report"])
        assert answer.text == "<!doctype html><title>é</title>"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        for name in ("yours", "..", "%2e%2e", "..%2Fsecret.html"):
            answer = started.client.get(f"/v1/benchmarks/{name}/report")
            assert answer.status_code == 404
            assert "secret" not in answer.text.replace("secret.html", "")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[1]",
        "null",
        "3",
        '{"data": "tiny"}',
        '{"data": 3, "splits": 4, "rows": 5}',
        "[" * 5_000,
        "\udcff",
        None,
    ],
)
def test_a_broken_benchmark_costs_one_entry(serve: Serve, tmp_path: Path, broken: str | None) -> None:
    for name in ("one", "two"):
        (tmp_path / "benchmarks" / name).mkdir(parents=True)
    (tmp_path / "benchmarks" / "one" / "table.json").write_text(json.dumps(TABLE))
    if broken is None:
        (tmp_path / "benchmarks" / "two" / "table.json").mkdir()
    else:
        (tmp_path / "benchmarks" / "two" / "table.json").write_text(broken, errors="surrogateescape")
    with serve(benchmarks=tmp_path / "benchmarks") as started:
        answer = started.client.get("/v1/benchmarks")
    assert [each["name"] for each in answer.json()] == ["one"]


@pytest.mark.parametrize(
    ("file", "broken"),
    [
        *(("config.json", text) for text in ("", "{", "[1]", "null", "{}", "\udcff")),
        *(("metrics.jsonl", text) for text in ("{", "{}", '{"validation_map": "x"}', "\udcff")),
    ],
)
def test_a_broken_run_costs_one_entry(serve: Serve, made: Made, tmp_path: Path, file: str, broken: str) -> None:
    for name in ("good", "bad"):
        shutil.copytree(made.run, tmp_path / "runs" / name)
    assert (tmp_path / "runs" / "bad" / file).is_file()
    (tmp_path / "runs" / "bad" / file).write_text(broken, errors="surrogateescape")
    with serve(runs=tmp_path / "runs") as started:
        assert [each["name"] for each in started.client.get("/v1/runs").json()] == ["good"]
        answer = started.client.get("/v1/runs/bad/history")
    if file == "metrics.jsonl":
        assert answer.status_code == 503
        assert "Copy it again, or train again." in fault(answer)["message"]
        assert str(tmp_path) not in answer.text


def test_without_folders_there_is_nothing_to_show(serve: Serve) -> None:
    with serve() as started:
        assert started.client.get("/v1/runs").json() == started.client.get("/v1/benchmarks").json() == []
        assert "Start it with --runs DIR." in fault(started.client.get("/v1/runs/a/history"))["message"]
        assert "Start it with --benchmarks DIR." in fault(started.client.get("/v1/benchmarks/a/report"))["message"]


def test_a_model_is_told_once_with_all_that_it_serves(shop: Running, made: Made) -> None:
    (model,) = shop.client.get("/v1/models").json()
    assert (model["collections"], model["names"], model["method"]) == (["shop"], ["first"], "mcsm")
    assert model["encoders"] == {"image": "efficientnet-lite0", "text": "glove"}
    assert str(made.run) not in json.dumps(model)
    detail = shop.client.get("/v1/collections/shop").json()
    assert detail["model"] == model["digest"]
    assert detail["columns"] == [{"name": "category", "kind": "text", "examples": ["disc", "square"]}]
    assert shop.client.get("/v1/collections").json() == [{"name": "shop", "items": 24, "images": 24, "texts": 24}]


def test_what_is_counted_can_be_read(shop: Running) -> None:
    shop.search()
    text = shop.client.get("/metrics").text
    assert 'diptych_requests_total{method="POST",route="/v1/search",status="200"}' in text
    assert 'diptych_batch_size_count{work="search shop"}' in text
    assert 'diptych_waiting{work="encode glove"} 0.0' in text
    assert "process_resident_memory_bytes" in text


def test_the_page_is_served_from_its_folder_alone(
    shop: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    answer = shop.client.get("/")
    assert answer.status_code == 404
    assert fault(answer)["message"].startswith("this installation has no page. Use the routes at /docs")
    (tmp_path / "index.html").write_text("<!doctype html>")
    answer = shop.client.get("/")
    assert answer.text == "<!doctype html>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    again = shop.client.get("/", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert shop.client.get("/../app.py").status_code == 404
    assert shop.client.get("/%2e%2e/app.py").status_code == 404


@pytest.mark.parametrize("spoken", [True, False])
def test_the_log_tells_of_requests_and_of_queries_only_when_asked(
    serve: Serve, caplog: pytest.LogCaptureFixture, *, spoken: bool
) -> None:
    logging.getLogger("diptych.web").propagate = True
    with caplog.at_level(logging.INFO, "diptych.web"), serve(log_queries=spoken) as started:
        started.search(text="something private", where="category = 'private'")
    # services of other tests may log as well
    lines = {
        json.loads(JsonFormatter().format(each)).get("route"): each
        for each in caplog.records
        if each.name == "diptych.web"
    }
    record = lines["/v1/search"]
    line = json.loads(JsonFormatter().format(record))
    assert (line["status"], line["client"]) == (200, "127.0.0.1")
    assert ("private" in json.dumps(line)) is spoken
    assert PlainFormatter().format(record).startswith("POST /v1/search 200 milliseconds=")


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    from diptych.benchmark.finished import table_of

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "table.json").write_text("nothing")
    with pytest.raises(BadData, match="is not a benchmark table"):
        table_of(tmp_path, "a")
