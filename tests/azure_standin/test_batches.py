"""The stand-in's batch API: what tests of model batches measure with must do what Azure says it does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.azure_standin import AzureStandin, BatchFault, LabelAnswers
from tests.extraction.azure_openai.readings import INVOICE, LABEL, reading

QUESTION = "\n".join(f"{line.number}| {line.text}" for line in reading(INVOICE).lines)


@pytest.fixture
def standin() -> Iterator[AzureStandin]:
    with AzureStandin(LabelAnswers([LABEL])) as standin:
        yield standin


@pytest.fixture
def client(standin: AzureStandin) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(
        azure_endpoint=standin.endpoint, api_key=standin.api_key, api_version="2024-10-21", max_retries=0, timeout=60
    ) as client:
        yield client


def line(custom_id: str, model: str = "invoices-batch", url: str = "/chat/completions") -> dict:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1_000}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


def begun(client: openai.AzureOpenAI, *lines: dict):
    content = "".join(json.dumps(each) + "\n" for each in lines).encode()
    file = client.files.create(file=("questions.jsonl", io.BytesIO(content)), purpose="batch")
    # Azure's own path, which the package's types do not list.
    endpoint: Any = "/chat/completions"
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")


def test_a_batch_goes_through_its_states_and_bills_half_when_it_is_done(
    standin: AzureStandin, client: openai.AzureOpenAI
) -> None:
    standin.batches.looks = 2
    batch = begun(client, line("a"), line("b"))
    assert batch.status == "validating"
    assert [client.batches.retrieve(batch.id).status for _ in range(2)] == ["in_progress", "finalizing"]
    assert standin.bill == []
    done = client.batches.retrieve(batch.id)
    assert done.status == "completed"
    answers = [json.loads(each) for each in client.files.content(done.output_file_id or "").text.splitlines()]
    assert [each["custom_id"] for each in answers] == ["a", "b"]
    assert {each["response"]["status_code"] for each in answers} == {200}
    assert len(standin.bill) == 2
    prices = dict.fromkeys(("input_token", "cached_input_token", "output_token"), Decimal(1))
    billed = standin.bill[0]
    assert billed.usd(prices) * 2 == billed.input_tokens + billed.output_tokens
    assert client.batches.retrieve(batch.id).status == "completed"
    assert len(standin.bill) == 2, "looking again costs nothing"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "empty_file"),
        ((line("a"), line("a")), "duplicate_custom_id"),
        ((line("a", model="invoices"),), "model_not_found"),
        ((line("a"), line("b", model="another")), "model_mismatch"),
        ((line("a", url="/embeddings"),), "url_mismatch"),
        ((line("a"), line("b"), line("c")), "too_many_tasks"),
    ],
)
def test_a_file_that_azure_would_refuse_is_refused_with_its_code(
    standin: AzureStandin, client: openai.AzureOpenAI, lines: tuple[dict, ...], code: str
) -> None:
    standin.batches.most_lines = 2
    batch = client.batches.retrieve(begun(client, *lines).id)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert [each.code for each in batch.errors.data or ()] == [code]
    assert standin.bill == []


def test_an_expired_batch_bills_what_it_answered_and_names_the_rest(
    standin: AzureStandin, client: openai.AzureOpenAI
) -> None:
    standin.batches.looks = 0
    standin.batches.spoil(BatchFault("expired", answered=1))
    batch = client.batches.retrieve(begun(client, line("a"), line("b")).id)
    assert batch.status == "expired"
    [left] = [json.loads(each) for each in client.files.content(batch.error_file_id or "").text.splitlines()]
    assert (left["custom_id"], left["error"]["code"]) == ("b", "batch_expired")
    assert len(standin.bill) == 1


def test_batches_are_listed_newest_first_and_page_by_page(client: openai.AzureOpenAI) -> None:
    ids = [begun(client, line("a")).id for _ in range(5)]
    assert [each.id for each in client.batches.list(limit=2)] == ids[::-1]


def test_a_deleted_file_is_gone(standin: AzureStandin, client: openai.AzureOpenAI) -> None:
    batch = begun(client, line("a"))
    client.files.delete(batch.input_file_id)
    assert standin.batches.files == {}
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(batch.input_file_id)
