"""`diptych keys`: who may use the service from other machines."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.console import say, write, write_json, write_table
from diptych.cli.options import JsonOption
from diptych.web.keys import Keys, default_file

app = typer.Typer(help="Create, list and revoke keys of the service.", no_args_is_help=True, rich_markup_mode=None)

KeysOption = Annotated[
    Path | None, typer.Option("--keys", metavar="FILE", help="The file of keys; by default this user's.")
]
KeyNameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of the key: who or what uses it.")]


@app.command("add")
def add(
    name: KeyNameArgument,
    *,
    scope: Annotated[
        str, typer.Option("--scope", metavar="SCOPE", help="read, or write, which includes read.")
    ] = "read",
    keys: KeysOption = None,
    json: JsonOption = False,
) -> None:
    """Create a key and print it; it is not stored and cannot be shown again."""
    token = _keys(keys).add(name, scope)
    if json:
        write_json({"name": name, "scope": scope, "key": token})
    else:
        write(token)
        say("Keep it: it is not shown again. Send it as Authorization: Bearer KEY.")


@app.command("revoke")
def revoke(name: KeyNameArgument, *, keys: KeysOption = None, json: JsonOption = False) -> None:
    """Revoke a key; a running service refuses it at once."""
    _keys(keys).revoke(name)
    if json:
        write_json({"revoked": name})
    else:
        say(f"Revoked the key {name!r}.")


@app.command("list")
def list_keys(*, keys: KeysOption = None, json: JsonOption = False) -> None:
    """List the keys by name."""
    holders = list(_keys(keys))
    if json:
        for key in holders:
            write_json({"name": key.name, "scope": key.scope, "made": key.made})
    else:
        write_table(("name", "scope", "made"), [(key.name, key.scope, key.made) for key in holders])


def _keys(file: Path | None) -> Keys:
    return Keys(file or default_file())
