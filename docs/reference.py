"""The reference of the Python library: every public class and function, from its docstring."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from importlib import import_module
from textwrap import dedent
from typing import Any

from diptych.settings import field_docs

LISTED = {
    "Data": ("diptych.data.sources:open_data", "diptych.data.pairs:DataSet", "diptych.data.pairs:Pair"),
    "Runs": ("diptych.retriever:Retriever", "diptych.training.curve:TrainingCurve", "diptych.evaluation:Evaluation",
        "diptych.handover.exported:ExportedModel",
    ),
    "Encoders": (
        "diptych.encoders.own:module_encoder", "diptych.encoders.contract:Encoder",
        "diptych.encoders.contract:ItemFeatures",
    ),
    "Collections": (
        "diptych.collection:Collection", "diptych.collection:SearchRequest", "diptych.ingest.handed_over:NewItem",
        "diptych.ingest.rejects:Added", "diptych.collection.duplicates:Duplicates",
        "diptych.collection.classifying:Classification", "diptych.collection.clustering_items:ItemClusters",
        "diptych.collection.mapping_items:CollectionMap",
    ),
    "Results": (
        "diptych.results:Results", "diptych.results:Hit", "diptych.explaining.explanation:Explanation",
        "diptych.explaining.explanation:save_explanations", "diptych.explaining.audit:Audit",
    ),
    "Measures": ("diptych.given_scores:evaluate_scores",),
    "Service": ("diptych.client:Client",),
}  # fmt: skip
"""What the reference lists, by chapter: the module and the name."""
LONGEST = 100
"""Characters of a signature on one line."""


def reference() -> str:
    """Return the reference as Markdown."""
    lines = [
        "# Python reference",
        "",
        "Written by `make docs` from the docstrings; the [guide](guide/index.md) shows how.",
    ]
    for chapter, names in LISTED.items():
        lines += ["", f"## {chapter}"]
        for name in names:
            module, _, own = name.partition(":")
            lines += _entry(module, own, getattr(import_module(module), own))
    return "\n".join(lines) + "\n"


def _entry(module: str, name: str, thing: Any) -> Iterator[str]:
    """Yield the lines of a class with its members, or of a function."""
    yield from ("", f"### `{name}`", "", f"    from {module} import {name}", "")
    if not inspect.isclass(thing):
        yield from (*_call(name, thing), *_documented(thing))
        return
    yield from _documented(thing)
    if is_dataclass(thing):
        docs = field_docs(thing)
        rows = ((field.name, _annotation(thing, field.name), docs.get(field.name) or "") for field in fields(thing))
        yield from ("", "| field | type | |", "|---|---|---|")
        yield from (f"| `{field}` | {_cell(kind)} | {meaning} |" for field, kind, meaning in rows)
    for own, member in _members(thing):
        yield from ("", f"#### `{name}.{own}`", "")
        if not isinstance(member, property | cached_property):
            yield from _call(own, getattr(thing, own))
        yield from _documented(getattr(member, "func", member))


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class and of those of ours that it extends."""
    bases = [base for base in kind.__mro__ if base.__module__.startswith("diptych.")]
    for name in dict.fromkeys(name for base in bases for name in vars(base) if not name.startswith("_")):
        versions = [vars(base)[name] for base in bases if name in vars(base)]
        if isinstance(versions[0], property | cached_property | classmethod | staticmethod) or callable(versions[0]):
            yield name, next((version for version in versions if _text(version)), versions[0])


def _text(member: Any) -> str:
    """Return the own docstring of a function, a property or a class."""
    member = getattr(member, "__func__", getattr(member, "func", getattr(member, "fget", member)))
    return inspect.cleandoc(member.__doc__ or "")


def _documented(thing: Any) -> list[str]:
    """Return a docstring, its examples as code."""
    lines: list[str] = []
    within = False
    for line in _text(thing).splitlines():
        if line.startswith(">>> ") and not within:
            lines.append("```python")
            within = True
        elif within and not line:
            lines.append("```")
            within = False
        lines.append(line)
    return [*lines, *(["```"] if within else [])]


def _call(name: str, thing: Any) -> list[str]:
    """Return how a function is called, as its source says, one parameter a line if it is long."""
    (node,) = ast.parse(dedent(inspect.getsource(inspect.unwrap(thing)))).body
    if not isinstance(node, ast.FunctionDef):
        raise TypeError(f"{name} must be a function; got {type(node).__name__}. Leave it out of LISTED.")
    node.args.args = [each for each in node.args.args if each.arg not in ("self", "cls")]
    returns = f" -> {ast.unparse(node.returns)}".replace("'", "") if node.returns else ""
    parameters = list(_parameters(node.args))
    line = f"{name}({', '.join(parameters)}){returns}"
    if len(line) > LONGEST:
        line = "\n".join([f"{name}(", *(f"    {each}," for each in parameters), f"){returns}"])
    return ["```python", line, "```", ""]


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    """Yield parameters as they stand in a signature, the star before those with names among them."""
    plain, named = arguments.args, arguments.kwonlyargs
    lacking: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    yield from map(_parameter, plain, [*lacking, *arguments.defaults])
    if arguments.vararg:
        yield f"*{ast.unparse(arguments.vararg)}"
    elif named:
        yield "*"
    yield from map(_parameter, named, arguments.kw_defaults)
    if arguments.kwarg:
        yield f"**{ast.unparse(arguments.kwarg)}"


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _annotation(kind: type, name: str) -> str:
    """Return the declared type of a field, as its source says."""
    for base in kind.__mro__:
        if name in vars(base).get("__annotations__", {}):
            body = ast.parse(dedent(inspect.getsource(base))).body[0]
            for node in ast.walk(body):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                    return ast.unparse(node.annotation)
    raise LookupError(f"no source declares {name} of {kind.__name__}. Leave it out of LISTED.")


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")
