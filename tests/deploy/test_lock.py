"""The lock of the container file: whole, made from what the project says, and each part with its hashes."""

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "deploy" / "requirements.txt"
LOCKED = re.compile(r"([a-z0-9-]+)==(\S+)(?: ; [^\\]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
IN_THE_IMAGE = {"sys_platform": "linux", "platform_system": "Linux", "python_version": "3.11", "os_name": "posix"}


def locked(text: str) -> dict[str, str]:
    """Return the releases of a lock by name; raise ValueError if there is anything else in it."""
    body = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    if rest := LOCKED.sub("", body):
        raise ValueError(f"this is not a release with its hashes: {rest[:200]!r}")
    return {name: release for name, release, _ in LOCKED.findall(body)}


@pytest.fixture(scope="module")
def releases() -> dict[str, str]:
    return locked(LOCK.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def command() -> str:
    """Return the command that makes the lock, as it says itself."""
    return LOCK.read_text(encoding="utf-8").splitlines()[1].removeprefix("#").strip()


def extras() -> set[str]:
    return set(re.findall(r"--extra (\S+)", command()))


@pytest.mark.parametrize(
    "line",
    [
        "numpy==2.4.6\n",
        "numpy>=2.4 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        "numpy==2.4.6 \\\n    --hash=sha256:" + "0" * 63 + "\n",
        "numpy==2.4.6 \\\n    --hash=md5:" + "0" * 32 + "\n",
        "numpy @ https://example.org/numpy.whl\n",
        "--extra-index-url https://example.org\n",
    ],
)
def test_what_is_not_a_release_with_hashes_would_be_noticed(line: str) -> None:
    with pytest.raises(ValueError, match="not a release with its hashes"):
        locked(line)


def test_the_container_file_shows_the_command_that_made_it() -> None:
    shown = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
    comment = " ".join(line.strip("# \\") for line in shown.splitlines() if line.startswith("#"))
    assert command() in comment
    assert f"ARG LOCK={LOCK.relative_to(ROOT)}" in shown


def test_the_releases_are_those_that_the_package_was_tested_with(releases: dict[str, str]) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}
    assert releases.items() >= {name: tested[name] for name in releases.keys() & tested.keys()}.items()
    # what only torch's builds for NVIDIA GPUs and other systems need
    rest = {name for name in releases.keys() - tested.keys() if not name.startswith(("nvidia-", "cuda-"))}
    assert rest == {"colorama", "httpx2-jsfetch", "triton"}


def test_whatever_the_package_needs_with_its_extras_is_in_it(
    releases: dict[str, str], settings: dict[str, Any]
) -> None:
    project = settings["project"]
    assert extras() <= project["optional-dependencies"].keys()
    wanted = [*settings["build-system"]["requires"], *project["dependencies"]]
    wanted += [line for extra in extras() for line in project["optional-dependencies"][extra]]
    waiting, seen = [Requirement(line) for line in wanted], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name in releases, requirement
        assert requirement.specifier.contains(Version(releases[name]), prereleases=True), requirement
        for extra in {"", *requirement.extras} - {chosen for known, chosen in seen if known == name}:
            seen.add((name, extra))
            waiting += needed_by(name, extra)


def needed_by(name: str, extra: str) -> list[Requirement]:
    """Return what an installed distribution needs in the image, with one of its extras."""
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []  # of builds for GPUs, where other builds are installed
    found = [Requirement(line) for line in lines]
    return [each for each in found if not each.marker or each.marker.evaluate({**IN_THE_IMAGE, "extra": extra})]
