"""Finished benchmarks in a folder, read from their reports."""

import json
from pathlib import Path
from typing import Any

from diptych.errors import BadData, UnknownName


def finished(folder: Path) -> dict[str, Path]:
    """Return the finished benchmarks directly in a folder, by name."""
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/table.json"))}


def table_of(folder: Path, name: str) -> dict[str, Any]:
    """Return a benchmark's table as written."""
    path = _folder(folder, name) / "table.json"
    try:
        table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadData(
            f"'{path}' is not a benchmark table ({error}). Run it again: it resumes where it stopped."
        ) from None
    return table


def report_of(folder: Path, name: str) -> Path:
    """Return the file of a benchmark's report."""
    return _folder(folder, name) / "report.html"


def _folder(folder: Path, name: str) -> Path:
    reports = finished(folder)
    if name not in reports:
        raise UnknownName.among("benchmarks", name, reports)
    return reports[name]
