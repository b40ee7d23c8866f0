"""Collections in LanceDB, in a folder: `lance://PATH`, or the path alone.

PATH holds `record.json`, whose presence makes it a collection, and a folder `NAME.lance` for each table. Nothing runs
but the processes that use it, as many as one likes. What a call has written outlives the death of any of them; that it
outlives a power cut is up to the file system, for Lance does not force its files to the disk.
"""

import json
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from typing_extensions import override

from diptych.errors import BadSetting, MissingData, StoreFailed
from diptych.files import write_json
from diptych.index.contract import Layout, Store, Table
from diptych.index.lance.access import begin_call, explanation
from diptych.index.lance.packages import lancedb
from diptych.index.lance.rows import schema_of
from diptych.index.lance.table import LanceTable

SCHEME = "lance://"


def open_store(uri: str) -> Store:
    """Return the store in the folder that a URI names; `~` stands for the home folder."""
    path = uri.removeprefix(SCHEME)
    if not path:
        raise BadSetting(f"'{uri}' does not name a folder. Write lance://PATH, or only the path.")
    return LanceStore(uri, Path(path).expanduser().absolute())


class LanceStore(Store):
    """A folder with a record and tables."""

    folder: Path

    def __init__(self, uri: str, folder: Path) -> None:
        self.uri = uri
        self.folder = folder

    @override
    def record(self) -> dict[str, Any] | None:
        path = self.folder / "record.json"
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise StoreFailed(f"'{path}' cannot be read: {error}. Restore it from a backup.") from error
        return record

    @override
    def remember(self, record: Mapping[str, Any]) -> None:
        try:
            write_json(self.folder / "record.json", dict(record))
        except OSError as error:
            raise explanation(self.folder, error) from error

    @override
    def tables(self) -> list[str]:
        manifests = self.folder.glob("*.lance/_versions/*.manifest")
        return sorted({manifest.parents[1].stem for manifest in manifests})

    @override
    def create_table(self, name: str, layout: Layout) -> Table:
        if self._has(name):
            raise BadSetting(
                f"the table '{name}' already exists in '{self.uri}'. Drop it first, or choose another name."
            )
        begin_call()
        try:
            opened = self._connection.create_table(name, schema=schema_of(layout))
        except (OSError, RuntimeError, ValueError) as error:
            raise explanation(self.folder, error) from error
        return LanceTable(name, self._place(name), opened)

    @override
    def table(self, name: str) -> Table:
        if not self._has(name):
            raise MissingData(f"'{self.uri}' has no table '{name}'. There are: {', '.join(self.tables()) or 'none'}.")
        begin_call()
        try:
            opened = self._connection.open_table(name)
        except (OSError, RuntimeError, ValueError) as error:
            raise explanation(self.folder, error) from error
        return LanceTable(name, self._place(name), opened)

    @override
    def drop_table(self, name: str) -> None:
        """Remove a table: at once from sight, then its files and those of drops that were cut off."""
        dropped = self.folder / ".dropped"
        with suppress(FileNotFoundError):
            place = self._place(name)
            if place.exists():
                dropped.mkdir(exist_ok=True)
                place.rename(dropped / uuid.uuid4().hex)
        shutil.rmtree(dropped, ignore_errors=True)

    @override
    def drop(self) -> None:
        for name in self.tables():
            self.drop_table(name)
        (self.folder / "record.json").unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    @override
    def close(self) -> None:
        """Do nothing: Lance keeps no connection."""

    @cached_property
    def _connection(self) -> Any:
        """Return LanceDB's view of the folder, which is made, that looks for a newer version at every read."""
        return lancedb.connect(self.folder, read_consistency_interval=timedelta(0))

    def _place(self, name: str) -> Path:
        return self.folder / f"{name}.lance"

    def _has(self, name: str) -> bool:
        return any(self._place(name).glob("_versions/*.manifest"))
