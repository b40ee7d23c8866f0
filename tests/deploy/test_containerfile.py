"""The container file: what it copies is enough to install, and it names extras and a release that exist.

No image is built here, for want of an engine.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).resolve().parents[2]


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


def test_the_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [extras] = [value for instruction, value in instructions() if instruction == "ARG" and value.startswith("EXTRAS=")]
    assert set(extras.removeprefix("EXTRAS=").split(",")) <= project["optional-dependencies"].keys()


def test_it_takes_a_python_that_the_package_allows_and_runs_as_nobody_special() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bases = [value for instruction, value in instructions() if instruction == "FROM"]
    versions = {match[1] for base in bases if (match := re.match(r"python:(\d+\.\d+)-slim", base))}
    assert len(bases) == 2
    assert versions == {project["requires-python"].removeprefix(">=")}
    assert ("USER", "10001") in instructions()
    assert ("ENTRYPOINT", '["diptych"]') in instructions()
