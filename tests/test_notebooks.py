"""The notebooks run from top to bottom in a kernel of their own, and show what they promise."""

import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "docs" / "notebooks"


def run(name: str, folder: Path, *, old: str = "", new: str = "") -> Any:
    """Return a notebook after it ran in a folder, with one text of its cells replaced."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells), "a notebook is kept without outputs"
    assert old in "".join(cell.source for cell in notebook.cells)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new) if old else cell.source
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def shown(notebook: Any, source: str) -> dict[str, str]:
    """Return what the cell that begins with a source shows, by the type of its content."""
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith(source)]
    contents: dict[str, str] = {}
    for output in cell.outputs:
        if output.output_type == "stream":
            contents[output.name] = contents.get(output.name, "") + output.text
        else:
            contents |= {kind: contents.get(kind, "") + text for kind, text in output.get("data", {}).items()}
    return contents


@pytest.fixture(autouse=True)
def kernels_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let kernels find diptych, and keep what Jupyter writes."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("DIPTYCH_THREADS", "1")


@pytest.mark.slow
def test_photos_are_searched_and_explained(tiny_set: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for picture in tiny_set.glob("*.png"):
        shutil.copy(picture, tmp_path / "photos")
    notebook = run("search-your-photos", tmp_path)
    assert "items: 24" in shown(notebook, "photos = Collection.create")["text/html"]  # progress, though nobody asked
    assert "data:image/png;base64" in shown(notebook, 'photos.search("a dog')["text/html"]
    assert "similarity" in shown(notebook, "first = ")["text/html"]
    assert "(2," in shown(notebook, "vectors = ")["stdout"]
    assert "<iframe" in shown(notebook, "photos.explain")["text/html"]


@pytest.mark.slow
def test_a_method_is_trained_compared_and_explained(tiny_set: Path, tmp_path: Path) -> None:
    notebook = run("train-compare-explain", tmp_path, old='"openmoji"', new=repr(str(tiny_set)))
    trained = shown(notebook, "def tell")
    assert trained["stdout"].split()[::2] == ["1", "2", "3", "4"]
    assert "training" in trained["text/html"]
    for cell in ("mcsm.curve", "mcsm.evaluate", "pairs = ", "results = "):
        assert "data:image/png;base64" in shown(notebook, cell)["text/html"]
    assert "<iframe" in shown(notebook, "mcsm.explain")["text/html"]
