"""The guide's example of a search option, applied to a copy of the package: two changes, and it is there everywhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .web.conftest import Made, made, own_cache, shared_cache

__all__ = ["made", "own_cache", "shared_cache"]

ROOT = Path(__file__).resolve().parents[1]
DOC = "Leave out hits that are less similar than this."


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package in which the guide's changes are made."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "diptych", folder / "diptych", ignore=shutil.ignore_patterns("__pycache__"))
    guide = (ROOT / "docs" / "guide" / "extending.md").read_text(encoding="utf-8")
    section = guide.partition("## A search option\n")[2].partition("\n## ")[0]
    changes = re.findall(r"^```diff\n--- a/(.*)\n\+\+\+ b/\1\n(.*?)^```$", section, re.M | re.S)
    assert [name for name, _ in changes] == ["diptych/search_request.py", "diptych/retrieval/answers.py"]
    for name, lines in changes:
        before, after = (
            "".join(line[1:] for line in lines.splitlines(keepends=True) if line[0] in kept) for kept in (" -", " +")
        )
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{name} does not read as the guide shows it"
        (folder / name).write_text(text.replace(before, after), encoding="utf-8")
    return folder


def run(extended: Path, *arguments: object) -> str:
    """Return what Python prints with the copy as its package."""
    environment = {**os.environ, "PYTHONPATH": str(extended), "DIPTYCH_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=extended, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_offers_the_option_and_searches_with_it(extended: Path, made: Made, own_cache: Path) -> None:
    assert re.search(rf"--least S +{DOC}", run(extended, "-m", "diptych", "search", "--help"))
    search = ("-m", "diptych", "search", made.place, "--text", "a red square", "-k", 24, "--json")
    hits = json.loads(run(extended, *search))["hits"]
    least = hits[4]["similarity"]
    assert json.loads(run(extended, *search, "--least", least))["hits"] == [
        hit for hit in hits if hit["similarity"] >= least
    ]
    below = json.loads(run(extended, *search, "--least", least, "--offset", 3))["hits"]
    assert [hit["id"] for hit in below] == [hit["id"] for hit in hits[3:5]]


SERVICE = """
import json, sys
from starlette.testclient import TestClient
from diptych.web.app import build_app
from diptych.web.startup import Options, admission_of, open_service
options = Options([sys.argv[1]])
client = TestClient(build_app(open_service(options), admission_of(options)), base_url="http://localhost")
fields = {"collection": "shop", "text": "a red square", "k": 24}
hits = client.post("/v1/search", data=fields).json()["hits"]
least = hits[4]["similarity"] - 1e-6
print(json.dumps({
    "openapi": client.get("/openapi.json").json()["components"]["schemas"]["Body_search_v1_search_post"]["properties"],
    "page": client.get("/").text,
    "whole": hits,
    "hits": client.post("/v1/search", data={**fields, "least": least}).json()["hits"],
}))
"""


def test_the_service_describes_the_option_and_its_page_reads_it(extended: Path, made: Made, own_cache: Path) -> None:
    told = json.loads(run(extended, "-W", "ignore", "-c", SERVICE, made.place))
    assert told["openapi"]["least"]["description"] == DOC
    assert told["openapi"]["least"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    (fields,) = re.findall(r'<script type="application/json" id="search-fields">(.*)</script>', told["page"])
    assert json.loads(fields)["least"] == {"usual": "", "minimum": None, "maximum": None}
    assert [hit["id"] for hit in told["hits"]] == [hit["id"] for hit in told["whole"][:5]]


CLIENT = """
import inspect, json
import httpx
from diptych.client import Client
sent = []
def answer(self, method, path, **options):
    sent.append(options["data"])
    nothing = {"collection": "shop", "total": 0, "exact": True, "hits": [], "attribution": "", "unknown_words": None}
    return httpx.Response(200, json={**nothing, "seconds": 0.0})
httpx.Client.request = answer
Client("http://nowhere").search("shop", "a cat", least=0.5)
least = inspect.signature(Client.search).parameters["least"]
print(json.dumps({"kind": str(least), "doc": inspect.getdoc(Client.search), "sent": sent[0]["least"]}))
"""


def test_the_client_sends_the_option(extended: Path) -> None:
    told = json.loads(run(extended, "-c", CLIENT))
    assert told["kind"] == "least: float | None = None"
    assert f"least: {DOC}" in told["doc"]
    assert told["sent"] == 0.5
