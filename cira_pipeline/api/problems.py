"""Error responses: maps CIRA's errors to HTTP statuses and RFC 9457 problem details."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.responses import Response

from cira_pipeline import errors
from cira_pipeline.api.problem_models import MEDIA_TYPE, FieldProblem, Problem
from cira_pipeline.errors import CiraError

# The first matching class decides, so base classes come after their subclasses.
_STATUSES: Sequence[tuple[type[CiraError], int]] = (
    (errors.JobNotFound, 404),
    (errors.JobNotRetryable, 409),
    (errors.JobNotCancellable, 409),
    (errors.UpstreamMissing, 409),
    (errors.JobNotFinished, 409),
    (errors.WebhookSecretMissing, 409),
    (errors.RecordNotFound, 404),
    (errors.DocumentNotFound, 404),
    (errors.PageNotFound, 404),
    (errors.AttachmentNotFound, 404),
    (errors.RouteNotFound, 404),
    (errors.HostInvalid, 400),
    (errors.FormExpired, 403),
    (errors.RecordChanged, 409),
    (errors.MethodNotAllowed, 405),
    (errors.ContentTypeUnsupported, 415),
    (errors.RequestTimedOut, 408),
    (errors.RequestTooLarge, 413),
    (errors.DocumentTooLarge, 413),
    (errors.KeyMissing, 401),
    (errors.KeyInvalid, 401),
    (errors.ScopeMissing, 403),
    (errors.HostRefused, 403),
    (errors.OriginRefused, 403),
    (errors.ShutdownRefused, 403),
    (errors.RateExceeded, 429),
    (errors.TooManyUploads, 429),
    (errors.QuotaExhausted, 429),
    (errors.DiskFull, 507),
    (errors.StoreUnavailable, 503),
    (errors.ReaderUnavailable, 503),
    (errors.ReadingTimedOut, 503),
    (errors.ServiceUnreachable, 503),
    (errors.CircuitOpen, 503),
    (errors.ConfigurationError, 500),
    (errors.JobError, 422),
    (errors.RequestError, 422),
    (errors.IntakeError, 422),
    (errors.DocumentError, 422),
    (errors.ReadingError, 422),
    (errors.LabelsInvalid, 422),
    (errors.ValueNotStorable, 422),
)
RETRY_AFTER_S = 5

_log = logging.getLogger(__name__)


def status_of(error: CiraError) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem_response(
    error: CiraError, request_id: str, *, wrong: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    status = status_of(error)
    problem = Problem(
        type=f"urn:cira:problem:{error.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        # Server errors may contain file names, SQL or addresses, which are not disclosed.
        detail=error.message if status < 500 else "the service failed; its log has the details under the request id",
        code=error.code,
        hint=error.hint,
        retryable=error.retryable,
        request_id=request_id,
        errors=list(wrong) or None,
    )
    return Response(
        problem.model_dump_json(exclude_none=True),
        status,
        headers={**_headers(error, status), **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Registers the exception handlers that turn all errors into problem details."""

    @app.exception_handler(CiraError)
    async def _on_cira_error(request: Request, error: CiraError) -> Response:
        if status_of(error) >= 500:
            _log.error("%s: request %s: %s", request.url.path, request_id_of(request), error)
        return problem_response(error, request_id_of(request), wrong=_wrong_parts(error))

    @app.exception_handler(RequestValidationError)
    async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
        wrong = [FieldProblem(pointer=_pointer(each["loc"]), detail=str(each["msg"])) for each in error.errors()]
        invalid = errors.RequestInvalid(f"{len(wrong)} part(s) of the request are not as expected")
        return problem_response(invalid, request_id_of(request), wrong=wrong[:100])

    @app.exception_handler(HTTPException)
    async def _on_http_error(request: Request, error: HTTPException) -> Response:
        return problem_response(cira_error_of(request, error), request_id_of(request), headers=error.headers)


def cira_error_of(request: Request, error: HTTPException) -> CiraError:
    """What Starlette, FastAPI and the middleware say by a status alone."""
    match error.status_code:
        case 404:
            return errors.RouteNotFound("there is nothing at this path")
        case 405:
            return errors.MethodNotAllowed("this path does not take this method")
        case 408:
            return errors.RequestTimedOut("the request's body did not arrive in time")
        case 413:
            return body_too_large(request.scope[MAX_BODY_SIZE_SCOPE_KEY])
        case _:
            return errors.RequestInvalid(str(error.detail))


def body_too_large(limit_bytes: int) -> CiraError:
    return errors.RequestTooLarge(f"the body is larger than {limit_bytes:,} bytes", max_bytes=limit_bytes)


def request_id_of(request: Request) -> str:
    return str(request.scope.get("cira.request_id", ""))


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the problems an operation answers with, besides those every operation can."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({400, 401, 403, 408, 413, 422, 429, 500, 503, *statuses})
    }


def _wrong_parts(error: CiraError) -> list[FieldProblem]:
    parts = error.detail.get("wrong")
    return [part for part in parts if isinstance(part, FieldProblem)] if isinstance(parts, list) else []


def _pointer(where: tuple[int | str, ...]) -> str:
    place, *rest = where
    if place == "body":
        return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in rest)
    return "/".join(str(part) for part in where)


def _headers(error: CiraError, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="cira"'
    after = error.detail.get("retry_after_s")
    if status in (429, 503, 507):
        headers["Retry-After"] = str(math.ceil(after) if isinstance(after, int | float) else RETRY_AFTER_S)
    return headers
