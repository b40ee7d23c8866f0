"""The `--help` of every verb as one page; `make docs` writes it to docs/cli.md."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from diptych.cli import app

WIDTH = 100


def help_pages() -> str:
    """Return Markdown with the help of each verb, groups first."""
    title = "# Command line\n\nWritten by `make docs` from the program itself.\n"
    return title + "".join(f"\n## {path}\n\n```text\n{text}\n```\n" for path, text in _pages(get_command(app), None))


def _pages(command: Any, parent: Any) -> Iterator[tuple[str, str]]:
    """Yield a command's path and help, and those of its verbs."""
    context = command.context_class(
        command, info_name=command.name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    yield context.command_path, context.get_help()
    for verb in getattr(command, "commands", {}).values():
        yield from _pages(verb, context)
