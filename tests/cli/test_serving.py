"""The service from the command line: keys, refusals, and a process that serves until it is told to end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from .conftest import Diptych

ROOT = Path(__file__).parents[2]


def test_keys_are_made_listed_and_revoked(diptych: Diptych, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    made = diptych("keys", "add", "museum", "--scope", "write", "--keys", file)
    assert made.out.startswith("diptych_")
    assert "it is not shown again" in made.err
    other = json.loads(diptych("keys", "add", "guest", "--keys", file, "--json").out)
    assert (other["name"], other["scope"]) == ("guest", "read")
    assert "museum" in diptych("keys", "list", "--keys", file).out
    listed = [json.loads(line) for line in diptych("keys", "list", "--keys", file, "--json").out.splitlines()]
    assert [key["name"] for key in listed] == ["museum", "guest"]
    assert made.out.strip() not in file.read_text()
    assert "Revoked the key 'museum'." in diptych("keys", "revoke", "museum", "--keys", file).err
    assert json.loads(diptych("keys", "revoke", "guest", "--keys", file, "--json").out) == {"revoked": "guest"}
    assert diptych("keys", "revoke", "museum", "--keys", file).code == 2


def test_what_cannot_be_served_is_refused(diptych: Diptych, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_KEYS", str(tmp_path / "keys.json"))
    nothing = diptych("serve", tmp_path)
    assert nothing.code == 2
    assert "there is no collection or run at" in nothing.err
    assert "a service that other machines can reach requires" in diptych("serve", tmp_path, "--host", "0.0.0.0").err
    assert "Did you mean 'hits'?" in diptych("serve", tmp_path, "--limit", "hit=3").err


def test_the_extra_that_is_missing_is_named(diptych: Diptych, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("diptych.web.") and name != "diptych.web.keys"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    said = diptych("serve", tmp_path).err
    assert "the service and its page need the package fastapi. Install it: pip install 'diptych[serve]'." in said


def test_a_service_runs_until_it_is_told_to_end(run: Path, diptych: Diptych, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    assert diptych("collection", "create", shop, "--model", run).code == 0
    key = json.loads(diptych("keys", "add", "me", "--keys", tmp_path / "keys.json", "--json").out)["key"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--keys", str(tmp_path / "keys.json"), "--json-logs", "--page-deletes"]
    command = [sys.executable, "-m", "diptych", "serve", str(shop), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DIPTYCH_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            asked = Request(f"http://127.0.0.1:{port}/v1/collections", headers={"Authorization": f"Bearer {key}"})
            found = None
            while found is None and process.poll() is None:
                try:
                    with urlopen(asked, timeout=10) as answer:
                        found = json.load(answer)
                except URLError:
                    time.sleep(0.1)
            assert found == [{"name": "shop", "items": 0, "images": 0, "texts": 0}]
            with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                assert '{"deletes": true}' in answer.read().decode()
        finally:
            process.send_signal(signal.SIGTERM)
        said = process.stderr.read() if process.stderr else ""
        process.wait(30)
    assert f"Open http://localhost:{port}/ in a browser." in said
    logged = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [(line["route"], line.get("key")) for line in logged] == [("/v1/collections", "me"), ("/", None)]
    assert process.returncode in (0, -signal.SIGTERM)
