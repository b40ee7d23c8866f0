"""The container file: what it copies is enough to install, and what it takes from elsewhere is pinned.

No image is built here, for want of an engine.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).resolve().parents[2]


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def instructions() -> list[tuple[str, str]]:
    parser = DockerfileParser(fileobj=BytesIO((ROOT / "deploy" / "Containerfile").read_bytes()))
    return [(one["instruction"], one["value"]) for one in parser.structure]


def test_what_is_copied_is_enough_to_build_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    copied = [value.split() for instruction, value in instructions() if instruction == "COPY" and " ./" in value]
    for *names, goal in copied:
        for name in names:
            _copy(ROOT / name, source / goal / name if goal == "./" else source / goal)
    wheel = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    subprocess.run([sys.executable, *wheel, tmp_path, source], check=True, capture_output=True)
    [built] = tmp_path.glob("diptych-*.whl")
    inside = set(ZipFile(built).namelist())
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "diptych").rglob("*.py")}
    assert sources <= inside
    assert "diptych/web/page/index.html" in inside


def _copy(path: Path, goal: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, goal, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, goal)


def test_every_base_is_an_image_with_a_digest_or_an_earlier_stage() -> None:
    stages: list[str] = []
    for value in (value for instruction, value in instructions() if instruction == "FROM"):
        image, *name = re.split(r" AS ", value)
        assert image in stages or pinned(image), value
        stages += name
    taken = [value for instruction, value in instructions() if instruction == "COPY" and "--from=" in value]
    assert all(value.split()[0].removeprefix("--from=") in stages for value in taken)


def pinned(image: str) -> bool:
    return re.fullmatch(r"[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}", image) is not None


@pytest.mark.parametrize("digest", ["", "@sha256:", f"@sha256:{'a' * 63}", f"@sha256:{'A' * 64}", "@sha256:${DIGEST}"])
def test_a_base_without_a_whole_digest_would_be_noticed(digest: str) -> None:
    assert pinned(f"python:3.11-slim@sha256:{'a' * 64}")
    assert not pinned(f"python:3.11-slim{digest}")


def test_what_is_installed_has_hashes_and_nothing_else_is_fetched() -> None:
    installs = [
        command.split()
        for instruction, value in instructions() if instruction == "RUN"
        for command in value.split("&&") if "pip install" in command
    ]  # fmt: skip
    assert len(installs) == 2
    locked, own = installs
    assert {"--require-hashes", "--only-binary", ":all:"} <= set(locked)
    assert locked[locked.index("--requirement") + 1] == "lock.txt"
    assert {"--no-index", "--no-deps", "--no-build-isolation", "."} <= set(own)


def test_it_takes_a_python_that_the_package_allows_and_runs_as_nobody_special() -> None:
    bases = [value for instruction, value in instructions() if instruction == "FROM"]
    versions = {match[1] for base in bases if (match := re.match(r"python:(\d+\.\d+)-slim", base))}
    assert len(bases) == 3
    assert versions == {project()["requires-python"].removeprefix(">=")}
    assert ("USER", "10001:10001") in instructions()
    assert ("ENTRYPOINT", '["diptych"]') in instructions()
