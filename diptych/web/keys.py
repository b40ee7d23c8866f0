"""API keys with read or write access.

A key is 256 random bits, so its stored SHA-256 reveals nothing about it, and no slow hash is needed against guessing.
The file is JSON, readable by its owner only, and replaced atomically. A running service notices when it changes.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from diptych.errors import BadSetting, UnknownName
from diptych.files import written_atomically
from diptych.locks import locked
from diptych.settings import configuration_root

Scope = Literal["read", "write"]
PREFIX = "diptych_"
"""Prefix of every key, so that people and secret scanners recognise one."""


@dataclass(frozen=True)
class Key:
    """The record of a key, without the key itself."""

    name: str
    scope: Scope
    """`write` includes `read`."""
    sha256: str
    made: str
    """Time of creation, in UTC."""

    def allows(self, scope: Scope) -> bool:
        """Return whether it grants the scope that a route requires."""
        return self.scope == "write" or scope == "read"


def default_file() -> Path:
    """Return the default key file: `DIPTYCH_KEYS`, or `diptych/keys.json` in the user's configuration folder."""
    if chosen := os.environ.get("DIPTYCH_KEYS"):
        return Path(chosen)
    if (root := configuration_root()) is None:
        raise BadSetting("there is no folder for keys: this user has no home. Name a file: DIPTYCH_KEYS=FILE.")
    return root / "keys.json"


class Keys:
    """The current keys in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen: tuple[int, int, int] | None = None
        self._keys: list[Key] = []

    def __iter__(self) -> Iterator[Key]:
        return iter(self._read())

    def add(self, name: str, scope: str) -> str:
        """Return a new key, which is stored nowhere: a lost key must be replaced by a new one."""
        if scope not in get_args(Scope):
            raise BadSetting(f"the scope of a key must be read or write; got {scope!r}.")
        if not name.strip():
            raise BadSetting("a key needs a name. Name who or what will use it.")
        token = PREFIX + secrets.token_urlsafe(32)
        with self._changing() as keys:
            if any(key.name == name for key in keys):
                raise BadSetting(f"there is a key named {name!r} already. Revoke it first, or choose another name.")
            keys.append(Key(name, scope, _hashed(token), datetime.now(UTC).isoformat(timespec="seconds")))  # type: ignore[arg-type]
        return token

    def revoke(self, name: str) -> None:
        """Revoke a key; a running service refuses it from the next request on."""
        with self._changing() as keys:
            kept = [key for key in keys if key.name != name]
            if len(kept) == len(keys):
                raise UnknownName.among("keys", name, [key.name for key in keys])
            keys[:] = kept

    def holder(self, token: str) -> Key | None:
        """Return the record of a key, compared with all of them in constant time; None if there is none."""
        digest, holder = _hashed(token), None
        for key in self._read():
            if hmac.compare_digest(key.sha256, digest):
                holder = key
        return holder

    def _read(self) -> list[Key]:
        try:
            about = self.file.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, []
            return self._keys
        seen = (about.st_mtime_ns, about.st_size, about.st_ino)
        if seen != self._seen:
            self._keys, self._seen = _parsed(self.file), seen
        return self._keys

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """Yield the keys to change, then write them; a lock serialises concurrent changes."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.file.with_suffix(".lock"), create=True):
            keys = list(self._read())
            yield keys
            with written_atomically(self.file, mode=0o600) as temporary:
                text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2, ensure_ascii=False)
                temporary.write_text(text + "\n", encoding="utf-8")


def _parsed(file: Path) -> list[Key]:
    try:
        return [Key(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))["keys"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BadSetting(
            f"'{file}' is not a key file ({error}). Restore it, or remove it and create new keys."
        ) from None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
