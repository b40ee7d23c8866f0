"""Atomic files, records as JSON, and digests of content."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from diptych.errors import BadSetting
from diptych.extras import require

Record = TypeVar("Record")

DRAWN = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".pdf": "pdf"}
"""The suffixes of files that drawings are saved as, with their formats."""
PAGE = ".html"
"""The suffix of what is saved as a page, where a page is made."""


@contextmanager
def written_atomically(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on leaving, flush it to disk and rename it into place.

    A reader sees the old file or the complete new one, never a partial one; an interruption leaves the old one. The
    temporary file is removed if the block raises, and is private to its owner until its `mode` is set.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix, delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def check_drawn(path: Path, *, page: bool = False) -> None:
    """Raise `BadSetting` unless a file's suffix is one that drawings are saved as, or that of a page if there is one.

    `MissingExtra` if drawings cannot be made, for want of Matplotlib; a page needs none.

    >>> check_drawn(Path("hits.gif"))
    Traceback (most recent call last):
    diptych.errors.BadSetting: a drawing is saved as .png, .jpg, .jpeg, .webp or .pdf; got '.gif' in 'hits.gif'.
    """
    *most, last = [PAGE, *DRAWN] if page else DRAWN
    if (suffix := path.suffix.lower()) not in (*most, last):
        got = repr(suffix) if suffix else "no suffix"
        raise BadSetting(f"a drawing is saved as {', '.join(most)} or {last}; got {got} in '{path}'.")
    if suffix != PAGE:
        require("matplotlib", extra="plot", wanted_by="drawings")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented, with a final newline."""
    with written_atomically(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def json_of(record: Any) -> dict[str, Any]:
    """Return the JSON object of a record, which is a dataclass of JSON-able values.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Point:
    ...     x: int
    ...     names: tuple[str, ...]
    >>> json_of(Point(1, ("a", "b")))
    {'x': 1, 'names': ['a', 'b']}
    """
    value: dict[str, Any] = json.loads(json.dumps(asdict(record)))
    return value


def record_of(kind: type[Record], value: Any) -> Record:
    """Return the record of class `kind` from its JSON object, with nested records.

    A missing field without a default raises `KeyError`; unknown fields are ignored.
    """
    own, hints = value if isinstance(value, Mapping) else {}, get_type_hints(kind)
    present = [each.name for each in fields(kind) if each.name in own or each.default is MISSING]  # type: ignore[arg-type]
    return kind(**{name: _part_of(hints[name], own[name]) for name in present})


def _part_of(hint: Any, value: Any) -> Any:
    """Convert a part of a record according to its type hint: a record, a tuple, a mapping of records, or the value."""
    if isinstance(hint, type) and is_dataclass(hint):
        return record_of(hint, value)
    inner = get_args(hint)
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_part_of(inner[0], each) for each in value)
    if get_origin(hint) is Mapping and isinstance(value, Mapping):
        return {name: _part_of(inner[1], each) for name, each in value.items()}
    return value


def digest(*parts: bytes | str) -> str:
    """Return 32 hexadecimal digits of the SHA-256 of all parts, each preceded by its length.

    >>> digest("ab", "c") == digest("a", "bc")
    False
    """
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()[:32]


def file_digest(path: Path) -> str:
    """Return the full hexadecimal SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
