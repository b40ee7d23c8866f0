"""The application: all routes in the folder `routes`, uniform errors, and the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.responses import Response

import diptych
from diptych.errors import DiptychError, Refused
from diptych.web import routes
from diptych.web.admission import Admission
from diptych.web.front import Front
from diptych.web.refusals import answer, refuse, refused
from diptych.web.service import Service

SHOWN = 200
"""Characters of a path or a method that an error repeats."""


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
    for kind in (DiptychError, HTTPException, RequestValidationError):
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


async def _told(request: Request, error: Exception) -> Response:
    """Return the error response for an exception."""
    match error:
        case DiptychError():
            return answer(refused(error, request.app.state.service.places))
        case RequestValidationError():
            return answer(refuse(422, _validation(error), code="invalid"))
        case HTTPException():
            return answer(_plain(error, request))
    raise error


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
    path, method = request.url.path[:SHOWN], request.method[:SHOWN]
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
