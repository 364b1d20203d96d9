"""Answers that are errors, as exceptions: the class of `cira_pipeline.errors` that the problem's code names."""

from __future__ import annotations

from functools import cache
from typing import Any, NoReturn, cast

import httpx
from pydantic import ValidationError

from ..api.problem_models import MEDIA_TYPE, Problem
from ..errors import CiraError, ServiceAnswerInvalid, ServiceUnreachable, class_of
from ..shown_url import shown_url

_GATEWAY_STATUSES = (502, 503, 504)


class AnsweredError(CiraError):
    """The service answered with a problem. What is raised is also the class of its code, such as `JobNotFound`.

    Attributes besides `CiraError`'s: `status` (HTTP), `request_id` (stands in the service's log), `problem`.
    """

    problem: Problem

    def __init__(self, problem: Problem) -> None:
        wrong = "; ".join(f"{part.pointer}: {part.detail}" for part in problem.errors or ())
        super().__init__(
            f"{problem.detail}: {wrong}" if wrong else problem.detail,
            status=problem.status,
            request_id=problem.request_id,
        )
        # The service's own words; it may be newer than this client and know other codes.
        vars(self).update(problem=problem, code=problem.code, hint=problem.hint, retryable=problem.retryable)

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def request_id(self) -> str:
        return self.problem.request_id


def error_of(response: httpx.Response) -> CiraError:
    """The exception for an answer, read to its end, that is no success."""
    if response.headers.get("content-type", "").partition(";")[0] == MEDIA_TYPE:
        try:
            problem = Problem.model_validate_json(response.content)
        except ValidationError:
            return _strange(response)
        return _class_of(problem.code)(problem)
    if response.is_redirect:
        target = shown_url(str(response.headers.get("location", "")))
        return ServiceAnswerInvalid(
            f"{_place(response)} redirects to {target}; the key is not sent there", status=response.status_code
        )
    if response.status_code in _GATEWAY_STATUSES:
        return ServiceUnreachable(
            f"{_place(response)} answers {response.status_code}, not the service behind it", status=response.status_code
        )
    return _strange(response)


def raise_strange(response: httpx.Response, error: ValidationError) -> NoReturn:
    """For a success whose content is not what it should be."""
    raise _strange(response) from error


def _strange(response: httpx.Response) -> CiraError:
    return ServiceAnswerInvalid(
        f"{_place(response)} answers {response.status_code} with something that is no answer of CIRA",
        status=response.status_code,
    )


def _place(response: httpx.Response) -> str:
    return shown_url(str(response.request.url))


@cache
def _class_of(code: str) -> type[AnsweredError]:
    leaf = class_of(code)
    if leaf is None:
        return AnsweredError
    made: Any = type(leaf.__name__, (AnsweredError, leaf), {"__doc__": leaf.__doc__})
    return cast("type[AnsweredError]", made)
