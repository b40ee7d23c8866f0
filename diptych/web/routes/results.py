"""Benchmark tables and reports, and training curves."""

import logging
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from pydantic import BaseModel, TypeAdapter

from diptych.benchmark.finished import finished, report_of, table_of
from diptych.errors import BadCheckpoint, MissingData, UnknownName
from diptych.runs import UNREADABLE, Run, entries, history
from diptych.web.admission import Admission
from diptych.web.guards import reading
from diptych.web.links import SECONDS
from diptych.web.refusals import refuse
from diptych.web.schemas import ServiceOf

ROUTER = reading()
ROUTERS = (ROUTER,)
LOG = logging.getLogger("diptych.web")
RUN: TypeAdapter[Run] = TypeAdapter(Run)

SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)
"""A report has inline styles and scripts; this policy blocks all other access, even to this service."""


class BenchmarkDetail(BaseModel):
    """A benchmark with its rows."""

    name: str
    data: str
    splits: list[str]
    rows: list[dict[str, Any]]
    """Best first: method, preset, MAP in both directions and on average, seconds, and significance."""
    report: str
    """URL of the full report, without the host."""
    link: str
    """URL to request a link to the report that works without a key."""


class Link(BaseModel):
    """A link that works without a key."""

    url: str
    """The URL, without the host."""
    seconds: int
    """How long the link is valid."""


class Epoch(BaseModel):
    """The metrics of an epoch."""

    epoch: int
    losses: dict[str, float]
    validation_map: float | None = None
    validation_recall: float | None = None
    validation_map_and_recall: float | None = None
    learning_rate: float | None
    seconds: float


@ROUTER.get("/benchmarks", tags=["results"], summary="List benchmarks with their tables")
async def list_benchmarks(service: ServiceOf) -> list[BenchmarkDetail]:
    """Return the benchmarks in the folder given by `--benchmarks`; an empty list without one."""
    if service.benchmarks is None:
        return []
    return await service.in_thread(_benchmarks, service.benchmarks)


@ROUTER.get(
    "/benchmarks/{name}/report",
    tags=["results"],
    summary="Show a benchmark's report",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
)
async def show_report(name: str, service: ServiceOf) -> Response:
    """Return the report as a self-contained page."""
    path = await service.in_thread(_report, service.benchmarks, name)
    text = await service.in_thread(path.read_bytes)
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": SANDBOX})


@ROUTER.get("/benchmarks/{name}/link", tags=["results"], summary="Link to a benchmark's report")
async def link_report(name: str, request: Request, response: Response, service: ServiceOf) -> Link:
    """Return a link to the report for browsers, which works without a key for a minute."""
    await service.in_thread(_report, service.benchmarks, name)
    response.headers["Cache-Control"] = "no-store"
    admission: Admission = request.app.state.admission
    return Link(url=admission.link(request, f"/v1/benchmarks/{name}/report"), seconds=SECONDS)


@ROUTER.get("/runs", tags=["results"], summary="List training runs")
async def list_runs(service: ServiceOf) -> list[Run]:
    """Return the runs in the folder given by `--runs`; an empty list without one."""
    if service.runs is None:
        return []
    return await service.in_thread(_runs, service.runs)


@ROUTER.get("/runs/{name}/history", tags=["results"], summary="Show the training history of a run")
async def show_history(name: str, service: ServiceOf) -> list[Epoch]:
    """Return the metrics of each epoch: losses, validation metric, learning rate."""
    try:
        lines = await service.in_thread(history, service.runs, name) if service.runs else None
    except UnknownName as error:
        raise refuse(404, str(error)) from error
    if lines is None:
        raise refuse(404, "this service shows no runs. Start it with --runs DIR.")
    try:
        return [Epoch(**line) for line in lines]
    except (TypeError, ValueError) as error:
        LOG.warning("the history of the run %r cannot be read: %s", name, error)
        raise BadCheckpoint(f"the history of the run {name!r} cannot be read. Copy it again, or train again.") from None


def _runs(folder: Path) -> list[Run]:
    """Return the runs in a folder, without those that cannot be read."""
    found = []
    for run in entries(folder, report=partial(_left_out, "run")):
        try:
            found.append(RUN.validate_python(asdict(run)))
        except ValueError as error:
            _left_out("run", run.name, error)
    return found


def _benchmarks(folder: Path) -> list[BenchmarkDetail]:
    """Return the benchmarks in a folder, without those that cannot be read."""
    found = []
    for name in finished(folder):
        try:
            found.append(_detail(name, table_of(folder, name)))
        except UNREADABLE as error:
            _left_out("benchmark", name, error)
    return found


def _left_out(kind: str, name: str, error: Exception) -> None:
    LOG.warning("the %s %r is left out: %s", kind, name, error)


def _detail(name: str, table: dict[str, Any]) -> BenchmarkDetail:
    place = f"/v1/benchmarks/{quote(name, safe='')}"
    shown = {part: table[part] for part in ("data", "splits", "rows")}
    return BenchmarkDetail(name=name, **shown, report=f"{place}/report", link=f"{place}/link")


def _report(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise MissingData("this service shows no benchmarks. Start it with --benchmarks DIR.")
    try:
        path = report_of(folder, name)
    except UnknownName as error:
        raise refuse(404, str(error)) from error
    if not path.is_file():
        raise MissingData(f"the benchmark {name!r} has no report. Run it again: it resumes where it stopped.")
    return path
