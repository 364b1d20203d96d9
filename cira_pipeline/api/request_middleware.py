"""ASGI middleware for every request: id, API key, rate limit, body limits, security headers and metrics.

It runs before the routes, so that no body is read without a valid key and no route can omit a check.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cira_pipeline.api.access import Access
from cira_pipeline.api.authority import is_authority
from cira_pipeline.api.metrics import Metrics
from cira_pipeline.api.problems import body_too_large, problem_response
from cira_pipeline.api.rate_limit import Rate, RedisFastPath
from cira_pipeline.errors import CiraError, HostInvalid, InternalError, RateExceeded
from cira_pipeline.jobs import JobId

_STATUS_PATH = re.compile(r"/v1/jobs/(inv_[0-9a-hjkmnp-tv-z]{26})")
_UPLOAD_PATHS = frozenset({"/v1/documents", "/submit"})

# Against framing, content sniffing, caching and referrer leaks (OWASP Secure Headers).
SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Limits of request bodies: `upload_bytes` for uploads, `body_bytes` for all others."""

    body_bytes: int
    upload_bytes: int
    body_timeout_s: float


class RequestMiddleware:
    """ASGI middleware; requests below `/v1/` have their API key in `scope["cira.key"]`."""

    def __init__(
        self, app: ASGIApp, *, access: Access, fast_path: RedisFastPath, limits: Limits, metrics: Metrics
    ) -> None:
        self._app = app
        self._uploads = RequestBodyLimitMiddleware(app, limits.upload_bytes)
        self._others = RequestBodyLimitMiddleware(app, limits.body_bytes)
        self._access = access
        self._fast_path = fast_path
        self._body_timeout_s = limits.body_timeout_s
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = scope["cira.request_id"] = secrets.token_hex(8)
        answer = _Answer(send, request_id)
        try:
            limited = self._uploads if scope["path"] in _UPLOAD_PATHS else self._others
            body = _Body(receive, self._body_timeout_s)
            _check_host(scope)
            _check_announced(scope, limited.max_body_size)
            if scope["path"].startswith("/v1/"):
                answer.rate = await self._admit(scope)
            await limited(scope, body, answer)
        except CiraError as error:
            await self._refuse(scope, receive, answer, error)
        except Exception as error:
            if answer.started:
                raise
            _log.exception("%s: request %s", scope["path"], request_id)
            await self._refuse(scope, receive, answer, InternalError(type(error).__name__))
        finally:
            self._metrics.answered(scope, answer.status, time.perf_counter() - started)

    async def _admit(self, scope: Scope) -> Rate:
        """Authenticates and rate-limits. Raises: KeyMissing, KeyInvalid, RateExceeded, StoreUnavailable."""
        key = await self._access.key_of(Headers(scope=scope).get("authorization"))
        asked_for = _STATUS_PATH.fullmatch(scope["path"]) if scope["method"] == "GET" else None
        job_id = JobId(asked_for[1]) if asked_for else None
        asked = await self._fast_path.ask(key.key_id, key.requests_per_minute, job_id)
        scope["cira.key"] = key
        scope["cira.rate"] = asked.rate
        scope["cira.status_entry"] = asked.entry
        if asked.rate.exceeded:
            raise RateExceeded(
                f"the API key exceeded its limit of {asked.rate.limit} requests per minute",
                retry_after_s=asked.rate.retry_after_s,
                rate=asked.rate,
            )
        return asked.rate

    async def _refuse(self, scope: Scope, receive: Receive, answer: _Answer, error: CiraError) -> None:
        if answer.started:
            raise error
        rate = error.detail.get("rate")
        if isinstance(rate, Rate):
            answer.rate = rate
        await problem_response(error, answer.request_id)(scope, receive, answer)


def _check_host(scope: Scope) -> None:
    """Raises: HostInvalid. Afterwards `request.url` can always be parsed."""
    host = Headers(scope=scope).get("host", "")
    if host and not is_authority(host):
        raise HostInvalid("the header Host is not a valid host name")


def _check_announced(scope: Scope, limit_bytes: int) -> None:
    """Raises: RequestTooLarge, before the key is looked up. Starlette's limiter would answer without a code."""
    announced = Headers(scope=scope).get("content-length", "")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise body_too_large(limit_bytes)


class _Answer:
    """ASGI `send` that adds the common headers to the response."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.rate: Rate | None = None
        self.status = 0

    @property
    def started(self) -> bool:
        return self.status != 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if self.rate is not None:
                headers["RateLimit-Limit"] = str(self.rate.limit)
                headers["RateLimit-Remaining"] = str(self.rate.remaining)
                headers["RateLimit-Reset"] = str(int(self.rate.reset_s + 0.999))
        await self._send(message)


class _Body:
    """ASGI `receive` that aborts a body that arrives too slowly."""

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._ends = asyncio.get_running_loop().time() + timeout_s
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            # Only a disconnect can follow, and a streaming response waits for it without a timeout.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408) from error
        self._complete = message["type"] == "http.request" and not message.get("more_body", False)
        return message
