from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from cira_pipeline.errors import CiraError, CircuitOpen
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.resilience.breaker import Breaker
from tests.azure_standin import AzureStandin, Fault
from tests.extraction.azure_openai.readings import INVOICE, document, reading


def _failure(engine) -> Any:
    with pytest.raises(CiraError) as caught:
        engine.extract(document(), reading(INVOICE))
    return caught.value


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        (Fault.rate_limited(), "model_rate_limited", True),
        (Fault.server_error(500), "model_unavailable", True),
        (Fault.server_error(503), "model_unavailable", True),
        (Fault.server_error(408), "model_timed_out", True),
        (Fault("reset"), "model_unavailable", True),
        (Fault("cut"), "model_unavailable", True),
        (Fault("hang"), "model_timed_out", True),
        (Fault("drip"), "model_timed_out", True),
        (Fault.quota_exhausted(), "model_quota_exhausted", False),
        (Fault.forbidden(), "model_forbidden", False),
        (Fault.prompt_filtered(), "model_content_filtered", False),
        (Fault.bad_request(), "model_request_rejected", False),
    ],
    ids=lambda value: value.kind + str(value.status or "") if isinstance(value, Fault) else str(value),
)
def test_each_way_of_failing_has_its_own_code_and_costs_nothing(
    azure: AzureStandin, engine_for, fault: Fault, code: str, retryable: bool
) -> None:
    azure.faults.then(fault)
    error = _failure(engine_for(azure_openai_attempts=1, azure_openai_timeout_s=0.4))
    assert (error.code, error.retryable) == (code, retryable)
    assert azure.bill == []
    assert error.detail["usage"] == ()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("refusal"), "model_refused"),
        (Fault("filtered"), "model_content_filtered"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else str(value),
)
def test_an_answer_that_says_nothing_is_paid_once_and_its_cost_is_known(
    azure: AzureStandin, engine_for, fault: Fault, code: str
) -> None:
    azure.faults.then(fault)
    engine = engine_for(AnswersInMemory())
    first, again = _failure(engine), _failure(engine)
    assert (first.code, again.code) == (code, code)
    assert len(azure.bill) == 1
    assert [usage.reused for usage in first.detail["usage"] + again.detail["usage"]] == [False, True]


def test_nonsense_twice_is_an_error_that_names_all_it_cost(azure: AzureStandin, engine_for) -> None:
    azure.faults.then(Fault("no_json"), Fault("wrong_schema"))
    error = _failure(engine_for())
    assert error.code == "model_answer_invalid"
    assert len(error.detail["usage"]) == len(azure.bill) == 2


def test_an_answer_too_long_even_for_a_small_part_is_an_error_and_not_a_loop(azure: AzureStandin, engine_for) -> None:
    azure.faults.then(*[Fault("length")] * 50)
    error = _failure(engine_for())
    assert error.code == "model_answer_truncated"
    assert len(error.detail["usage"]) == len(azure.bill) < 5


def test_a_wrong_key_a_missing_deployment_and_a_wrong_path_are_told_apart(azure: AzureStandin, engine_for) -> None:
    from pydantic import SecretStr

    assert _failure(engine_for(azure_openai_api_key=SecretStr("wrong"))).code == "model_unauthorised"
    missing = _failure(engine_for(azure_openai_deployment="elsewhere"))
    assert missing.code == "model_deployment_missing"
    assert "does not exist" in missing.message


def test_an_error_never_shows_the_key(azure: AzureStandin, engine_for) -> None:
    from pydantic import SecretStr

    error = _failure(engine_for(azure_openai_api_key=SecretStr("very-secret")))
    assert "very-secret" not in f"{error} {error.detail}"


def test_a_server_that_is_not_there_is_unavailable(engine_for) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
    error = _failure(engine_for(azure_openai_endpoint=nobody, azure_openai_attempts=1))
    assert (error.code, error.retryable) == ("model_unavailable", True)


def test_what_passes_is_tried_again_until_there_is_an_answer(azure: AzureStandin, engine_for) -> None:
    azure.faults.then(Fault.rate_limited(0.01, milliseconds=True), Fault.rate_limited(0))
    extraction = engine_for(azure_openai_attempts=3).extract(document(), reading(INVOICE))
    assert extraction.invoice.gross_total == 119
    assert len(azure.requests) == 3
    assert len(azure.bill) == 1


def test_what_does_not_pass_is_asked_once(azure: AzureStandin, engine_for) -> None:
    azure.faults.then(Fault.prompt_filtered())
    _failure(engine_for(azure_openai_attempts=5))
    assert len(azure.requests) == 1


def test_a_wait_longer_than_the_deadline_is_not_begun(azure: AzureStandin, engine_for) -> None:
    azure.faults.then(Fault.rate_limited(3_600))
    started = time.monotonic()
    error = _failure(engine_for(azure_openai_attempts=5, azure_openai_deadline_s=110))
    assert error.code == "model_rate_limited"
    assert time.monotonic() - started < 100
    assert len(azure.requests) == 1


def test_a_failed_question_can_be_asked_again_at_once(azure: AzureStandin, engine_for) -> None:
    engine = engine_for(AnswersInMemory(), azure_openai_attempts=1)
    azure.faults.then(Fault.server_error())
    _failure(engine)
    assert engine.extract(document(), reading(INVOICE)).invoice.gross_total == 119


def test_a_model_that_keeps_failing_is_left_alone(azure: AzureStandin, engine_for) -> None:
    azure.faults.then(*[Fault.server_error()] * 3)
    engine = engine_for(
        AnswersInMemory(), Breaker("azure_openai", fail_max=3, reset_timeout_s=60), azure_openai_attempts=1
    )
    for _ in range(3):
        assert _failure(engine).code == "model_unavailable"
    with pytest.raises(CircuitOpen) as caught:
        engine.extract(document(), reading(INVOICE))
    assert caught.value.detail["usage"] == ()
    assert len(azure.requests) == 3


def test_a_document_the_filter_stops_does_not_close_the_model_to_others(azure: AzureStandin, engine_for) -> None:
    azure.faults.then(*[Fault.prompt_filtered()] * 4)
    engine = engine_for(AnswersInMemory(), Breaker("azure_openai", fail_max=2, reset_timeout_s=60))
    for _ in range(4):
        assert _failure(engine).code == "model_content_filtered"
    assert engine.extract(document(), reading(INVOICE)).invoice.gross_total == 119
