"""Opening a store by its URI."""

import re
from typing import NamedTuple

from diptych.errors import BadSetting, UnknownName
from diptych.index import ROOM
from diptych.index.contract import Store
from diptych.index.passwords import masked

_PLAIN = "lance"
_ALIASES = {"postgres": "postgresql"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")


class StoreAddress(NamedTuple):
    """A server or file that may hold several collections, and the name of one of them."""

    rest: str
    """The URI up to its `#`, the scheme included."""
    name: str
    """The collection there."""


def open_store(uri: str) -> Store:
    """Return the store at a URI, by its scheme; a path alone is one of the scheme `lance`.

    `lance://PATH`, `postgresql://USER@HOST/DATABASE#NAME`, `milvus://HOST:PORT#NAME`. Nothing is created and
    nothing need exist yet.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        scheme, rest = _PLAIN, uri
    name = _ALIASES.get(scheme.lower(), scheme.lower())
    if name not in (names := ROOM.names()):
        raise UnknownName.among("schemes", scheme, names)
    store: Store = ROOM.open(name).open_store(f"{name}://{rest}")
    return store


def split_uri(uri: str, *, default: str = "diptych") -> StoreAddress:
    """Return what stands before the `#` of a URI, and the collection's name after it.

    >>> split_uri("postgresql://ann@db/shop#museum")
    StoreAddress(rest='postgresql://ann@db/shop', name='museum')
    >>> split_uri("postgresql://ann@db/shop").name
    'diptych'
    """
    rest, separator, name = uri.partition("#")
    if not separator:
        return StoreAddress(rest, default)
    if not _NAME.fullmatch(name):
        raise BadSetting(
            f"the collection name after # in '{masked(uri)}' must be up to 48 letters, digits and _, not starting with "
            "a digit. Choose such a name, and write %23 for a # before it."
        )
    return StoreAddress(rest, name)
