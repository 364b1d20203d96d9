"""What a deployment says of its quota is heard by everybody who asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from cira_pipeline.errors import ModelRateLimited
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.extraction.azure_openai.chat import Chat, first_deployment
from cira_pipeline.extraction.azure_openai.engine import AzureOpenAIEngine
from cira_pipeline.extraction.azure_openai.question import Question
from cira_pipeline.extraction.azure_openai.windows import windows
from cira_pipeline.resilience.limiter import RateLimiter
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin, Fault, LabelAnswers
from tests.extraction.azure_openai.readings import INVOICE, LABEL, document, reading


@pytest.fixture
def azure() -> Iterator[AzureStandin]:
    with AzureStandin(LabelAnswers([LABEL])) as standin:
        yield standin


def engine(azure: AzureStandin, limiter: RateLimiter, **given: Any) -> AzureOpenAIEngine:
    settings = Settings(
        _env_file=None,
        azure_openai_endpoint=azure.endpoint,
        azure_openai_deployment="invoices",
        azure_openai_api_key=SecretStr(azure.api_key),
        **given,
    )
    return AzureOpenAIEngine(settings, AnswersInMemory(), limiter=limiter)


def test_a_429_to_one_worker_keeps_all_others_from_asking_until_it_is_over(azure: AzureStandin, redis_url: str) -> None:
    azure.faults.then(Fault.rate_limited(2, milliseconds=True))
    refused = engine(azure, RateLimiter("heard", redis_url), azure_openai_attempts=1)
    other = engine(azure, RateLimiter("heard", redis_url))
    with pytest.raises(ModelRateLimited):
        refused.extract(document(), reading(INVOICE))
    asked_at = time.monotonic()
    assert other.extract(document(), reading(INVOICE)) is not None
    assert time.monotonic() - asked_at > 1
    assert len(azure.requests) == 2, "nobody had to be refused to find out"


def test_a_quota_that_leaves_no_turn_before_the_deadline_is_said_without_asking(azure: AzureStandin) -> None:
    limited = engine(azure, RateLimiter("no turn", requests=1), azure_openai_deadline_s=3, azure_openai_attempts=3)
    assert limited.extract(document(), reading(INVOICE)) is not None
    with pytest.raises(ModelRateLimited, match="used up"):
        limited.extract(document(b"%PDF-1.7 another"), reading((*INVOICE, "another line")))
    assert len(azure.requests) == 1


def test_the_longest_answer_counts_against_the_tokens_of_a_minute(azure: AzureStandin) -> None:
    """As the provider counts: what is asked and what may be answered, not what is."""
    limiter = RateLimiter("tokens of an answer", tokens=15_000)
    limited = engine(azure, limiter, azure_openai_deadline_s=2, azure_openai_max_output_tokens=8_192)
    assert limited.extract(document(), reading(INVOICE)) is not None
    with pytest.raises(ModelRateLimited):
        limited.extract(document(b"%PDF-1.7 another"), reading((*INVOICE, "another line")))


def test_an_answer_that_is_complete_is_taken_however_late_it_is_read(azure: AzureStandin) -> None:
    """A busy machine reads late; an answer thrown away for that would be paid again."""
    times = iter([0.0, *[1_000.0] * 1_000])
    settings = Settings(
        _env_file=None,
        azure_openai_endpoint=azure.endpoint,
        azure_openai_deployment="invoices",
        azure_openai_api_key=SecretStr(azure.api_key),
    )
    chat = Chat(settings, first_deployment(settings), monotonic=lambda: next(times))
    [window] = windows(reading(INVOICE).lines, max_question_tokens=9_000, max_answer_tokens=9_000)
    question = Question(window, chat.parameters)
    assert chat.ask(question, timeout_s=30).finish_reason == "stop"
    assert len(azure.bill) == 1
