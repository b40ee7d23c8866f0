"""Fixtures for every test: the checks on shapes, the research data, a cache of its own."""

import json
import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook
from PIL import Image, ImageDraw

install_import_hook("diptych", "beartype.beartype")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs everything."""
    parser.addoption("--thorough", action="store_true", help="run also what takes minutes with a real server")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as thorough unless it is asked for."""
    if config.getoption("--thorough"):
        return
    left_out = [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Return the folder of research data sets, or skip with the reason."""
    root = os.environ.get("DIPTYCH_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("DIPTYCH_DATA does not name a folder: the research data sets are not on this machine")
    return Path(root).resolve()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test an empty cache, so that none reads what another wrote."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DIPTYCH_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 24 small pictures of two kinds, each with two texts, split 16/4/4."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    draw_tiny_set(folder)
    return folder


def draw_tiny_set(folder: Path) -> None:
    """Draw red squares and blue discs, with a manifest that describes them."""
    folder.mkdir()
    lines = []
    for k in range(24):
        kind, colour = ("square", "red") if k % 2 else ("disc", "blue")
        image = Image.new("RGB", (48, 48), "white")
        draw = ImageDraw.Draw(image)
        (draw.rectangle if kind == "square" else draw.ellipse)((k, k // 2, k + 20, k // 2 + 20), fill=colour)
        image.save(folder / f"{k}.png")
        split = "train" if k < 16 else "val" if k < 20 else "test"
        texts = [f"a {colour} {kind}, number {k}", f"number {k} is a {kind} drawn in {colour}"]
        row = {"id": f"p{k}", "image": f"{k}.png", "texts": texts, "category": kind, "split": split}
        lines.append(json.dumps(row))
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
