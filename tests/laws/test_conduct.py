"""What library code never does: assert for users, print, unpickle, leave notes for later."""

import ast
import re
from collections.abc import Callable

import pytest

from .modules import Source, sources

UNPICKLING = {
    *(f"pickle.{name}" for name in ("load", "loads", "Unpickler")),
    *("dill.load", "dill.loads", "joblib.load", "shelve.open", "cloudpickle.load", "cloudpickle.loads"),
}
NOTE = re.compile(r"#.*\b(TODO|FIXME|XXX|HACK)\b|^\s*# ?[-=#*]{4,}", re.MULTILINE)


def calls(source: Source, wanted: Callable[[ast.Call], bool]) -> list[int]:
    return [node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.Call) and wanted(node)]


def loads_more_than_weights(call: ast.Call) -> bool:
    """Return whether a call is `torch.load` without `weights_only=True`."""
    return ast.unparse(call.func) == "torch.load" and not any(
        keyword.arg == "weights_only" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in call.keywords
    )


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_nothing_is_asserted_at_run_time(source: Source) -> None:
    assert not [node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("source", [s for s in sources() if s.room != "cli"], ids=lambda source: source.name)
def test_only_the_command_line_prints(source: Source) -> None:
    assert not calls(source, lambda call: isinstance(call.func, ast.Name) and call.func.id == "print")


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_nothing_is_unpickled(source: Source) -> None:
    assert not calls(source, lambda call: ast.unparse(call.func) in UNPICKLING)
    origins = {node.module for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom)}
    assert not origins & {"pickle", "dill", "joblib", "shelve", "cloudpickle"}
    assert not calls(source, loads_more_than_weights), "torch.load needs weights_only=True"
    assert not calls(
        source, lambda call: any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in call.keywords)
    )


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_no_note_for_later_and_no_banner_is_left(source: Source) -> None:
    assert not NOTE.findall(source.path.read_text(encoding="utf-8"))
