"""Rooms: folders whose files and folders are a registry.

A room is a package such as `diptych.methods`. Each of its files, and each folder's `__init__.py`, that defines `CARD`
at the top level is an entry, under the file's or folder's name with `-` for `_`; adding an entry is adding one file
or folder. Cards are read from the source as literals, so listing a room imports none of its entries (and so neither
torch nor numpy). Other packages add entries through an entry point of the group `diptych.<room>`.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from diptych.errors import UnknownName

FORMS = ("*.py", "*/__init__.py")
"""What an entry may be: a file, or a folder."""


@dataclass(frozen=True)
class Card:
    """What an entry of a room says about itself, before it is imported."""

    title: str
    """What it is, in a few words."""
    paper: str = ""
    """Where it was published: authors, title, venue."""
    year: int = 0
    """The year of that publication."""
    licence: str = ""
    """Terms of what it brings: weights, pictures, texts."""
    needs: tuple[str, ...] = ()
    """What must be there: `regions`, `words`, `categories`, an extra's name."""
    learns: str = ""
    """`gradient`, `closed form` or `nothing`."""
    mark: str = ""
    """The file or folder by which a folder is recognised as this data set; empty if any folder of its name is."""
    variants: tuple[str, ...] = ()
    """Names it answers to, where one file serves several."""


def split_name(name: str) -> tuple[str, str]:
    """Return an entry's name and its argument: what stands before and after the first colon.

    >>> split_name("word2vec:vectors/news.bin")
    ('word2vec', 'vectors/news.bin')
    >>> split_name("minilm")
    ('minilm', '')
    """
    head, _, argument = name.partition(":")
    return head, argument


class Room:
    """A package whose files are entries, opened lazily by name.

    >>> Room("diptych.fusion").open("product").CARD.title
    'The product rule of MCSM'
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.title = package.rpartition(".")[2]

    def names(self) -> list[str]:
        """Return every name that `open` answers to, variants included, sorted."""
        return sorted({*self._files, *self._plugins})

    def cards(self) -> Mapping[str, Card]:
        """Return each name's card; plug-ins are imported for theirs, our own files are not."""
        plugged = {name: point.load().CARD for name, point in self._plugins.items()}
        return plugged | {name: card for name, (_, card) in self._files.items()}

    def open(self, name: str) -> ModuleType:
        """Import the entry called `name`, or by one of its variants; `UnknownName` offers the nearest."""
        key = _entry_name(split_name(name)[0])
        if key in self._files:
            return import_module(f"{self.package}.{self._files[key][0]}")
        if key in self._plugins:
            module: ModuleType = self._plugins[key].load()
            return module
        raise UnknownName.among(self.title, split_name(name)[0], self.names())

    @cached_property
    def _files(self) -> dict[str, tuple[str, Card]]:
        spec = find_spec(self.package)
        folders = (spec and spec.submodule_search_locations) or ()
        entries: dict[str, tuple[str, Card]] = {}
        for path in sorted(path for folder in folders for form in FORMS for path in Path(folder).glob(form)):
            if card := read_card(path):
                stem = path.parent.name if path.stem == "__init__" else path.stem
                entries |= {_entry_name(name): (stem, card) for name in card.variants or (stem,)}
        return entries

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {_entry_name(point.name): point for point in entry_points(group=self.package)}


def _entry_name(name: str) -> str:
    return name.lower().replace("_", "-")


def read_card(path: Path) -> Card | None:
    """Return the card that a source file defines, read as literals without importing it, or None."""
    source = path.read_text(encoding="utf-8")
    if "\nCARD = Card(" not in source:
        return None
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="CARD")], value=ast.Call(keywords=keywords)):
                return Card(**{k.arg: ast.literal_eval(k.value) for k in keywords if k.arg})
    return None
