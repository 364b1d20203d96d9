"""Routes for monitoring: liveness (/healthz), readiness (/readyz) and Prometheus metrics (/metrics)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Literal, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from cira_pipeline.api.access import demand
from cira_pipeline.api.caller import ServicesOf
from cira_pipeline.api.kept_answer import KeptAnswer
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses
from cira_pipeline.api.services import Services
from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.records.figures import Figures, figures
from cira_pipeline.errors import CiraError
from cira_pipeline.health.findings import ProblemSeverity, findings
from cira_pipeline.health.work_state import WorkState, free_bytes_by_place

router = APIRouter(tags=["service"], route_class=StrictRoute)

FIGURES_KEPT_S = 10.0
WORK_KEPT_S = 2.0
PROBE_TIMEOUT_S = 8.0
"""Longer than the timeout of a connection to PostgreSQL, shorter than Prometheus' scrape timeout (10 s)."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class ReadyProblem(BaseModel):
    """A finding about the work. `blocked`: no work proceeds; `stuck`: part of it does not; `warning`: all proceeds."""

    code: str
    severity: ProblemSeverity
    subject: str
    message: str
    advice: str


class Ready(BaseModel):
    """Readiness. `redis` may be `away`: statuses are then read from PostgreSQL, and all responses stay correct."""

    status: Literal["ready", "not_ready"]
    postgresql: Literal["ok", "away", "not_migrated"]
    redis: Literal["ok", "away", "not_configured"]
    object_store: Literal["ok", "away"]
    detail: str | None = Field(None, description="effect of a Redis outage")
    problems: list[ReadyProblem] = Field(description="findings about the work, most severe first")


class Probes:
    """Cached answers to the monitoring routes, each computed at most once at a time and with a timeout."""

    def __init__(self, services: Services) -> None:
        def in_thread(function: Callable[[Services], T], kept_s: float) -> KeptAnswer[T]:
            return KeptAnswer(lambda: run_in_threadpool(function, services), kept_s=kept_s, timeout_s=PROBE_TIMEOUT_S)

        self.figures = in_thread(lambda each: figures(each.database), FIGURES_KEPT_S)
        self.work = in_thread(lambda each: each.work.read(), WORK_KEPT_S)
        self.postgresql = in_thread(_postgresql, WORK_KEPT_S)
        self.object_store = in_thread(_object_store, WORK_KEPT_S)


@router.get("/healthz", response_model=Alive, summary="Liveness: the process answers", responses=responses())
async def healthz() -> Alive:
    return Alive()


@router.get(
    "/readyz",
    response_model=Ready,
    summary="Readiness: submitted jobs are processed",
    responses={**responses(), 503: {"model": Ready, "description": "No work proceeds; `problems` lists the reasons"}},
)
async def readyz(request: Request, services: ServicesOf, response: Response) -> Ready:
    """200 while submitted jobs are processed, also without Redis.

    503 when PostgreSQL or the object store does not answer, the schema is of another version, the sensor `new_invoices`
    is stopped or late, a required Dagster daemon sends no heartbeat, or the disk is full. Load balancers should probe
    `/healthz`: this service answers requests even when no work proceeds.
    """
    probes: Probes = request.app.state.probes
    postgresql, object_store, redis, work = await asyncio.gather(
        _or_away(probes.postgresql), _or_away(probes.object_store), services.fast_path.ping(), _work(probes)
    )
    found = findings(work, services.settings) if work is not None else ()
    blocked = work is None or any(each.severity is ProblemSeverity.BLOCKED for each in found)
    ready = postgresql == "ok" and object_store == "ok" and not blocked
    response.status_code = 200 if ready else 503
    return Ready(
        status="ready" if ready else "not_ready",
        postgresql=postgresql if work is not None or postgresql != "ok" else "away",
        redis=redis,
        object_store=object_store,
        detail="statuses are read from PostgreSQL, and limits apply per process" if redis != "ok" else None,
        problems=[ReadyProblem.model_validate(each, from_attributes=True) for each in found],
    )


@router.get(
    "/metrics",
    response_class=Response,
    summary="Prometheus metrics",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text format"},
        **responses(),
    },
)
async def metrics(request: Request, services: ServicesOf) -> Response:
    """Needs a key with the scope admin, because costs are included, unless CIRA_API_METRICS_OPEN is set.

    While PostgreSQL does not answer, `cira_postgresql_available` is 0 and metrics from it are omitted.
    """
    if not services.settings.api_metrics_open:
        demand(await services.access.key_of(request.headers.get("authorization")), Scope.ADMIN)
    probes: Probes = request.app.state.probes
    work, kept, redis = await asyncio.gather(_work(probes), _figures(probes), services.fast_path.ping())
    page = services.metrics.page(
        kept,
        redis_available=redis == "ok",
        work=work,
        problems=findings(work, services.settings) if work is not None else (),
        disk_free_bytes=free_bytes_by_place(services.settings),
    )
    return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _work(probes: Probes) -> WorkState | None:
    return await _kept(probes.work)


async def _figures(probes: Probes) -> Figures | None:
    return await _kept(probes.figures)


async def _kept(answer: KeptAnswer[T]) -> T | None:
    """`None` if PostgreSQL does not answer within `PROBE_TIMEOUT_S`."""
    try:
        return await answer.get()
    except (TimeoutError, CiraError, SQLAlchemyError) as error:
        # SQLAlchemy's error text contains the whole statement, so only its type is logged.
        reason = error.message if isinstance(error, CiraError) else type(error).__name__
        _log.warning("the state of the work cannot be read: %s", reason)
        return None


async def _or_away(answer: KeptAnswer[T]) -> T | Literal["away"]:
    try:
        return await answer.get()
    except TimeoutError:
        return "away"


def _postgresql(services: Services) -> Literal["ok", "away", "not_migrated"]:
    try:
        return "ok" if services.database.is_migrated() else "not_migrated"
    except CiraError:
        return "away"


def _object_store(services: Services) -> Literal["ok", "away"]:
    try:
        # Without writing, because this is probed every few seconds.
        services.objects.exists("cira-ready.txt")
    except CiraError:
        return "away"
    return "ok"
