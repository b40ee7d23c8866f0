"""The command line: one file per verb.

Every verb prints a table for people, or with `--json` one object a line for machines, on stdout; progress and
messages go to stderr. Exit codes: 0 success, 1 `check` found problems, 2 the request was refused, 130 interrupted.
"""

import os
import sys
import time
import traceback
from pathlib import Path
from typing import Annotated

import typer

from diptych import __version__
from diptych.cli import ranks
from diptych.cli.benchmark import app as benchmark
from diptych.cli.classify import classify
from diptych.cli.clusters import clusters
from diptych.cli.collection import app as collection
from diptych.cli.collection_export import collection_export
from diptych.cli.collection_map import collection_map
from diptych.cli.console import adapt_to_encoding, say, write
from diptych.cli.data import app as data
from diptych.cli.duplicates import duplicates
from diptych.cli.encode import encode
from diptych.cli.evaluate import evaluate
from diptych.cli.explain import explain
from diptych.cli.explain_audit import explain_audit
from diptych.cli.export_run import export_run
from diptych.cli.keys import app as keys
from diptych.cli.loudness import Loudness, expenses, surroundings
from diptych.cli.options import Context
from diptych.cli.push import push
from diptych.cli.search import search
from diptych.cli.serve import serve
from diptych.cli.train import train
from diptych.cli.user_defaults import user_defaults
from diptych.errors import DiptychError

app = typer.Typer(
    name="diptych",
    help="Retrieve pictures by text and texts by picture: train, evaluate, search, serve.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def diptych(
    context: Context,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show results and errors alone.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say what it runs on, what it took, and where an error came from.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Defaults of options, as TOML.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Retrieve pictures by text and texts by picture: train, evaluate, search, serve."""
    if version:
        write(f"diptych {__version__}")
        raise typer.Exit
    context.default_map = user_defaults(context.command, config)
    Loudness.choose(quiet=quiet, verbose=verbose, otherwise=context.default_map)
    if Loudness.verbose:
        say(surroundings())
        begun = time.perf_counter()
        context.call_on_close(lambda: say(expenses(begun)))


app.add_typer(data, name="data")
app.command()(encode)
app.command()(train)
app.command()(evaluate)
app.command()(search)
app.command()(explain)
app.command("explain-audit")(explain_audit)
collection.command()(duplicates)
collection.command()(classify)
collection.command()(clusters)
collection.command("map")(collection_map)
collection.command("export")(collection_export)
app.command("export")(export_run)
app.command()(push)
app.add_typer(collection, name="collection")
app.add_typer(benchmark, name="benchmark")
app.command()(serve)
app.add_typer(keys, name="keys")


def main() -> None:
    """Run the command line and exit with its code."""
    # idle threads that spin would slow down the threads that decode pictures
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    adapt_to_encoding()
    ranks.begin()
    try:
        app(prog_name="diptych")
    except DiptychError as error:
        if Loudness.verbose:
            traceback.print_exc()
        sys.exit(ranks.refuse(error, f"Error: {error}\n"))
    except OSError as error:
        advice = "Check the path, the permissions and the space left on the disk."
        sys.exit(ranks.refuse(error, f"Error: {error}. {advice}\n"))
