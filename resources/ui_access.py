"""Access control for Dagster's UI: host and origin checks, and a session or key with the required scope.

Dagster's webserver has no sign-in, and executes a mutation with any content type, origin or host. This middleware
checks each of its requests and websockets (docs/decisions/0023-dagster-ui.md).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cira_pipeline.api.access import REMEMBERED_S, Access, demand
from cira_pipeline.api.authority import is_authority
from cira_pipeline.api.key_secret import Pepper
from cira_pipeline.api.page.rendering import HEADERS
from cira_pipeline.api.page.session import signed_in
from cira_pipeline.api.problems import problem_response
from cira_pipeline.db.access.api_keys import ApiKey
from cira_pipeline.db.access.api_keys import Scope as KeyScope
from cira_pipeline.errors import (
    AccessError,
    CiraError,
    ContentTypeUnsupported,
    HostRefused,
    KeyInvalid,
    KeyMissing,
    MethodNotAllowed,
    OriginRefused,
    ScopeMissing,
)

KEY = "cira.key"
"""Key of the ASGI scope under which the signed-in person's API key is stored."""
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS = frozenset({"/server_info", "/daemon_health"})
"""Paths for load balancers and `cira up` without a session: versions, and the unhealthy daemons."""
SIGN_IN_PATHS = frozenset(
    {"/signin", "/signed-in", "/signout", "/static/page.css", "/static/page.js", "/static/icon.svg"}
)
_GRAPHQL = "/graphql"
_REPORTS = "/report_asset_"
_POLICY_VIOLATION = 1008

_SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class UiAccess:
    """ASGI middleware around Dagster's application `app`; `sign_in` serves the paths for signing in and out.

    `hosts` are the names, without ports, at which the UI may be opened besides loopback names.
    """

    def __init__(
        self, app: ASGIApp, *, sign_in: ASGIApp, access: Access, pepper: Pepper, hosts: frozenset[str] = frozenset()
    ) -> None:
        self._app = app
        self._sign_in = sign_in
        self._access = access
        self._pepper = pepper
        self._hosts = LOOPBACK_HOSTS | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        answer = _with_security_headers(send) if scope["type"] == "http" else send
        if scope["path"] == "/server_info" and scope["type"] == "http":
            # Load balancers address the task by its IP address.
            await self._app(scope, receive, answer)
            return
        try:
            self._check_host(request.headers)
            _check_origin(request)
            _check_kind(request)
            if scope["type"] == "http" and scope["path"] in SIGN_IN_PATHS:
                await self._sign_in(scope, receive, answer)
                return
            if scope["path"] not in OPEN_PATHS or scope["type"] == "websocket":
                scope[KEY] = await self._admit(request)
        except CiraError as error:
            await _refusal(request, error)(scope, receive, answer)
            return
        if scope["type"] == "websocket":
            await self._while_signed_in(scope, receive, send)
        else:
            await self._app(scope, receive, answer)

    def _check_host(self, headers: Headers) -> None:
        """Raises: HostRefused, against DNS rebinding: a page whose name resolves to this server has another host."""
        given = headers.getlist("host")
        if len(given) != 1 or not is_authority(given[0]) or _host_name(given[0]) not in self._hosts:
            raise HostRefused("Dagster's UI is not available under this host name")

    async def _admit(self, request: HTTPConnection) -> ApiKey:
        """Raises: KeyMissing, KeyInvalid, ScopeMissing, StoreUnavailable."""
        authorization = request.headers.get("authorization")
        if authorization is not None:
            key = await self._access.key_of(authorization)
        else:
            _, key = await signed_in(request, self._access, self._pepper)
        demand(key, KeyScope.DAGSTER_VIEW)
        if request.scope["path"].startswith(_REPORTS):
            demand(key, KeyScope.DAGSTER_LAUNCH)
        return key

    async def _while_signed_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Closes a websocket when its session or key ends, as soon as a request would be refused."""
        conversation = asyncio.ensure_future(self._app(scope, receive, send))
        try:
            while not conversation.done():
                await asyncio.wait({conversation}, timeout=REMEMBERED_S)
                if not conversation.done():
                    await self._admit(HTTPConnection(scope))
            await conversation
        except AccessError:
            await _ended(conversation)
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "signed out"})
        finally:
            conversation.cancel()


def _host_name(authority: str) -> str:
    """The host of `host:port`, lower case; `[::1]:3000` is `::1`."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def _check_origin(request: HTTPConnection) -> None:
    """Raises: OriginRefused for requests that a page of another site or port made the browser send.

    A browser sends the origin with every websocket and every request but plain reading. `Sec-Fetch-Site` covers the
    rest: another site may only link here.
    """
    origins = request.headers.getlist("origin")
    own = request.headers.get("host", "").lower()
    if any(origin.lower() not in (f"http://{own}", f"https://{own}") for origin in origins):
        raise OriginRefused("this request comes from a page of another site")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site in ("same-origin", "none"):
        return
    leads_here = (
        request.scope["type"] == "http"
        and request.scope["method"] in ("GET", "HEAD")
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )
    if not leads_here:
        raise OriginRefused("this request comes from a page of another site")


def _check_kind(request: HTTPConnection) -> None:
    """Requires that GET changes nothing and that changes are JSON, which another site's page cannot send unasked.

    Raises: MethodNotAllowed, ContentTypeUnsupported.
    """
    if request.scope["type"] == "websocket" or request.scope["path"] in SIGN_IN_PATHS:
        return
    method, path = request.scope["method"], request.scope["path"].rstrip("/")
    if method == "POST" and (path == _GRAPHQL or path.startswith(_REPORTS)):
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise ContentTypeUnsupported(
                f"{media_type or 'a request without a content type'} is not accepted here; expected application/json"
            )
        return
    shows_a_page = "text/html" in request.headers.get("accept", "") and "query" not in request.query_params
    if method not in ("GET", "HEAD") or (path == _GRAPHQL and not shows_a_page):
        raise MethodNotAllowed(f"this path does not accept the method {method}")


def _refusal(request: HTTPConnection, error: CiraError) -> Response:
    """Redirects a person's browser to the sign-in; other clients get a problem, as does a refused websocket."""
    for_a_person = (
        request.scope["type"] == "http"
        and request.scope["method"] == "GET"
        and "text/html" in request.headers.get("accept", "")
    )
    if for_a_person and isinstance(error, KeyMissing | KeyInvalid | ScopeMissing):
        back = request.scope["path"] + (f"?{request.url.query}" if request.url.query else "")
        lacking = "&lacks=scope" if isinstance(error, ScopeMissing) else ""
        return RedirectResponse(f"/signin?next={quote(back, safe='')}{lacking}", 303, headers=HEADERS)
    return problem_response(error, secrets.token_hex(8))


def _with_security_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if not headers.get("content-type", "").startswith(("text/javascript", "text/css", "image/", "font/")):
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return with_headers


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
