"""Liveness, readiness and metrics."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from diptych.web.refusals import RESPONSES, refuse
from diptych.web.schemas import ServiceOf

ROUTER = APIRouter(tags=["health"])
ROUTERS = (ROUTER,)


class Health(BaseModel):
    """The state of the service."""

    status: str


@ROUTER.get("/healthz", summary="Check that the service is alive")
async def healthz() -> Health:
    """Return immediately."""
    return Health(status="alive")


@ROUTER.get("/readyz", summary="Check whether the service is ready", responses={503: RESPONSES[503]})
async def readyz(service: ServiceOf) -> Health:
    """Check every store; return 503 during a shutdown, or if a store does not answer in time."""
    if service.stopping:
        raise refuse(503, "the service is shutting down.", retry_after=30)
    await service.check()
    return Health(status="ready")


@ROUTER.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request, service: ServiceOf) -> Response:
    """Return metrics of requests, batches and the process; requires the scope `read` if keys are in use."""
    request.app.state.admission.admit(request, "read")
    return Response(service.counts.text(service.waiting), media_type="text/plain; version=0.0.4; charset=utf-8")
