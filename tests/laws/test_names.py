"""One name stands for one thing: no two public classes share one, nor two files without a reason."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

import pytest

from .modules import PACKAGE, Source, room_of, sources

CAMEL_CASE = re.compile(r"[A-Z]\w*[a-z]\w*")

ENTRY_NAMES = {
    "Config": ({"encoders", "methods"}, "the settings of an entry, which the room reads by this name"),
    "TextConfig": ({"encoders"}, "the settings of an encoder that reads texts too"),
    "Model": ({"methods", "collection"}, "the class of a method, or the one that a collection places its items with"),
    "Widths": ({"methods"}, "what a method is built for, which its `build` takes by this name"),
    "Rule": ({"fusion"}, "the class of a rule, which the room opens by this name"),
}
"""Names that every entry of a room defines by contract: the rooms, and what it is there."""

WIRE = {"client", "web"}
"""Rooms that say the same things on both ends of a wire."""
WIRED_NAMES = {
    "Attribution": ("explaining", "what one way of explaining says of regions and words"),
    "Hit": ("results", "one result of a search"),
    "InSpace": ("explaining", "one space's similarity, and what moved it"),
    "Item": (None, "an item of a collection"),
    "Region": (None, "a region of a picture"),
    "SearchAnswer": (None, "what a search answers"),
    "Word": ("explaining", "a word of a text and its characters"),
}
"""Classes that are one thing seen from the wire: the room that makes it where it has a class there, and what it is."""

FACES = {"cli", "client", "web"}
"""Rooms whose files are named after what they serve: a verb, a route, an answer."""
FIXED_PARTS = {
    "contract": "what every entry of the room promises",
    "store": "where a store is opened",
    "table": "the items of one table; of a benchmark, its result",
    "rows": "items as a store's rows",
    "conditions": "conditions in a store's own language",
    "sessions": "connections to a store's server",
    "packages": "what a store needs installed",
    "items": "items, and a store's columns for them",
}
"""Files that several stores or rooms have by design, and what each is."""


def public_names(source: Source) -> Iterator[str]:
    """Yield a file's classes and aliases of types; a type variable is a blank, which stands for nothing."""
    for node in source.tree.body:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not _is_variable(value):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _is_variable(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("TypeVar", "ParamSpec")


def homes(files: Iterable[Source]) -> Mapping[str, list[str]]:
    """Return the files that define each public name, by dotted name."""
    modules: dict[str, list[str]] = defaultdict(list)
    for source in files:
        for name in public_names(source):
            if CAMEL_CASE.fullmatch(name):
                modules[name].append(source.name)
    return modules


def share_a_name(name: str, modules: Iterable[str]) -> bool:
    """Return whether the law lets files define one name: for one thing, or as a room's contract."""
    rooms = [room_of(module) for module in modules]
    if name in ENTRY_NAMES:
        return set(rooms) <= ENTRY_NAMES[name][0]
    if name in WIRED_NAMES:
        return set(rooms) <= WIRE | {WIRED_NAMES[name][0]} and len(rooms) == len(set(rooms))
    return len(rooms) < 2


def may_be_twins(one: str, other: str) -> bool:
    """Return whether the law lets two modules, each by its dotted name, end in one name."""
    return one.rpartition(".")[2] in FIXED_PARTS or bool({room_of(one), room_of(other)} & FACES)


def is_entry(source: Source) -> bool:
    """Return whether a file is an entry of its room, whose name users type."""
    return any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CARD" for node in source.tree.body)


DEFINED = homes(sources())
FILES = [source.name for source in sources() if source.path.name != "__init__.py" and not is_entry(source)]


@pytest.mark.parametrize("name", sorted(DEFINED))
def test_one_public_name_stands_for_one_thing(name: str) -> None:
    assert share_a_name(name, DEFINED[name]), f"{name} is defined in {', '.join(DEFINED[name])}; rename all but one"


@pytest.mark.parametrize("name", sorted({*ENTRY_NAMES, *WIRED_NAMES}))
def test_an_exemption_is_needed(name: str) -> None:
    assert len(DEFINED[name]) > 1, f"{name} stands for one thing now: take it out"


@pytest.mark.parametrize("stem", sorted(FIXED_PARTS))
def test_a_fixed_part_stands_in_several_places(stem: str) -> None:
    assert len(list(PACKAGE.rglob(f"{stem}.py"))) > 1, f"only one file is named {stem}.py now: take it out"


def test_no_two_files_share_a_name_without_a_reason() -> None:
    twins = [
        f"{one} and {other}"
        for one, other in combinations(FILES, 2)
        if one.rpartition(".")[2] == other.rpartition(".")[2] and not may_be_twins(one, other)
    ]
    assert not twins, "name each for what it holds: " + "; ".join(twins)


@pytest.mark.parametrize(
    ("name", "modules", "allowed"),
    [
        ("Box", ["diptych.drawing.labels"], True),
        ("Box", ["diptych.drawing.labels", "diptych.explaining.places"], False),
        ("Box", ["diptych.drawing.labels", "diptych.drawing.heat"], False),
        ("Config", ["diptych.methods.cca", "diptych.methods.cfa", "diptych.encoders.glove"], True),
        ("Config", ["diptych.methods.cca", "diptych.web.app"], False),
        ("Hit", ["diptych.results", "diptych.web.schemas", "diptych.client.answers"], True),
        ("Hit", ["diptych.web.schemas", "diptych.web.routes.searching"], False),
        ("Hit", ["diptych.results", "diptych.search.recall"], False),
    ],
)
def test_the_law_of_classes_itself(name: str, modules: list[str], *, allowed: bool) -> None:
    assert share_a_name(name, modules) is allowed


@pytest.mark.parametrize(
    ("one", "other", "allowed"),
    [
        ("diptych.index.lance.table", "diptych.index.milvus.table", True),
        ("diptych.collection.explaining", "diptych.web.routes.explaining", True),
        ("diptych.explaining.explain", "diptych.cli.explain", True),
        ("diptych.measures.precision_recall", "diptych.drawing.curves", False),
        ("diptych.results", "diptych.drawing.results", False),
    ],
)
def test_the_law_of_files_itself(one: str, other: str, *, allowed: bool) -> None:
    assert may_be_twins(one, other) is allowed


def test_classes_and_aliases_are_seen_and_type_variables_are_not() -> None:
    text = """
class Table: ...
Rows = list[int]
Columns: object = dict[str, int]
Item = TypeVar("Item")
LIMIT = 3
def later():
    class Inner: ...
"""
    source = Source(PACKAGE / "fusion" / "imagined.py", ast.parse(text))
    assert set(homes([source])) == {"Table", "Rows", "Columns"}
