"""From calls to what goes over the wire, for both clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from ..api.job_models import MAX_JOBS_A_REQUEST, JobRequest, SubmittedJobs
from ..errors import ConfigurationError, RequestInvalid
from ..shown_url import shown_url
from .calls import Call

# Where the service is: the one origin that ever gets the key.


def base_of(url: str) -> str:
    """`url` without the slash at its end. Raises: ConfigurationError, which does not repeat a password in it."""
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError("the address of the service is no URL") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigurationError("the address of the service starts with https:// or http:// and names a host")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ConfigurationError(
            f"the address of the service is a scheme, a host and a path at the most: {shown_url(url)}"
        )
    return str(parsed).rstrip("/")


def headers_of(key: str) -> dict[str, str]:
    """Raises: ConfigurationError for what cannot be a key."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ConfigurationError("the key is empty or holds characters that no key has; `cira keys create` makes one")
    return {"Authorization": f"Bearer {key}", "Accept": "application/json, application/problem+json, */*;q=0.5"}


def request_of(call: Call[Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """What httpx sends for a call."""
    given: dict[str, Any] = {"headers": {**headers, **call.headers}, "params": dict(call.query)}
    if call.content is not None:
        given["content"] = call.content
    elif call.body is not None:
        given["json"] = call.body
    return given


def joined(answers: Sequence[SubmittedJobs]) -> SubmittedJobs:
    """Answers to several requests as one."""
    return SubmittedJobs(
        created=sum(each.created for each in answers), jobs=[job for each in answers for job in each.jobs]
    )


def idempotency_key_of(given: str, *, again: bool) -> str:
    """`given`, or a new unique one. Raises: RequestInvalid for one that is no header."""
    if not given.isascii() or not (given.isprintable() or not given):
        raise RequestInvalid("an idempotency key is printable ASCII")
    return uuid4().hex if again else given


def parts_of(submissions: Iterable[str | JobRequest]) -> Iterator[list[str | JobRequest]]:
    """As many as one request takes, at once; an empty submission is the service's to refuse."""
    wanted = list(submissions)
    for first in range(0, max(len(wanted), 1), MAX_JOBS_A_REQUEST):
        yield wanted[first : first + MAX_JOBS_A_REQUEST]
