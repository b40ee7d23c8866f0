"""Write the pages that come from the program itself: the command line, the Python reference and one page a method.

python docs/pages.py          writes them
python docs/pages.py --check  says which are out of date, exit code 1
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from reference import reference

from diptych.cli.pages import help_pages
from diptych.methods import ROOM
from diptych.methods.module import PartnerModule
from diptych.rooms import Card
from diptych.settings import field_docs

DOCS = Path(__file__).parent


def pages() -> dict[Path, str]:
    """Return every generated page by its path."""
    methods = {DOCS / "methods" / f"{name}.md": method_page(name, card) for name, card in ROOM.cards().items()}
    return {DOCS / "cli.md": help_pages().rstrip() + "\n", DOCS / "python.md": reference(), **methods}


def method_page(name: str, card: Card) -> str:
    """Return a method's card, its objective as the source states it, and every setting under every preset."""
    module = ROOM.open(name)
    facts = [
        ("Paper", f"{card.paper}, {card.year}."),
        ("Learns by", card.learns),
        ("Needs", ", ".join(card.needs) or "nothing in particular"),
    ]
    lines = [f"# {card.title}", "", f"Written by `make docs` from `diptych/methods/{name.replace('-', '_')}.py`.", ""]
    lines += [f"- **{label}**: {fact}" for label, fact in facts]
    lines += ["", f"```\ndiptych train {name} --data DATA --out RUN\n```", "", "## Objective", "", *_quoted(module)]
    presets = sys.modules[type(next(iter(module.PRESETS.values()))).__module__]
    if presets is not module:
        lines += ["", "## Presets", "", *_quoted(presets)]
    lines += ["", "## Settings", "", "Change one with `--set NAME=VALUE`.", ""]
    configs = {**module.PRESETS, **{f"{preset}, by partner": own for preset, own in _partner_presets(module).items()}}
    lines += [f"| setting | {' | '.join(configs)} | what it is |", f"|---|{'---|' * (len(configs) + 1)}"]
    for path, meaning, values in _settings(list(configs.values())):
        lines.append(f"| `{path}` | {' | '.join(values)} | {meaning} |")
    lines += ["", "## Search", "", *_searched(getattr(module, "SEARCH", {}))]
    return "\n".join(lines) + "\n"


def _partner_presets(module: Any) -> Mapping[str, Any]:
    return module.PARTNER_PRESETS if isinstance(module, PartnerModule) else {}


def _searched(search: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return what a search of `diptych benchmark` may try around a preset."""
    if not search:
        return ["There is nothing to search."]
    rows = [f"| `{name}` | {', '.join(_spelt(value) for value in values)} |" for name, values in search.items()]
    return ["What `diptych benchmark` may try around a preset:", "", "| setting | values |", "|---|---|", *rows]


def _quoted(module: Any) -> list[str]:
    return ["```text", *dedent(module.__doc__ or "").strip().splitlines(), "```"]


def _settings(configs: list[Any], prefix: str = "") -> Iterator[tuple[str, str, list[str]]]:
    """Yield each setting's dotted name, what its field says of it, and its value under each preset."""
    docs = field_docs(type(configs[0]))
    for field in fields(configs[0]):
        values = [getattr(config, field.name) for config in configs]
        if is_dataclass(values[0]):
            yield from _settings(values, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", docs[field.name], [_spelt(value) for value in values]


def _spelt(value: Any) -> str:
    return "none" if value == () else str(value)


def main() -> None:
    """Write the pages, or with `--check` compare them."""
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text}
    for path, text in stale.items():
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")
    if stale and "--check" in sys.argv:
        sys.exit("These pages are out of date. Write them: make docs")


if __name__ == "__main__":
    main()
