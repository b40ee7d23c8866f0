"""Prometheus reads the metrics of the service with a key, as `deploy/prometheus` tells it."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from diptych.web.keys import Keys
from diptych.web.startup import Options
from tests.deploy.workloads import DEPLOY, manifests, name_of
from tests.web.conftest import Running, running
from tests.web.processes import free_port

SECONDS = 60


def configuration(name: str) -> Any:
    return yaml.safe_load((DEPLOY / "prometheus" / name).read_text(encoding="utf-8"))


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


@pytest.fixture
def service(keys: Keys) -> Iterator[Running]:
    """Return a service without collections that requires keys."""
    keys.add("keeper", "write")
    with running(Options([], keys=keys.file)) as started:
        yield started


def test_both_configurations_ask_the_pods_of_the_service_with_a_key() -> None:
    pod = next(each for each in manifests() if name_of(each) == "Deployment diptych")["spec"]["template"]
    monitor, [job] = configuration("podmonitor.yaml")["spec"], configuration("scrape.yaml")["scrape_configs"]
    [endpoint] = monitor["podMetricsEndpoints"]
    labels = pod["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"] == labels
    assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    kept = next(rule for rule in job["relabel_configs"] if rule.get("action") == "keep")
    assert kept["regex"] == ";".join([*labels.values(), endpoint["port"]])
    assert endpoint["path"] == job["metrics_path"] == "/metrics"
    assert endpoint["authorization"]["type"] == job["authorization"]["type"] == "Bearer"
    assert "annotations" not in pod["metadata"], "annotations cannot carry a key"


def test_the_key_for_reading_opens_the_metrics_and_nothing_less_does(service: Running, keys: Keys) -> None:
    monitor, [job] = configuration("podmonitor.yaml")["spec"], configuration("scrape.yaml")["scrape_configs"]
    kind, path = job["authorization"]["type"], job["metrics_path"]
    token = keys.add("prometheus", "read")
    assert service.client.get(path).status_code == 401
    assert service.client.get(path, headers={"Authorization": f"{kind} other"}).status_code == 401
    answer = service.client.get(path, headers={"Authorization": f"{kind} {token}"})
    assert answer.status_code == 200
    assert "diptych_requests_total" in answer.text
    secret = monitor["podMetricsEndpoints"][0]["authorization"]["credentials"]
    for name in ("podmonitor.yaml", "scrape.yaml"):
        told = (DEPLOY / "prometheus" / name).read_text(encoding="utf-8")
        assert f"kubectl create secret generic {secret['name']} --from-literal={secret['key']}=KEY" in told
    assert Path(job["authorization"]["credentials_file"]).name == secret["key"]


def test_prometheus_finds_the_service_up(service: Running, keys: Keys, tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("Prometheus is not installed (apt-get install prometheus): nothing scrapes the service")
    [job] = configuration("scrape.yaml")["scrape_configs"]
    # there is no cluster to ask for pods
    del job["kubernetes_sd_configs"], job["relabel_configs"]
    job |= {"static_configs": [{"targets": [f"127.0.0.1:{service.port}"]}], "scrape_interval": "1s"}
    key = tmp_path / "key"
    job["authorization"]["credentials_file"] = str(key)
    key.write_text(keys.add("prometheus", "read"))
    config, port = tmp_path / "prometheus.yml", free_port()
    config.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path}", f"--web.listen-address=127.0.0.1:{port}"]
    guarded = ["setpriv", "--pdeathsig", "KILL", program, *options]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(guarded, stdout=log, stderr=log) as process:
        try:
            assert _value(port, "up") == "1"
            assert float(_value(port, 'diptych_requests_total{route="/metrics",status="200"}')) >= 1
        finally:
            process.terminate()


def _value(port: int, query: str) -> str:
    """Return the value of a query as soon as Prometheus has one."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}", timeout=10) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            found = []
        if found:
            return str(found[0]["value"][1])
        time.sleep(0.2)
    raise RuntimeError(f"Prometheus has no value of {query}")
