"""schemathesis against the running service: requests that keep the contract, and requests that break it."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from cira_pipeline.storage.api_keys import Scope
from tests.api.stored import ended_job

EXAMPLES = 20
_SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# A schema cannot say that a URL has a host, that a period starts before it ends, or that an amount is not absurdly
# large, or what makes a PDF: such requests are refused with 422.
_MEANING_COUNTS = {"POST /v1/jobs", "GET /v1/costs", "PUT /v1/invoices/{job_id}/confirmation", "POST /v1/documents"}


def _what(failure: BaseException) -> str:
    if isinstance(failure, BaseExceptionGroup):
        return "; ".join(_what(each) for each in failure.exceptions)
    return f"{type(failure).__name__}: {failure}"


def test_no_request_gets_an_answer_that_the_contract_does_not_promise(api):
    """Every operation, with what it takes and with what it does not take."""
    ended_job(api.services)
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    headers = {"Authorization": f"Bearer {api.key('acme', Scope.ADMIN)}"}
    failures: list[str] = []
    tried = 0
    # A stream never ends, and is tested for itself.
    for found in schema.exclude(path="/v1/events").get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            count, failure = _asked(found.ok(), mode, headers)
            tried += count
            failures += failure
    assert not failures, "\n\n".join(failures)
    assert tried > 200


def _asked(operation, mode: GenerationMode, headers: dict[str, str]) -> tuple[int, list[str]]:
    """How many requests were made, and what was wrong with the answers."""
    # Not every wrong request need be refused: the key is sent whatever schemathesis leaves out, and query parameters
    # that are not known are ignored. What comes back must be what the contract promises all the same.
    excluded = [negative_data_rejection]
    excluded += [positive_data_acceptance] if operation.label in _MEANING_COUNTS else []
    made: list[object] = []

    @_SETTINGS
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        made.append(case)
        case.call_and_validate(headers=headers, timeout=60, excluded_checks=excluded)

    try:
        ask()
    except Unsatisfiable:
        # An operation without parameters cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE, operation.label
    except (AssertionError, BaseExceptionGroup) as failure:
        return len(made), [f"{operation.label} {mode}: {_what(failure)}"]
    return len(made), []
