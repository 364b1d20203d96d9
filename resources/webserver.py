"""Dagster's webserver behind CIRA's sign-in: `python -m resources.webserver --workspace FILE --host HOST --port PORT`.

The options are those of `dagster-webserver`. Dagster's own application runs in this process, behind a middleware
(ui_access.py) and with permissions by the key of each request (docs/decisions/0023-dagster-ui.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.permissions import PermissionResult
from dagster_webserver import cli
from dagster_webserver.webserver import DagsterWebserver
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from cira_pipeline.api import problems
from cira_pipeline.api.page import static_routes
from cira_pipeline.api.page.sign_in_routes import SignInFor, sign_in_router
from cira_pipeline.api.server import KEEP_ALIVE_S, SHUTDOWN_S, GuardedProtocol
from cira_pipeline.api.services import Services, open_services
from cira_pipeline.db.access.api_keys import ApiKey, Scope
from cira_pipeline.errors import CiraError, ConfigurationError, ScopeMissing, ShutdownRefused
from cira_pipeline.settings import Settings, load_settings
from resources.ui_access import KEY, UiAccess

HARMLESS_MUTATIONS = frozenset({"logTelemetry", "setNuxSeen"})
"""GraphQL operations that Dagster's pages send automatically; neither changes anything of the pipeline."""
SIGN_IN = SignInFor(
    scope=Scope.DAGSTER_VIEW,
    heading="Sign in to Dagster",
    about="Dagster's pages show every client's invoices. You need a key with the scope dagster_view.",
    lacking="This key may not see Dagster's pages; ask for one with the scope dagster_view.",
)


class RoleRequestContext(WorkspaceRequestContext):
    """Permissions of one request: those of the key in its scope."""

    @property
    def may_launch(self) -> bool:
        key = self.source.scope.get(KEY) if isinstance(self.source, HTTPConnection) else None
        return isinstance(key, ApiKey) and key.allows(Scope.DAGSTER_LAUNCH)

    @property
    def permissions(self) -> Mapping[str, PermissionResult]:
        return _explained(super().permissions)

    def permissions_for_location(self, *, location_name: str) -> Mapping[str, PermissionResult]:
        return _explained(super().permissions_for_location(location_name=location_name))

    def shutdown_code_location(self, name: str) -> None:
        """Raises: ShutdownRefused, whatever the key: who may launch runs need not be able to end them all."""
        raise ShutdownRefused(f"the code server of {name} cannot be ended from Dagster's UI")


class RoleProcessContext(WorkspaceProcessContext):
    """Dagster's workspace, read-only for requests whose key may not launch."""

    def create_request_context(self, source: object | None = None) -> RoleRequestContext:
        def context(*, read_only: bool) -> RoleRequestContext:
            return RoleRequestContext(
                instance=self.instance,
                current_workspace=self.get_current_workspace(),
                process_context=self,
                version=self.version,
                source=source,
                read_only=read_only,
            )

        return context(read_only=self.read_only or not context(read_only=True).may_launch)


class RoleWebserver(DagsterWebserver[RoleProcessContext, RoleRequestContext]):
    """Dagster's application, which shows CIRA's errors as such, and the daemons' health without a session."""

    def build_graphql_middleware(self) -> list[Any]:
        return [_refuse_mutations]

    def build_routes(self) -> list[BaseRoute]:
        return [Route("/daemon_health", self.daemon_health), *super().build_routes()]  # type: ignore[no-untyped-call]

    async def daemon_health(self, _request: Request) -> JSONResponse:
        """The required daemons that Dagster reports as unhealthy."""
        statuses = await run_in_threadpool(self._process_context.instance.get_daemon_statuses)
        unhealthy = [name for name, status in statuses.items() if status.required and not status.healthy]
        return JSONResponse({"unhealthy": sorted(unhealthy)})

    def handle_graphql_errors(self, errors: Any) -> list[Any]:
        shown = super().handle_graphql_errors(errors)
        for formatted, error in zip(shown, errors, strict=True):
            if isinstance(error.original_error, CiraError):
                formatted["extensions"] = {"code": error.original_error.code, "hint": error.original_error.hint}
        return list(shown)

    def _determine_status_code(self, resolver_errors: Any, captured_errors: Any) -> int:
        causes = [*(error.original_error for error in resolver_errors or ()), *captured_errors]
        if causes and all(isinstance(cause, ScopeMissing) for cause in causes):
            return HTTPStatus.FORBIDDEN
        return super()._determine_status_code(resolver_errors, captured_errors)


def signed_in_app(context: RoleProcessContext, services: Services, live_data_poll_rate: int | None = None) -> UiAccess:
    """Dagster's ASGI application behind CIRA's sign-in; closes `services` when it ends."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # uvicorn cancels this when a signal stops it.
        with suppress(asyncio.CancelledError):
            yield
        await services.fast_path.close()
        services.database.dispose()

    dagster_app = RoleWebserver(context, live_data_poll_rate=live_data_poll_rate).create_asgi_app(lifespan=lifespan)
    return UiAccess(
        dagster_app,
        sign_in=_sign_in_app(services),
        access=services.access,
        pepper=services.pepper,
        hosts=public_hosts(services.settings),
    )


def public_hosts(settings: Settings) -> frozenset[str]:
    """Names, without ports, under which people open the UI."""
    named = urlsplit(settings.dagster_ui_url or "").hostname
    return frozenset(filter(None, (named, *settings.dagster_ui_hosts)))


def host_signed_in(
    context: RoleProcessContext,
    host: str | None,
    port: int | None,
    path_prefix: str,
    log_level: str,
    live_data_poll_rate: int | None = None,
) -> None:
    """Serves until SIGTERM; replaces Dagster's function with the same parameters. Raises: ConfigurationError."""
    if path_prefix:
        raise ConfigurationError("--path-prefix is not supported: Dagster's UI must be served at the root of its host")
    uvicorn.run(
        signed_in_app(context, open_services(load_settings()), live_data_poll_rate),
        host=host or cli.DEFAULT_WEBSERVER_HOST,
        port=port or cli.DEFAULT_WEBSERVER_PORT,
        log_level=log_level,
        http=GuardedProtocol,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def main() -> None:
    commands: Any = cli
    commands.WorkspaceProcessContext = RoleProcessContext
    commands.host_dagster_ui_with_workspace_process_context = host_signed_in
    commands.dagster_webserver(auto_envvar_prefix="DAGSTER_WEBSERVER")


def _sign_in_app(services: Services) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    problems.install(app)
    app.include_router(sign_in_router(SIGN_IN))
    app.include_router(static_routes.router)
    return app


def _refuse_mutations(resolve: Callable[..., Any], root: Any, info: Any, **arguments: Any) -> Any:
    """Also refuses mutations for which Dagster itself requires no permission. Raises: ScopeMissing."""
    if (
        info.parent_type.name == "Mutation"
        and info.field_name not in HARMLESS_MUTATIONS
        and not info.context.may_launch
    ):
        raise ScopeMissing(
            f"this key lacks the scope {Scope.DAGSTER_LAUNCH}: it allows reading, but no changes",
            scope="dagster_launch",
        )
    return resolve(root, info, **arguments)


def _explained(permissions: Mapping[str, PermissionResult]) -> Mapping[str, PermissionResult]:
    """Permissions with a reason that a person can act on, which Dagster shows at the buttons it disables."""
    reason = f"Your key lacks the scope {Scope.DAGSTER_LAUNCH}"
    return {
        name: result if result.enabled else PermissionResult(enabled=False, disabled_reason=reason)
        for name, result in permissions.items()
    }


if __name__ == "__main__":
    main()
