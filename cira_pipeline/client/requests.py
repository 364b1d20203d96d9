"""From calls to what goes over the wire, for both clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from cira_pipeline.api.job_models import MAX_JOBS_A_REQUEST, JobRequest, SubmittedJobs
from cira_pipeline.client.calls import Call
from cira_pipeline.errors import RequestInvalid


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
    """`given`, or one that nobody has used. Raises: RequestInvalid for one that is no header."""
    if not given.isascii() or not (given.isprintable() or not given):
        raise RequestInvalid("an idempotency key is printable ASCII")
    return uuid4().hex if again else given


def parts_of(submissions: Iterable[str | JobRequest]) -> Iterator[list[str | JobRequest]]:
    """As many as one request takes, at once; an empty submission is the service's to refuse."""
    wanted = list(submissions)
    for first in range(0, max(len(wanted), 1), MAX_JOBS_A_REQUEST):
        yield wanted[first : first + MAX_JOBS_A_REQUEST]
