"""Whether the service lives, whether it can answer, and what it has counted."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from diptych.web.refusals import RESPONSES, refuse
from diptych.web.schemas import ServiceOf

ROUTER = APIRouter(tags=["health"])
ROUTERS = (ROUTER,)


class Health(BaseModel):
    """A word about the service."""

    status: str


@ROUTER.get("/healthz", summary="Say that the service lives")
async def healthz() -> Health:
    """Return at once."""
    return Health(status="alive")


@ROUTER.get("/readyz", summary="Say whether the service can answer", responses={503: RESPONSES[503]})
async def readyz(service: ServiceOf) -> Health:
    """Return after a look at every store; 503 during a shutdown, or where a store does not answer in time."""
    if service.stopping:
        raise refuse(503, "the service shuts down.", retry_after=30)
    await service.check()
    return Health(status="ready")


@ROUTER.get("/metrics", summary="Counts for Prometheus", response_class=Response)
async def metrics(request: Request, service: ServiceOf) -> Response:
    """Return counts of requests, batches and the process; with keys, one that may read is asked for."""
    request.app.state.admission.admit(request, "read")
    return Response(service.counts.text(service.waiting), media_type="text/plain; version=0.0.4; charset=utf-8")
