"""The API reference, as a page without scripts or external resources, so that it also works offline."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

ROUTER = APIRouter(include_in_schema=False)
ROUTERS = (ROUTER,)


@ROUTER.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Return the description of all routes, generated from `/openapi.json`."""
    return HTMLResponse(page(request.app.openapi()))


def page(schema: Mapping[str, Any]) -> str:
    """Return an OpenAPI description as HTML."""
    parts = [
        part
        for path, methods in schema["paths"].items()
        for name, m in methods.items()
        for part in _route(path, name, m)
    ]
    title = f"{schema['info']['title']} {schema['info']['version']}"
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    intro = (
        f"<h1>{escape(title)}</h1><p>{escape(schema['info'].get('summary', ''))} For programs: "
        '<a href="/openapi.json">openapi.json</a>. An error is <code>{"error": {"code", "message", "hint"}}</code>.</p>'
    )
    return f"{head}<body><main>{intro}{''.join(parts)}</main></body></html>\n"


def _route(path: str, method: str, about: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(about.get('summary', ''))}</h2><p><code>{escape(method.upper())} {escape(path)}</code></p>"
    yield f"<p>{escape(about.get('description', ''))}</p>"
    rows = [*_parameters(about), *_fields(about)]
    if rows:
        head = "<tr><th>name</th><th>in</th><th>what</th></tr>"
        yield f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _parameters(about: Mapping[str, Any]) -> Iterator[str]:
    for parameter in about.get("parameters", []):
        yield _row(parameter["name"], parameter["in"], parameter.get("description", ""))


def _fields(about: Mapping[str, Any]) -> Iterator[str]:
    """Yield a row for each accepted type of body."""
    for kind in about.get("requestBody", {}).get("content", {}):
        yield _row("", "body", kind)


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
