"""Is it alive, is it ready, and what is it doing."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from cira_pipeline.api.access import demand
from cira_pipeline.api.caller import ServicesOf
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses
from cira_pipeline.api.services import Services
from cira_pipeline.errors import CiraError
from cira_pipeline.storage.api_keys import Scope
from cira_pipeline.storage.figures import Figures, figures

router = APIRouter(tags=["service"], route_class=StrictRoute)

FIGURES_KEPT_S = 10.0
READY_TIMEOUT_S = 10.0


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """`redis` may be away: then statuses come from PostgreSQL, and all answers stay right."""

    status: Literal["ready", "not_ready"]
    postgresql: Literal["ok", "away", "not_migrated"]
    redis: Literal["ok", "away", "not_configured"]
    object_store: Literal["ok", "away"]
    detail: str | None = Field(None, description="what an outage of Redis means")


class FiguresKept:
    """Figures read at most every `FIGURES_KEPT_S` seconds, however many ask."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._kept: Figures | None = None
        self._read_at = 0.0

    async def get(self, services: Services) -> Figures:
        async with self._lock:
            if self._kept is None or time.monotonic() - self._read_at > FIGURES_KEPT_S:
                self._kept = await run_in_threadpool(figures, services.database)
                self._read_at = time.monotonic()
            return self._kept


@router.get("/healthz", response_model=Alive, summary="The process answers", responses=responses())
async def healthz() -> Alive:
    return Alive()


@router.get(
    "/readyz",
    response_model=Ready,
    summary="Everything it needs answers",
    responses={**responses(), 503: {"model": Ready, "description": "PostgreSQL or the object store is away"}},
)
async def readyz(services: ServicesOf, response: Response) -> Ready:
    """200 while requests can be served, also without Redis; 503 when PostgreSQL or the object store is away."""
    postgresql, object_store, redis = await asyncio.gather(
        run_in_threadpool(_postgresql, services),
        run_in_threadpool(_object_store, services),
        services.fast_path.ping(),
    )
    ready = postgresql == "ok" and object_store == "ok"
    response.status_code = 200 if ready else 503
    return Ready(
        status="ready" if ready else "not_ready",
        postgresql=postgresql,
        redis=redis,
        object_store=object_store,
        detail="statuses come from PostgreSQL, and limits hold for each process alone" if redis != "ok" else None,
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
    """Needs a key with the scope admin, unless CIRA_API_METRICS_OPEN is set: it tells what is spent."""
    if not services.settings.api_metrics_open:
        demand(await services.access.key_of(request.headers.get("authorization")), Scope.ADMIN)
    kept: FiguresKept = request.app.state.figures
    page = services.metrics.page(
        await kept.get(services),
        await services.fast_path.breakers(),
        redis_available=services.fast_path.available,
    )
    return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")


def _postgresql(services: Services) -> Literal["ok", "away", "not_migrated"]:
    try:
        return "ok" if services.database.is_migrated() else "not_migrated"
    except CiraError:
        return "away"


def _object_store(services: Services) -> Literal["ok", "away"]:
    try:
        # Asked without writing, for this is asked every few seconds.
        services.objects.exists("cira-ready.txt")
    except CiraError:
        return "away"
    return "ok"
