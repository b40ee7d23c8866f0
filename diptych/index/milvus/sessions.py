"""Connections to a Milvus server or a file of milvus-lite, and their errors as ours."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from threading import RLock, local
from typing import Any
from urllib.parse import urlsplit

from diptych.errors import BadSetting, DiptychError, MissingExtra, StoreFailed

try:
    import grpc
    from pymilvus import DataType, MilvusClient, MilvusException
except ImportError:
    raise MissingExtra.named("milvus", wanted_by="collections in Milvus", package="pymilvus") from None

SECONDS = 10.0
"""How long a server may take to answer, a new connection included, before it counts as lost."""
STARTING = 120.0
"""How long it may take to make an empty collection ready, or one that a server has just found again."""
PATIENCE = 3600.0
"""How long it may take to build an index, flush or compact."""
MOST_ROWS = 16_384
"""What one answer may hold; Milvus refuses more."""
MESSAGE = 8 * 2**20
"""Bytes that go into one message at most, or nearly so; Milvus takes 64 MiB."""

_SELDOM = {"grpc.keepalive_time_ms": 7_200_000}
"""How seldom a connection to milvus-lite is probed: its server hangs up on who does so every ten seconds."""
_NO_SUCH_COLLECTION = 100
_TOO_LARGE = "exceed the limit size"
_FILE_LOCKS: defaultdict[Path, RLock] = defaultdict(RLock)
"""Held during every call on a file: two threads that write at once would each open milvus-lite's log."""
_FILE_USERS: Counter[Path] = Counter()
"""How many sessions of this process use each file; milvus-lite's engine locks it until the last has closed."""


class NoSuchCollection(StoreFailed):
    """Milvus has no collection of that name, or has it no longer."""


class AnswerTooLarge(StoreFailed):
    """What was asked for does not fit into one answer."""


