"""`diptych serve`: collections over HTTP, with a page to search them."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.console import say
from diptych.cli.options import PicturesFromOption
from diptych.errors import MissingExtra


def serve(
    places: Annotated[
        list[str], typer.Argument(metavar="PLACE...", help="Collections, and runs that compare texts and pictures.")
    ],
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    runs: Annotated[
        Path | None, typer.Option("--runs", metavar="DIR", help="Show how the runs in this folder were trained.")
    ] = None,
    benchmarks: Annotated[
        Path | None, typer.Option("--benchmarks", metavar="DIR", help="Show the benchmarks in this folder.")
    ] = None,
    uploads: Annotated[
        Path | None,
        typer.Option("--uploads", metavar="DIR", help="Keep uploaded pictures here, for collections in a database."),
    ] = None,
    pictures_from: PicturesFromOption = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help="Require a key from this file, also on this machine.")
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Let everyone who can reach the address read and write.")
    ] = False,
    page_deletes: Annotated[
        bool, typer.Option("--page-deletes", help="Offer deletion on the page to those who may write.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Answer only to this host name. Repeatable."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="Let pages of this site use the service. Repeatable."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", metavar="ADDRESS", help="Trust this proxy's X-Forwarded-For. Repeatable."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=VALUE", help="Change a limit: upload_bytes=5000000. Repeatable."),
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log a JSON object for each request.")] = False,
    log_queries: Annotated[bool, typer.Option("--log-queries", help="Also log the queries.")] = False,
) -> None:
    """Serve collections over HTTP, with a page to search them in a browser."""
    try:
        from diptych.web.limits import Limits
        from diptych.web.startup import Options
        from diptych.web.startup import serve as run
    except ModuleNotFoundError as error:
        raise MissingExtra.named("serve", wanted_by="the service and its page", package=str(error.name)) from error
    from diptych.settings import override

    options = Options(
        places,
        host=host,
        port=port,
        runs=runs,
        benchmarks=benchmarks,
        uploads=uploads,
        pictures_from=tuple(pictures_from or ()),
        keys=keys,
        no_keys=no_keys,
        page_deletes=page_deletes,
        hosts=tuple(allow_host or ()),
        origins=tuple(allow_origin or ()),
        proxies=tuple(proxy or ()),
        json_logs=json_logs,
        log_queries=log_queries,
        limits=override(Limits(), limit or ()),
    )
    run(options, told=say)
