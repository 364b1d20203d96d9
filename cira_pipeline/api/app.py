"""Creates the FastAPI application: routes, error handlers and middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from cira_pipeline.api import (
    attachment_routes,
    delivery_routes,
    document_routes,
    event_routes,
    invoice_routes,
    job_routes,
    page,
    problems,
    service_routes,
)
from cira_pipeline.api.openapi import describe
from cira_pipeline.api.request_middleware import Limits, RequestMiddleware
from cira_pipeline.api.services import Services
from cira_pipeline.sandbox.pool import worker_pool
from cira_pipeline.settings import Settings


def create_app(services: Services) -> FastAPI:
    """An ASGI application that uses `services` and closes them on shutdown."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.probes = service_routes.Probes(services)
        workers = worker_pool(services.settings, reads=False)
        workers.start_ahead()
        if services.settings.webhook_delivery:
            services.deliverer.start()
        try:
            yield
        finally:
            workers.abandon()
            await run_in_threadpool(services.deliverer.stop)
            await services.events.close()
            await services.fast_path.close()
            services.work.close()
            services.database.dispose()

    app = FastAPI(
        title="CIRA",
        version=version("cira-pipeline"),
        lifespan=lifespan,
        middleware=_middleware(services),
        # FastAPI's documentation pages load scripts from a third-party server.
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    problems.install(app)
    for router in (
        job_routes.router,
        delivery_routes.router,
        document_routes.router,
        event_routes.router,
        invoice_routes.router,
        attachment_routes.router,
        invoice_routes.costs,
        service_routes.router,
        *page.ROUTERS,
    ):
        app.include_router(router)
    app.webhooks.include_router(delivery_routes.webhook_messages)
    describe(app)
    return app


def _middleware(services: Services) -> list[Middleware]:
    """The middleware, outermost first."""
    settings = services.settings
    requests = Middleware(
        RequestMiddleware,
        access=services.access,
        fast_path=services.fast_path,
        limits=_limits(settings),
        metrics=services.metrics,
    )
    if not settings.api_allowed_origins:
        return [requests]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(settings.api_allowed_origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        expose_headers=["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"],
    )
    return [cors, requests]


def _limits(settings: Settings) -> Limits:
    return Limits(
        body_bytes=settings.api_max_body_bytes,
        upload_bytes=settings.fetch_max_bytes,
        body_timeout_s=settings.api_body_timeout_s,
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
