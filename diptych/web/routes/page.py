"""The page, from its folder in the package."""

import json
import mimetypes
from pathlib import Path
from typing import Any

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
"""Types that not every system knows alike."""


@ROUTER.get("/")
def index(request: Request) -> Response:
    """Return the page."""
    if not (FOLDER / "index.html").is_file():
        raise refuse(404, "this installation has no page. Use the routes of /docs, or install diptych again.")
    return _file(request, FOLDER / "index.html")


def _serve(path: Path) -> None:
    """Add a route for one file of the page."""

    @ROUTER.get(f"/{path.relative_to(FOLDER).as_posix()}")
    def part(request: Request) -> Response:
        return _file(request, path)


@ROUTER.get("/search-fields.js")
def search_fields(request: Request) -> Response:
    """Return the fields of a search as the page reads them from its address: what each is unless it is given."""
    fields: dict[str, Any] = {
        option.wire: {
            "usual": [] if option.repeats else "" if option.default is None else option.default,
            "minimum": option.minimum,
            "maximum": option.maximum,
        }
        for option in options_of(SearchRequest)
        if not option.is_picture
    }
    script = f"export const FIELDS = {json.dumps(fields)};\n".encode()
    return _answer(request, script, digest(script.decode()), TYPES[".js"])


def _file(request: Request, path: Path) -> Response:
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _answer(request, path.read_bytes(), file_digest(path), kind)


def _answer(request: Request, content: bytes, mark: str, kind: str) -> Response:
    headers = {"ETag": f'"{mark[:32]}"', "Cache-Control": "no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)


for _path in sorted(FOLDER.rglob("*")):
    if _path.is_file():
        _serve(_path)
