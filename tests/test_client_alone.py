"""The client from a wheel in an empty environment, with httpx and nothing else."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from .web.conftest import Running, Serve, made, own_cache, serve, shared_cache

__all__ = ["made", "own_cache", "serve", "shared_cache"]

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import sys
from pathlib import Path
from diptych.client import Client
from diptych.errors import BadSetting, MissingExtra, Refused

with Client(sys.argv[1]) as client:
    picture = Path(sys.argv[2])
    print([hit.id for hit in client.search("shop", image=picture, against="image", k=1).hits])
    print(client.put("shop", "new", texts=["a red square"], image=picture.read_bytes()))
    print(client.get("shop", "new").texts, client.put_many("shop", [{"id": "one", "text": "a disc"}]).added)
    for wrong in (lambda: client.search("nothing", "a disc"), lambda: client.similarity("a disc", 3)):
        try:
            wrong()
        except (Refused, BadSetting) as error:
            print(error)

class Array:
    shape, dtype, tobytes = (2, 2, 3), "uint8", bytes

try:
    Client(sys.argv[1]).similarity("a disc", Array())
except MissingExtra as error:
    print(error)
heavy = {"torch", "numpy", "PIL", "typer", "rich", "jaxtyping"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with httpx and diptych's wheel; skip where no registry answers."""
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder / "environment", with_pip=True)
    python = folder / "environment" / "bin" / "python"
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    done = subprocess.run([python, *pip, "httpx", "-c", ROOT / "constraints.txt"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"httpx cannot be installed: no registry answers. {done.stderr.strip().splitlines()[-1]}")
    subprocess.run([python, *pip, "--no-deps", "--no-index", wheel_of(folder)], check=True)
    return python


def wheel_of(folder: Path) -> Path:
    """Build diptych's wheel from a copy of its sources, and return it."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "diptych", source / "diptych", ignore=shutil.ignore_patterns("__pycache__"))
    wheel = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    subprocess.run([sys.executable, *wheel, folder, source], check=True, capture_output=True)
    [built] = folder.glob("diptych-*.whl")
    return built


@pytest.mark.slow
def test_the_client_needs_httpx_and_nothing_else(python: Path, serve: Serve, tiny_set: Path, tmp_path: Path) -> None:
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with serve() as running:
        command = [python, "-c", PROGRAM, address(running), tiny_set / "3.png"]
        done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "['p3']",
        "added",
        "['a red square'] 1",
        "there is no collection 'nothing'. Served collections: shop.",
        "image must be the path of a picture, its bytes, a picture of Pillow or an array of height x width x 3, uint8; "
        "got 3.",
        "pictures as arrays need the package pillow. Install it: pip install pillow.",
        "[]",
    ]


def address(running: Running) -> str:
    return f"http://127.0.0.1:{running.port}"