class Session:
    """One place that speaks Milvus; it connects when first used, and again after the server was lost.

    All reads have Strong consistency: they wait for the server's clock, a fifth of a second as it comes, and see
    every write that was acknowledged before them; those of a `moment`, every write that was acknowledged before it.
    """

    def __init__(self, rest: str) -> None:
        place = rest.partition("://")[2]
        self.file = Path(place).absolute() if place.endswith(".db") else None
        self.place = str(self.file) if self.file else _without_password(place)
        self._uri = str(self.file) if self.file else f"http://{place}"
        self._client: MilvusClient | None = None
        self._of_thread = local()
        self._connecting = _FILE_LOCKS[self.file] if self.file else RLock()
        # pymilvus writes every error to stderr before it raises it
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)

    @property
    def empty(self) -> bool:
        """Whether this is a file that is not there yet."""
        return self.file is not None and not self.file.exists()

    def names(self) -> list[str]:
        """Return the collections there are."""
        return [] if self.empty else list(self._call("list_collections"))

    def has(self, name: str) -> bool:
        """Return whether there is a collection, or an alias, of that name."""
        return not self.empty and bool(self._call("has_collection", name))

    def create(self, name: str, schema: Any) -> None:
        """Make a collection, without an index yet."""
        self._call("create_collection", name, schema=schema, consistency_level="Strong", num_shards=1)

    def load(self, name: str, kind: str, *, seconds: float = STARTING, **params: int) -> None:
        """Give a collection's vectors an index of inner products and make it ready to be read, unless it is."""
        if str(self._call("get_load_state", name)["state"]) == "Loaded":
            return
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", index_type=kind, metric_type="IP", params=params)
        self._call("create_index", name, index, seconds=seconds)
        self._call("load_collection", name, seconds=seconds)

    def drop(self, name: str) -> None:
        """Remove a collection; nothing happens where there is none."""
        if self.has(name):
            self._call("drop_collection", name)

    def upsert(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Put rows in, in place of those with the same key."""
        self._call("upsert", name, list(rows))

    def delete(self, name: str, expression: str) -> None:
        """Take out the rows that meet an expression."""
        self._call("delete", name, filter=expression)

    def query(
        self, name: str, expression: str, fields: Sequence[str], limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return rows that meet an expression; with a limit, those with the least keys, in their order."""
        # without `reduce_stop_for_best`, a limit takes whichever rows come first
        bound: dict[str, Any] = (
            {} if limit is None else {"limit": limit, "iterator": "True", "reduce_stop_for_best": "True"}
        )
        options: dict[str, Any] = {"filter": expression, "output_fields": list(fields), **self._consistency()}
        return list(self._call("query", name, **options, **bound))

    def search(
        self, name: str, vectors: Sequence[Any], *, limit: int, expression: str, fields: Sequence[str], **how: Any
    ) -> Any:
        """Return each vector's rows with the largest inner products: dictionaries of `id`, `distance` and `entity`."""
        options: dict[str, Any] = {
            "limit": limit,
            "filter": expression,
            "output_fields": list(fields),
            "anns_field": "vector",
        }
        options |= {"search_params": {"metric_type": "IP", "params": how}, **self._consistency()}
        return self._call("search", name, vectors, **options)

    def flush(self, name: str) -> None:
        """Have what is in memory and the log written as segments."""
        self._call("flush", name, seconds=PATIENCE)

    def compact(self, name: str) -> int:
        """Begin to rewrite a collection without what was removed, and return the job's number."""
        return int(self._call("compact", name, seconds=PATIENCE))

    def compacted(self, job: int) -> bool:
        """Return whether such a job is done."""
        return str(self._call("get_compaction_state", job)) == "Completed"

    def name_again(self, name: str, alias: str) -> None:
        """Let an alias, new or not, mean a collection from now on."""
        self._call("alter_alias" if self.has(alias) else "create_alias", name, alias)

    def forget_alias(self, alias: str) -> None:
        """Remove an alias; nothing happens where there is none."""
        if self.has(alias):
            self._call("drop_alias", alias)

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Let what this thread reads in the block be of the moment at which it began, or later."""
        if self.file or self._moment is not None:
            yield
            return
        self._of_thread.moment = self._now()
        try:
            yield
        finally:
            self._of_thread.moment = None

    def close(self) -> None:
        """Let go of the connection; of a file, once no other session of this process uses it."""
        with self._connecting:
            if self._client is None:
                return
            self._client.close()
            self._client = None
            if self.file:
                _FILE_USERS[self.file] -= 1
                if not _FILE_USERS[self.file]:
                    from milvus_lite.server_manager import server_manager_instance

                    server_manager_instance.release_server(str(self.file))

    @property
    def _moment(self) -> int | None:
        return getattr(self._of_thread, "moment", None)

    def _consistency(self) -> dict[str, Any]:
        if self._moment is None:
            return {"consistency_level": "Strong"}
        return {"consistency_level": "Customized", "guarantee_timestamp": self._moment}

    def _now(self) -> int:
        """Return the server's time, in its own count."""
        with self._explaining():
            # MilvusClient has no such method, though every server since 2.3 answers it
            return int(self._connected()._get_connection().alloc_timestamp(timeout=SECONDS))

    def _call(self, verb: str, *arguments: Any, seconds: float = SECONDS, **options: Any) -> Any:
        alone: AbstractContextManager[Any] = self._connecting if self.file else nullcontext()
        if self.file:
            # milvus-lite runs in this process: a busy machine makes it slow, and nothing can make it lost
            seconds = max(seconds, PATIENCE)
        with self._explaining(), alone:
            return getattr(self._connected(), verb)(*arguments, timeout=seconds, **options)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (MilvusException, grpc.RpcError) as error:
            raise self._explained(error) from error

    def _connected(self) -> MilvusClient:
        with self._connecting:
            if self._client is None:
                self._client = self._new_client()
            return self._client

    def _new_client(self) -> MilvusClient:
        if self.file is None:
            return MilvusClient(self._uri, timeout=SECONDS)
        if find_spec("milvus_lite") is None:
            raise MissingExtra.named("milvus", wanted_by="Milvus' files", package="milvus-lite")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        client = MilvusClient(self._uri, timeout=SECONDS, grpc_options=_SELDOM)
        _FILE_USERS[self.file] += 1
        return client

    def _explained(self, error: Exception) -> DiptychError:
        said = " ".join(str(getattr(error, "message", "") or getattr(error, "details", str)() or error).split())
        if getattr(error, "code", None) == _NO_SUCH_COLLECTION:
            return NoSuchCollection(f"Milvus at {self.place} has lost a collection that was asked for: {said}")
        if _TOO_LARGE in said:
            return AnswerTooLarge(f"Milvus at {self.place} cannot answer at once: {said}")
        if self.file and self._client is None:
            return StoreFailed(
                f"milvus-lite cannot open {self.place}. Another process may have it open; it allows one at a time."
            )
        return StoreFailed(f"Milvus at {self.place} failed: {said[:400]}. Nothing that it acknowledged is lost.")


def schema_of(*fields: tuple[str, Any, dict[str, Any]]) -> Any:
    """Return the schema of a collection; the first field is its key."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    for number, (name, kind, options) in enumerate(fields):
        schema.add_field(name, kind, is_primary=number == 0, **options)
    return schema


def text_field(name: str, most: int = 65_535) -> tuple[str, Any, dict[str, Any]]:
    """Return a field for texts of so many bytes."""
    return name, DataType.VARCHAR, {"max_length": most}


def json_field(name: str) -> tuple[str, Any, dict[str, Any]]:
    """Return a field for a JSON object."""
    return name, DataType.JSON, {}


def truth_field(name: str) -> tuple[str, Any, dict[str, Any]]:
    """Return a field for yes or no."""
    return name, DataType.BOOL, {}


def vector_field(width: int) -> tuple[str, Any, dict[str, Any]]:
    """Return the field for vectors, of which a collection of Milvus 2.3 has exactly one."""
    return "vector", DataType.FLOAT_VECTOR, {"dim": width}


def _without_password(place: str) -> str:
    try:
        parts = urlsplit(f"//{place}")
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or not parts.hostname or parts.path:
        raise BadSetting(
            "Milvus does not understand this URI. Write milvus://HOST:PORT#NAME for a server, or "
            "milvus:///PATH/FILE.db#NAME for a file of milvus-lite."
        )
    return f"{parts.hostname}:{port}" if port else parts.hostname
