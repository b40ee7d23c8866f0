"""The package `diptych-extras` of docs/guide/extending.md, installed as the guide prints it."""

import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from diptych import fusion, index, methods

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guide" / "extending.md"
ROOMS = (methods.ROOM, fusion.ROOM, index.ROOM)


def sections() -> dict[str, str]:
    """Return the sections of the guide by their titles."""
    parts = re.split(r"^## (.*)\n", GUIDE.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def files() -> dict[str, str]:
    """Return the contents of the files that the guide prints, by their paths."""
    return dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.M | re.S))


def commands(section: str) -> list[str]:
    """Return the commands of a section, in their order."""
    shown = re.findall(r"^```sh\n(.*?)^```$", sections()[section], re.M | re.S)
    return [line for block in shown for line in block.splitlines()]


def write_package(folder: Path) -> None:
    """Write the package into a folder, as installed: its files, and the entry points of its `pyproject.toml`."""
    written = files()
    project = tomllib.loads(written.pop("pyproject.toml"))["project"]
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = (
        "\n".join([f"[{group}]", *(f"{name} = {module}" for name, module in points.items()), ""])
        for group, points in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))


@contextmanager
def installed(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Have the package of a folder among what is installed, for this process and those that it starts."""
    write_package(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=":")
        _look_again()
        yield patch
    _look_again()
    for name in [name for name in sys.modules if name.partition(".")[0] == "diptych_extras"]:
        del sys.modules[name]


def _look_again() -> None:
    """Have the rooms read the entry points anew."""
    for room in ROOMS:
        vars(room).pop("_plugins", None)
