"""The application: all routes in the folder `routes`, uniform errors, and the page."""

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import diptych
from diptych.errors import DiptychError, Refused
from diptych.web import routes
from diptych.web.admission import Admission
from diptych.web.refusals import body_of, headers_of, refuse, refused
from diptych.web.service import Service

LOG = logging.getLogger("diptych.web")
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Default headers of every response: pages load resources from this service only and cannot be framed."""


def build_app(service: Service, admission: Admission) -> FastAPI:
    """Return the application of a service, behind its admission control."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="diptych",
        version=diptych.__version__,
        summary="Search pictures by text and texts by pictures.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=living,
    )
    app.state.service, app.state.admission = service, admission
    for module in sorted(each.name for each in iter_modules(routes.__path__)):
        for router in import_module(f"{routes.__name__}.{module}").ROUTERS:
            app.include_router(router)
    for kind in (DiptychError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _told)
    if admission.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=admission.origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Front)
    return app


class Front:
    """Middleware for every request: site check, response headers, access log, metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, state = time.perf_counter(), {"status": 500}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        application = scope["app"]
        try:
            application.state.admission.check_site(scope["method"], Headers(scope=scope))
            await self._app(scope, receive, sending)
        except Refused as error:
            await _answer(error)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "unknown")
            application.state.service.counts.answered(route, scope["method"], state["status"], seconds)
            _log(scope, route, state["status"], seconds)


def _log(scope: Scope, route: str, status: int, seconds: float) -> None:
    state: Mapping[str, Any] = scope.get("state", {})
    told = {
        "method": scope["method"],
        "route": route,
        "status": status,
        "milliseconds": round(1000 * seconds, 1),
        "client": (scope.get("client") or ("",))[0],
        "key": state.get("user"),
        "query": state.get("query"),
    }
    LOG.info("request", extra={"request": {name: value for name, value in told.items() if value is not None}})


async def _told(request: Request, error: Exception) -> Response:
    """Return the error response for an exception."""
    match error:
        case DiptychError():
            return _answer(refused(error))
        case RequestValidationError():
            return _answer(refuse(422, _validation(error), code="invalid"))
        case HTTPException():
            return _answer(_plain(error, request))
    return _answer(refuse(500, "an internal error occurred. See the service's log."))


def _answer(error: Refused) -> JSONResponse:
    return JSONResponse(body_of(error), error.status, headers_of(error))


def _validation(error: RequestValidationError) -> str:
    """Return the faults in the fields of a request.

    >>> _validation(RequestValidationError([{"loc": ("body", "k"), "msg": "Input should be a valid integer"}]))
    'k: input should be a valid integer. /docs lists the fields of each request.'
    """
    faults = [f"{'.'.join(map(str, e['loc'][1:])) or 'body'}: {_lowered(e['msg'])}" for e in error.errors()]
    return f"{'; '.join(faults)}. /docs lists the fields of each request."


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _plain(error: HTTPException, request: Request) -> Refused:
    path, method = request.url.path, request.method
    sentences = {
        404: f"there is nothing at {path}. /docs lists the routes.",
        405: f"{path} does not support {method}. /docs lists the routes.",
        400: "the body cannot be read. /docs lists the fields of each request.",
    }
    status = 422 if error.status_code == 400 else error.status_code
    message = sentences.get(error.status_code, f"{_lowered(str(error.detail))}. /docs lists the routes.")
    told = refuse(status, message)
    told.__cause__ = error
    return told
