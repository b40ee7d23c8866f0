"""The page, served from its folder in the package."""

import json
import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request, Response

from diptych.files import digest, file_digest
from diptych.request_fields import options_of
from diptych.search_request import SearchRequest
from diptych.web.refusals import refuse

ROUTER = APIRouter(include_in_schema=False)
ROUTERS = (ROUTER,)

FOLDER = Path(__file__).parents[1] / "page"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".html": "text/html",
         ".svg": "image/svg+xml", ".json": "application/json", ".webmanifest": "application/manifest+json",
         ".woff2": "font/woff2"}  # fmt: skip
"""Media types that vary between systems."""
FIELDS_PLACE = b"{search-fields}"
"""Placeholder in the page for the fields of a search request."""
OPTIONS_PLACE = b"{page-options}"
"""Placeholder in the page for the options of the service that the page follows."""


@ROUTER.get("/")
def index(request: Request) -> Response:
    """Return the page."""
    if not (FOLDER / "index.html").is_file():
        raise refuse(404, "this installation has no page. Use the routes at /docs, or reinstall diptych.")
    return _file(request, FOLDER / "index.html")


def _serve(path: Path) -> None:
    """Add a route for one page file."""

    @ROUTER.get(f"/{path.relative_to(FOLDER).as_posix()}")
    def part(request: Request) -> Response:
        return _file(request, path)


def _file(request: Request, path: Path) -> Response:
    """Return a file; in the page, the fields of a search request and the options replace their placeholders."""
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_page = path.name == "index.html"
    told = {FIELDS_PLACE: _search_fields(), OPTIONS_PLACE: _page_options(request)} if is_page else {}
    headers = {"ETag": f'"{digest(file_digest(path), *told.values())[:32]}"', "Cache-Control": "no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = path.read_bytes()
    for place, text in told.items():
        content = content.replace(place, text.encode())
    return Response(content, headers=headers, media_type=kind)


def _search_fields() -> str:
    """Return the default and the bounds of each search field, as JSON that is safe within HTML."""
    fields = {}
    for option in options_of(SearchRequest):
        if not option.is_picture:
            usual = [] if option.repeats else "" if option.default is None else option.default
            fields[option.wire] = {"usual": usual, "minimum": option.minimum, "maximum": option.maximum}
    return json.dumps(fields).replace("<", r"\u003c")


def _page_options(request: Request) -> str:
    """Return what the page may offer, as JSON."""
    return json.dumps({"deletes": request.app.state.service.page_deletes})


for _path in sorted(FOLDER.rglob("*")):
    if _path.is_file():
        _serve(_path)
