"""The stand-in itself: what benchmarks measure with must do what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.azure_standin import AzureStandin, LabelAnswers, Mistakes, Quota
from tests.azure_standin.mistakes import KINDS, parts_of
from tests.extraction.azure_openai.readings import INVOICE, LABEL, reading

QUESTION = "\n".join(f"{line.number}| {line.text}" for line in reading(INVOICE).lines)
LINES = {line.number: line.text for line in reading(INVOICE).lines}


def ask(standin: AzureStandin, deployment: str = "invoices") -> httpx.Response:
    return httpx.post(
        f"{standin.endpoint}/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21",
        headers={"api-key": standin.api_key},
        json={"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1_000},
        timeout=30,
    )


def test_a_quota_refuses_with_azures_headers_and_bills_nothing_for_it() -> None:
    with AzureStandin(LabelAnswers([LABEL]), quotas={"invoices": Quota(requests_per_minute=2)}) as standin:
        answers = [ask(standin) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].json()["error"]["code"] == "429"
        assert len(standin.bill) == 2


def test_a_quota_of_tokens_counts_the_longest_answer_and_ends_with_its_window() -> None:
    now = [0.0]
    quota = Quota(tokens_per_minute=2_500, monotonic=lambda: now[0])
    assert [quota.take(1_000)[0] is None for _ in range(3)] == [True, True, False]
    now[0] = 61.0
    refused, headers = quota.take(1_000)
    assert refused is None
    assert headers["x-ratelimit-remaining-tokens"] == "1500"


def test_each_deployment_has_a_quota_of_its_own() -> None:
    deployments = {"invoices": "gpt-4.1-mini", "stronger": "gpt-4o"}
    quotas = {name: Quota(requests_per_minute=1) for name in deployments}
    with AzureStandin(LabelAnswers([LABEL]), deployments=deployments, quotas=quotas) as standin:
        assert [ask(standin, name).status_code for name in ("invoices", "stronger", "invoices")] == [200, 200, 429]
        assert httpx.get(f"{standin.endpoint}/bill").json()["stronger"]["answers"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mistake_is_made_and_only_that_one(kind: str) -> None:
    mistakes = Mistakes(1.0, kinds=(kind,), seed=3)
    right = LabelAnswers([LABEL])(QUESTION)
    before, after = parts_of(right), parts_of(mistakes.spoil(right, LINES))
    assert mistakes.made
    assert {made for made, _ in mistakes.made} == {kind}
    changed = {name for name in before if after.get(name) != before[name]}
    assert {name for _, name in mistakes.made} <= changed
    if kind != "swapped_dates":
        assert changed <= {name for _, name in mistakes.made}


def test_the_rate_of_mistakes_is_the_one_asked_for() -> None:
    mistakes = Mistakes(0.1, seed=5)
    right = LabelAnswers([LABEL])(QUESTION)
    fields = len(parts_of(right))
    for _ in range(400):
        mistakes.spoil(right, LINES)
    assert 0.07 <= len(mistakes.made) / (400 * fields) <= 0.13


def test_the_command_serves_until_it_is_stopped_and_then_tells_its_bill(tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps({"file": "x.pdf", "fields": LABEL}) + "\n")
    arguments = ["--port", "0", "--labels", str(labels), "--script", "server_error,ok", "--mistakes", "0.5"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.azure_standin", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        given = dict(process.stdout.readline().strip().split("=", 1) for _ in range(3))
        address = f"{given['CIRA_AZURE_OPENAI_ENDPOINT']}/openai/deployments/invoices/chat/completions"
        answers = [_post(f"{address}?api-version=1", given["CIRA_AZURE_OPENAI_API_KEY"]) for _ in range(2)]
        os.kill(process.pid, signal.SIGTERM)
        told = process.stdout.read()
    assert [answer.status_code for answer in answers] == [500, 200]
    assert "invoices: 1 answers" in told
    assert "mistakes made" in told


def _post(address: str, key: str) -> httpx.Response:
    body: Mapping[str, Any] = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 4_000}
    return httpx.post(address, headers={"api-key": key}, json=body, timeout=60)
