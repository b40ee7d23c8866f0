"""Start a service from locations and options."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvicorn

from diptych.allocation import bound
from diptych.collection import Collection, is_collection, open_model
from diptych.errors import BadSetting, MissingData
from diptych.files import digest
from diptych.web.admission import LOOPBACK, Admission, Rates
from diptych.web.app import build_app
from diptych.web.connections import protocol_for
from diptych.web.front import Forwarded
from diptych.web.keys import Keys, default_file
from diptych.web.limits import Limits
from diptych.web.logs import log_to
from diptych.web.service import Service

LOG = logging.getLogger("diptych.web")
FINISHING = 0.9
"""Share of `shutdown_seconds` in which accepted requests may finish; then they are cancelled."""
SIGNALLED = 128
"""What a shell adds to the number of a signal in the status of a process."""


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
    pictures_from: tuple[str, ...] = ()
    """Folders and URLs that pictures are read from, beside those that they were added from on this machine."""
    keys: Path | None = None
    """The key file. None selects the default file when other machines can connect, and requires no keys otherwise."""
    no_keys: bool = False
    page_deletes: bool = False
    """Whether the page offers to delete items, where the key may write."""
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
    try:
        server.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def open_service(options: Options) -> Service:
    """Return the service for all locations, with their models in memory."""
    service = Service(
        options.limits,
        runs=options.runs,
        benchmarks=options.benchmarks,
        log_queries=options.log_queries,
        page_deletes=options.page_deletes,
    )
    for folder in (options.runs, options.benchmarks):
        if folder is not None and not folder.is_dir():
            raise MissingData(f"'{folder}' is not a folder. Name one that holds runs or benchmarks.")
    for place in options.places:
        _add(service, place, options)
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
                Forwarded(build_app(service, admission), options.proxies),
                host=options.host,
                port=options.port,
                http=protocol_for(limits),
                ws="none",
                loop="asyncio",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=limits.connections,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=FINISHING * limits.shutdown_seconds,  # type: ignore[arg-type]
            )
        )
        self._service = service

    def handle_exit(self, sig: int, frame: object) -> None:
        """Start the shutdown, and set its end.

        A search, an ingest or the loading of a model may run for longer, and no thread can be ended from outside. What
        a store has acknowledged is kept, whenever the process ends.
        """
        if not self._service.stopping:
            self._service.stopping = True
            # an alarm, since starting a thread could wait for a lock that the interrupted code holds
            signal.signal(signal.SIGALRM, partial(_end, sig))
            signal.setitimer(signal.ITIMER_REAL, self._service.limits.shutdown_seconds, 1.0)
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


def _end(sig: int, alarm: int, frame: object) -> None:
    """End the process at once, with the status of one that a signal has ended."""
    with suppress(RuntimeError):  # the interrupted code may be writing to the log
        LOG.warning("the shutdown took too long; what was still running is given up")
    os._exit(SIGNALLED + sig)


def _add(service: Service, place: str, options: Options) -> None:
    """Serve a collection or a run under the last part of its location."""
    name, uploads = name_of(place), options.uploads
    if name in service.collections or name in service.models:
        raise BadSetting(f"two locations share the name {name!r}. Rename one, so that requests can tell them apart.")
    if "://" in place or is_collection(place):
        opened = Collection.open(place)
        folder = uploads / digest(opened.name) if uploads and opened.store.folder is None else None
        mark = opened.record.model.digest
        loaded = {served.model.digest: served.model for served in service.collections.values()} | {
            model.digest: model for model in service.models.values()
        }
        at = opened.store, opened.name, loaded.get(mark)
        service.add_collection(name, Collection(*at, pictures=folder, pictures_from=options.pictures_from))
    elif place.startswith("hub:") or (Path(place) / "config.json").is_file():
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
