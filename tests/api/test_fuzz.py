"""schemathesis against the running service: requests that keep the contract, and requests that break it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.invoice import HEADER_FIELDS
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf

EXAMPLES = 20
_SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _what(failure: BaseException) -> str:
    if isinstance(failure, BaseExceptionGroup):
        return "; ".join(_what(each) for each in failure.exceptions)
    return f"{type(failure).__name__}: {failure}"


def test_no_request_gets_an_answer_that_the_contract_does_not_promise(api):
    """Every operation: what it takes is taken, and what it does not take is refused."""
    ended_job(api.services)
    api.services.webhook_secrets.create("acme", api.services.pepper.pepper_id)
    headers = {"Authorization": f"Bearer {api.key('acme', Scope.ADMIN)}"}
    failures: list[str] = []
    tried = dict.fromkeys(GenerationMode, 0)
    for found in _contract(api.url).get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            count, failure = _asked(found.ok(), mode, api.url, headers)
            tried[mode] += count
            failures += failure
    assert not failures, "\n\n".join(failures)
    assert tried[GenerationMode.POSITIVE] > 150
    assert tried[GenerationMode.NEGATIVE] > 150


def _contract(url: str) -> Any:
    contract = httpx.get(f"{url}/openapi.json", trust_env=False).json()
    # A key is sent always, so that a request is wrong by its parameters and body only; test_front_door.py tries keys.
    for operations in contract["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    contract["components"].pop("securitySchemes")
    # A stream never ends, and is tested for itself.
    del contract["paths"]["/v1/events"]
    return schemathesis.openapi.from_dict(contract)


def _asked(operation, mode: GenerationMode, url: str, headers: dict[str, str]) -> tuple[int, list[str]]:
    """How many requests were made, and what was wrong with the answers."""
    made: list[object] = []
    last: deque[str] = deque(maxlen=1)

    @_SETTINGS
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        made.append(case)
        if mode is GenerationMode.POSITIVE and operation.label in _MEANT:
            _MEANT[operation.label](case)
        answer = case.call(base_url=url, headers=headers, timeout=60)
        last.append(f"{case.query} {str(case.body)[:500]} -> {answer.status_code} {answer.content[:1_000]!r}")
        case.validate_response(answer, headers=headers, excluded_checks=_PROMISED.get(operation.label))

    try:
        ask()
    except Unsatisfiable:
        # An operation without parameters cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE, operation.label
    except (AssertionError, BaseExceptionGroup) as failure:
        return len(made), [f"{operation.label} {mode}: {_what(failure)}\n{last[0]}"]
    return len(made), []


# Dagster has no tables here, and then no work can proceed: 503, as the contract says.
_PROMISED = {"GET /readyz": [not_a_server_error]}


# A schema cannot say that a URL has a host, that a period starts before it ends, that only files have a view, or what
# makes a PDF. What was generated is kept and given the meaning that the descriptions ask for.


def _meant_jobs(case: Any) -> None:
    for job in case.body["jobs"]:
        job["url"] = _url(job["url"])
        if job.get("callback") is not None:
            job["callback"] = _url(job["callback"])
        if job.get("labels") is not None:
            labels = job["labels"]
            blank = [name for name in HEADER_FIELDS if isinstance(labels.get(name), str) and not labels[name].strip()]
            job["labels"] = {**labels, **dict.fromkeys(blank, "said"), "invoice_number": "F-1"}


def _meant_document(case: Any) -> None:
    # The other way to send it, as a form, has tests of its own.
    case.media_type, case.body = "application/octet-stream", invoice_pdf("F-1")
    if case.query and case.query.get("callback") is not None:
        case.query["callback"] = _url(str(case.query["callback"]))


def _meant_period(case: Any) -> None:
    if case.query and ("since" in case.query or "until" in case.query):
        days = [date.fromisoformat(case.query[each]) for each in ("since", "until") if case.query.get(each)]
        if days:
            since = min(max(min(days), date(2, 1, 1)), date(9990, 1, 1))
            until = min(max(days), since + timedelta(days=400))
            case.query = {**case.query, "since": since.isoformat(), "until": max(since, until).isoformat()}


def _meant_view(case: Any) -> None:
    if case.query and "view" in case.query and case.query.get("format") in (None, "json"):
        case.query = {**case.query, "format": "csv"}


_MEANT: Mapping[str, Callable[[Any], None]] = {
    "POST /v1/jobs": _meant_jobs,
    "POST /v1/documents": _meant_document,
    "GET /v1/costs": _meant_period,
    "GET /v1/invoices": _meant_view,
}


def _url(text: str) -> str:
    return "https://supplier.example/" + quote(text.encode("utf-8", "replace"), safe="")[:1_500]
