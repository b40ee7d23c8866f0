"""Imports go down only: never up, never sideways between rooms of one floor."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .modules import PACKAGE, ROOT, Source, room_of, sources

FLOORS = {
    "errors": 0, "modality": 0, "settings": 0, "shapes": 0, "rooms": 0, "files": 0, "progress": 0, "cluster": 0,
    "extras": 0, "locks": 0, "progress_shown": 0, "allocation": 0, "request_fields": 0, "search_request": 0,
    "entrance": 0, "relevance": 0,
    "data": 1, "maths": 1, "measures": 1, "fusion": 1, "index": 1, "drawing": 1,
    "encoders": 2, "methods": 2, "search": 2,
    "training": 3, "explaining": 3, "evaluation": 3, "results": 3, "ingest": 3,
    "retrieval": 4, "given_scores": 4, "handover": 4,
    "retriever": 5, "catalogue": 5, "benchmark": 5, "collection": 5, "runs": 5, "launching": 5,
    "web": 6, "client": 6,
    "cli": 7,
    "__main__": 8,
}  # fmt: skip
GROUND = {room for room, floor in FLOORS.items() if floor == 0}
FACADES = {room for room, floor in FLOORS.items() if floor == 5}
FORBIDDEN_NAMES = {"utils", "common", "helpers", "misc", "base"}
HEAVY = ("torch", "numpy", "scipy", "transformers", "sklearn", "matplotlib", "pyarrow", "PIL", "onnxruntime")


def dependencies(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of every part of diptych that a file imports, or opens as a room."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                origin = ".".join([*_anchor(source, level), *([module] if module else [])])
                # a name imported from the package itself is a room: `from diptych import errors`
                yield from (
                    (node.lineno, f"{origin}.{alias.name}" if origin == "diptych" else origin) for alias in names
                )
            case ast.Call(func=ast.Name(id="Room"), args=[ast.Constant(value=str(package))]):
                yield node.lineno, package


def _anchor(source: Source, level: int) -> list[str]:
    """Return the package that a relative import of that many dots starts from."""
    parts = list(source.path.relative_to(ROOT).with_suffix("").parts)
    return parts[: len(parts) - level] if level else []


def may_import(room: str, target: str) -> bool:
    """Return whether the law lets a room import another."""
    if target == room or (room in GROUND and target in GROUND):
        return True
    if room in ("web", "client"):
        return target in GROUND | FACADES
    if room == "cli":
        return target in GROUND | FACADES | {"web", "client"}
    return FLOORS[target] < FLOORS[room]


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_a_file_stands_on_a_known_floor(source: Source) -> None:
    assert source.room in FLOORS or source.name == "diptych", (
        f"give {source.room!r} a floor in FLOORS, or move the file"
    )


@pytest.mark.parametrize("source", [source for source in sources() if source.room], ids=lambda source: source.name)
def test_imports_go_down_only(source: Source) -> None:
    wrong = [
        f"{source.path.relative_to(ROOT)}:{line} imports {target}"
        for line, target in dependencies(source)
        if room_of(target) in FLOORS and target.startswith("diptych.") and not may_import(source.room, room_of(target))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_ground_floor_has_no_circle_of_imports() -> None:
    below = {
        source.room: {room_of(target) for _, target in dependencies(source) if target.startswith("diptych.")}
        for source in sources()
        if source.room in GROUND
    }
    # a room's doctest or docstring is no import; take away rooms that import nothing until none is left
    while free := {room for room, targets in below.items() if not targets & below.keys()}:
        below = {room: targets for room, targets in below.items() if room not in free}
    assert not below


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_named_for_being_left_over(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES, f"name {path.relative_to(ROOT)} for what it holds"


@pytest.mark.parametrize("module", ["diptych.cli", *(f"diptych.{room}" for room in sorted(GROUND))])
def test_the_command_line_and_the_ground_floor_import_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("room", "target", "allowed"),
    [
        ("fusion", "errors", True),
        ("settings", "errors", True),
        ("fusion", "measures", False),
        ("methods", "encoders", False),
        ("methods", "maths", True),
        ("maths", "methods", False),
        ("training", "retriever", False),
        ("cli", "retriever", True),
        ("cli", "rooms", True),
        ("cli", "methods", False),
        ("cli", "web", True),
        ("web", "cli", False),
        ("web", "collection", True),
        ("web", "data", False),
    ],
)
def test_the_law_itself(room: str, target: str, *, allowed: bool) -> None:
    assert may_import(room, target) is allowed


def test_every_way_of_importing_is_seen(tmp_path: Path) -> None:
    text = """
import diptych.data.pairs
from diptych import measures
from diptych.maths.losses import margin
def later():
    from ..encoders import glove
    from . import linear
ROOM = Room("diptych.methods")
"""
    source = Source(PACKAGE / "fusion" / "imagined.py", ast.parse(text))
    assert {target for _, target in dependencies(source)} == {
        "diptych.data.pairs", "diptych.measures", "diptych.maths.losses",
        "diptych.encoders", "diptych.fusion", "diptych.methods",
    }  # fmt: skip
