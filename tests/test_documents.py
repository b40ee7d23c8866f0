"""What README and guide show runs: their commands and their Python, over a tiny data set in place of one's own."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from diptych.cli import main
from diptych.cluster import Cluster
from diptych.methods import mcsm
from diptych.settings import override

ROOT = Path(__file__).resolve().parents[1]
SERVING = "docs/guide/serving.md"
SCALING = "docs/guide/scaling.md"
MODELS = "docs/guide/models.md"
DOCUMENTS = ("README.md", "docs/guide/index.md", "docs/guide/collections.md", "docs/guide/explaining.md", MODELS)
SMALL = [
    "training.epochs=1",
    *(f"{space}.{size}=8" for space in ("visual", "textual") for size in ("width", "hidden", "reduce")),
]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


def blocks(document: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache for all documents, so that the pictures are encoded once."""
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture
def at_home(tmp_path: Path, tiny_set: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder that holds `my-pictures`, where the default preset is a small one that trains briefly."""
    shutil.copytree(tiny_set, tmp_path / "my-pictures")
    shutil.copy(tiny_set / "0.png", tmp_path / "my-pictures" / "cat.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIPTYCH_CACHE", str(shared_cache))
    for preset in ("default", "end-to-end"):
        monkeypatch.setitem(mcsm.PRESETS, preset, override(mcsm.PRESETS[preset], SMALL))
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_python_of_a_document_runs_from_top_to_bottom(document: str, at_home: Path) -> None:
    found = blocks(document, "python")
    assert found
    scope: dict[str, object] = {}
    for block in found:
        exec(compile(block, document, "exec"), scope)


@pytest.mark.parametrize("document", [*DOCUMENTS, SCALING])
def test_the_commands_of_a_document_run_from_top_to_bottom(
    document: str, at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shown = [line for block in blocks(document, "sh") for line in block.splitlines()]
    lines = [line for line in shown if line.startswith(("diptych ", "torchrun "))]
    assert lines
    for line in lines:
        if line.startswith("torchrun "):
            words = [sys.executable, "-m", "torch.distributed.run", *shlex.split(line)[1:]]
            done = subprocess.run(words, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            continue
        if line.startswith("diptych serve "):
            with served(line):
                continue
        run(line, monkeypatch, capsys)


@pytest.mark.thorough
def test_what_the_guide_to_clusters_shows_runs(
    ray_cluster: Cluster, at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for block in blocks(SCALING, "sh") for line in block.splitlines() if " --on ray" in line]
    assert len(lines) >= 3
    for line in ["diptych collection create gallery --model conse", *lines]:
        run(line, monkeypatch, capsys)


def run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code, f"{line}\n{capsys.readouterr().err}"


@contextmanager
def served(line: str) -> Iterator[int]:
    """Run a service on a free port in place of the one that is shown, and yield it when it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = shlex.split(line.replace("8000", str(port)))[1:]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "diptych", *arguments], stderr=subprocess.DEVNULL, env=environment
    ) as it:
        try:
            while it.poll() is None:
                with suppress(URLError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
                    break
                time.sleep(0.1)
            assert it.poll() is None, line
            yield port
        finally:
            it.terminate()


def test_what_the_guide_to_the_service_shows_runs(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    monkeypatch.setenv("DIPTYCH_KEYS", str(at_home / "keys.json"))
    lines = [line for block in blocks(SERVING, "sh") for line in block.splitlines()]
    start = next(line for line in lines if line.startswith("diptych serve "))
    for line in lines:
        if line.startswith("diptych ") and line != start:
            run(line, monkeypatch, capsys)
    with served(start) as port:
        for line in lines:
            if line.startswith("curl "):
                command = ["curl", "--silent", "--fail-with-body", *shlex.split(line.replace("8000", str(port)))[1:]]
                done = subprocess.run(command, capture_output=True, text=True)
                assert done.returncode == 0, f"{line}\n{done.stdout}"
        for block in blocks(SERVING, "python"):
            exec(compile(block.replace("8000", str(port)), SERVING, "exec"), {})


@pytest.mark.parametrize(
    "document", sorted(str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
)
def test_every_link_within_the_repository_leads_somewhere(document: str) -> None:
    path = ROOT / document
    missing = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()]
    assert not missing
