"""Maps errors of the openai client to CIRA's error tree, with the wait that the server asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from cira_pipeline.errors import (
    ExtractionError,
    ModelContentFiltered,
    ModelDeploymentMissing,
    ModelForbidden,
    ModelQuestionTooLong,
    ModelQuotaExhausted,
    ModelRateLimited,
    ModelRequestRejected,
    ModelTimedOut,
    ModelUnauthorised,
    ModelUnavailable,
)
from cira_pipeline.resilience.retry_after import wait_asked_for_s

_LONGEST_MESSAGE = 300


def failure_of(error: openai.OpenAIError | httpx2.HTTPError) -> ExtractionError:
    """The leaf of the error tree for an error of openai or its transport; `retry_after_s` has a requested wait."""
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return ModelTimedOut("the model did not answer in time")
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return ModelUnavailable(f"the connection to the model failed: {_cause(error)}")
    if isinstance(error, openai.APIStatusError):
        return _by_status(error)
    return ModelUnavailable(f"the model's server gave an invalid response: {_short(str(error))}")


def complaint_of(error: openai.APIStatusError) -> str:
    """The parameter, code and message with which a server rejected a request."""
    body = _body(error)
    return f"{body.get('param') or ''} {body.get('code') or ''} {body.get('message') or error.message}"


def _by_status(error: openai.APIStatusError) -> ExtractionError:
    status, body = error.status_code, _body(error)
    code = str(body.get("code") or "")
    message = f"HTTP {status}: {_short(str(body.get('message') or error.message))}"
    wait = wait_asked_for_s(error.response.headers)
    detail: dict[str, Any] = {"status": status} | ({} if wait is None else {"retry_after_s": wait})
    if status == 401:
        return ModelUnauthorised(message, **detail)
    if status == 403:
        return ModelForbidden(message, **detail)
    if status == 404:
        return ModelDeploymentMissing(message, **detail)
    if status == 408:
        return ModelTimedOut(message, **detail)
    if status == 429:
        return (
            ModelQuotaExhausted(message, **detail)
            if code == "insufficient_quota"
            else ModelRateLimited(message, **detail)
        )
    if status >= 500 or status == 409:
        return ModelUnavailable(message, **detail)
    if code == "content_filter" or "content management policy" in message:
        return ModelContentFiltered(message, **detail)
    if code == "context_length_exceeded" or "maximum context length" in message or status == 413:
        return ModelQuestionTooLong(message, **detail)
    return ModelRequestRejected(message, **detail)


def _body(error: openai.APIStatusError) -> Mapping[str, Any]:
    """The error object, which Azure's gateway and its model service nest differently."""
    body = error.body
    if isinstance(body, Mapping):
        inner = body.get("error")
        return inner if isinstance(inner, Mapping) else body
    return {}


def _cause(error: BaseException) -> str:
    return _short(str(error.__cause__ or error)) or type(error).__name__


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"
