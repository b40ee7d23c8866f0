"""What README and guide show runs: their commands and their Python, over a tiny data set in place of one's own."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from diptych.cli import main
from diptych.methods import mcsm
from diptych.settings import override

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/guide/index.md", "docs/guide/collections.md")
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
    monkeypatch.setitem(mcsm.PRESETS, "default", override(mcsm.PRESETS["default"], SMALL))
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_python_of_a_document_runs_from_top_to_bottom(document: str, at_home: Path) -> None:
    found = blocks(document, "python")
    assert found
    scope: dict[str, object] = {}
    for block in found:
        exec(compile(block, document, "exec"), scope)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_of_a_document_run_from_top_to_bottom(
    document: str, at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for block in blocks(document, "sh") for line in block.splitlines() if line.startswith("diptych ")]
    assert lines
    for line in lines:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code, f"{line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize(
    "document", ["README.md", *(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))]
)
def test_every_link_within_the_repository_leads_somewhere(document: str) -> None:
    path = ROOT / document
    missing = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if not (path.parent / link).exists()]
    assert not missing
