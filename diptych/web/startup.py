"""Start a service from locations and options."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from diptych.collection import Collection, is_collection, open_model
from diptych.errors import BadSetting, MissingData
from diptych.files import digest
from diptych.web.admission import LOOPBACK, Admission, Rates
from diptych.web.app import build_app
from diptych.web.keys import Keys, default_file
from diptych.web.limits import Limits
from diptych.web.logs import log_to
from diptych.web.memory import bound
from diptych.web.service import Service


@dataclass(frozen=True)
class Options:
    """The options of a service."""

    places: Sequence[str]
    """Locations of collections and runs: paths or URIs."""
    host: str = "127.0.0.1"
    port: int = 8000
    runs: Path | None = None
    benchmarks: Path | None = None
    uploads: Path | None = None
    """Folder for uploaded pictures of collections in a database."""
    keys: Path | None = None
    """The key file. None selects the default file when other machines can connect, and requires no keys otherwise."""
    no_keys: bool = False
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    """Addresses of trusted proxies, whose X-Forwarded-For header is used."""
    json_logs: bool = False
    log_queries: bool = False
    limits: Limits = field(default_factory=Limits)


def serve(options: Options, *, told: Callable[[str], None]) -> None:
    """Serve until a signal arrives, then finish accepted requests. `told` receives the address to open."""
    bound()
    admission = admission_of(options)
    service = open_service(options)
    log_to(sys.stderr, as_json=options.json_logs)
    server = Server(service, admission, options)
    host = f"[{options.host}]" if ":" in options.host else options.host
    told(f"Open http://{'localhost' if options.host in LOOPBACK else host}:{options.port}/ in a browser. Ctrl-C ends.")
    server.run()


def open_service(options: Options) -> Service:
    """Return the service for all locations, with their models in memory."""
    service = Service(options.limits, runs=options.runs, benchmarks=options.benchmarks, log_queries=options.log_queries)
    for folder in (options.runs, options.benchmarks):
        if folder is not None and not folder.is_dir():
            raise MissingData(f"'{folder}' is not a folder. Name one that holds runs or benchmarks.")
    for place in options.places:
        _add(service, place, options.uploads)
    return service


def admission_of(options: Options) -> Admission:
    """Return the admission rules: no keys on loopback addresses, and keys elsewhere unless `--no-keys` is given."""
    local = options.host in LOOPBACK
    hosts = (*options.hosts, *LOOPBACK) if local or options.hosts else ()
    keys = None
    if options.keys is not None or (not local and not options.no_keys):
        keys = Keys(options.keys or default_file())
        if not list(keys):
            raise BadSetting(
                f"a service that other machines can reach requires keys, and '{keys.file}' has none. Create one: "
                "diptych keys add NAME; or start it with --no-keys, which lets everyone read and write."
            )
    return Admission(Rates(options.limits), keys, hosts, options.origins)


class Server(uvicorn.Server):
    """A server that tells the service when a shutdown begins."""

    def __init__(self, service: Service, admission: Admission, options: Options) -> None:
        limits = options.limits
        super().__init__(
            uvicorn.Config(
                build_app(service, admission),
                host=options.host,
                port=options.port,
                http=type("Patient", (Impatient,), {"header_seconds": limits.header_seconds}),
                ws="none",
                loop="asyncio",
                log_config=None,
                access_log=False,
                proxy_headers=bool(options.proxies),
                forwarded_allow_ips=list(options.proxies),
                server_header=False,
                limit_concurrency=limits.connections,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=int(limits.shutdown_seconds),
            )
        )
        self._service = service

    def handle_exit(self, sig: int, frame: object) -> None:
        """Start the shutdown."""
        self._service.stopping = True
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


class Impatient(H11Protocol):
    """Connections that must send a request header in time, so that idle ones cannot exhaust the limit."""

    header_seconds = 10.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the header timeout."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Process received bytes; keep the timeout running while a header is incomplete."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            self._wait_no_more()
        elif self._late is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeout."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.header_seconds, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None


def _add(service: Service, place: str, uploads: Path | None) -> None:
    """Serve a collection or a run under the last part of its location."""
    name = name_of(place)
    if name in service.collections or name in service.models:
        raise BadSetting(f"two locations share the name {name!r}. Rename one, so that requests can tell them apart.")
    if "://" in place or is_collection(place):
        opened = Collection.open(place)
        folder = uploads / digest(opened.name) if uploads and opened.store.folder is None else None
        mark = opened.record.model.digest
        loaded = {served.model.digest: served.model for served in service.collections.values()} | {
            model.digest: model for model in service.models.values()
        }
        service.add_collection(name, Collection(opened.store, opened.name, loaded.get(mark), pictures=folder))
    elif (Path(place) / "config.json").is_file():
        service.add_model(name, open_model(place))
    else:
        raise MissingData(f"there is no collection or run at {place}. Create one: diptych collection create {place}.")


def name_of(place: str) -> str:
    """Return the name of a location: the last part of its path, or the part after `#`.

    >>> name_of("museums/shop/"), name_of("postgresql://ann@db/shop#museum")
    ('shop', 'museum')
    """
    if "://" in place:
        rest, _, name = place.partition("#")
        return name or rest.rstrip("/").rpartition("/")[2]
    return Path(place).resolve().name
