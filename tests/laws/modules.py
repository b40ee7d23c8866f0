"""The source files of diptych, parsed but not imported."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "diptych"


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its dotted name: `diptych.fusion.linear`, or `diptych.fusion` for the folder's own file."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The folder or file directly under `diptych`; empty for the package itself."""
        return room_of(self.name)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def sources() -> tuple[Source, ...]:
    paths = sorted(path for path in PACKAGE.rglob("*.py"))
    return tuple(Source(path, ast.parse(path.read_text(encoding="utf-8"), str(path))) for path in paths)
