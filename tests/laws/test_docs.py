"""Everything public says what it is, and every example runs."""

import ast
import doctest
from collections.abc import Iterator
from importlib import import_module

import pytest

from diptych.errors import MissingExtra

from .modules import ROOT, Source, sources

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public_parts(source: Source) -> Iterator[tuple[str, Documented]]:
    """Yield the module, its public classes and functions and their public methods, each with its dotted name."""
    yield source.name, source.tree
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield f"{source.name}.{node.name}", node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
                    yield f"{source.name}.{node.name}.{inner.name}", inner


def examples() -> Iterator[tuple[Source, str, doctest.DocTest]]:
    """Yield every docstring with an example, private parts included.

    They are read from the source because `doctest` overlooks functions wrapped by the checks on shapes.
    """
    parser = doctest.DocTestParser()
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, Documented) and ">>>" in (text := ast.get_docstring(node) or ""):
                name = f"{source.name}.{node.name}" if not isinstance(node, ast.Module) else source.name
                line = 0 if isinstance(node, ast.Module) else node.lineno
                yield source, name, parser.get_doctest(text, {}, name, str(source.path.relative_to(ROOT)), line)


def overrides(source: Source, name: str) -> bool:
    """Return whether a method takes its docstring from the class it overrides."""
    return any(
        isinstance(decorator, ast.Name) and decorator.id == "override"
        for dotted, node in public_parts(source)
        if dotted == name and isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    )


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_everything_public_has_a_docstring(source: Source) -> None:
    silent = [
        name for name, node in public_parts(source) if not ast.get_docstring(node) and not overrides(source, name)
    ]
    assert not silent, f"no docstring: {', '.join(silent)}"


@pytest.mark.parametrize(("source", "example"), [pytest.param(s, e, id=name) for s, name, e in examples()])
def test_every_example_runs(source: Source, example: doctest.DocTest) -> None:
    try:
        module = import_module(source.name)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    example.globs = vars(module).copy()
    report: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert outcome.failed == 0, "".join(report)
