"""The client against a server that somebody else wrote: llmock, an OpenAI-compatible test server from PyPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.errors import ModelRateLimited
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.extraction.azure_openai.engine import AzureOpenAIEngine
from cira_pipeline.settings import Settings
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.azure_standin import LabelAnswers, changed
from tests.extraction.azure_openai.readings import INVOICE, LABEL, document, reading

pytestmark = pytest.mark.slow
llmock_testing = pytest.importorskip("llmock.testing", reason="llmock is not installed: pip install llmock")


@pytest.fixture
def server() -> Iterator[Any]:
    with llmock_testing.LLMockServer() as running:
        yield running


@pytest.fixture
def engine(server: Any) -> Iterator[AzureOpenAIEngine]:
    settings = Settings(_env_file=None, openai_base_url=server.base_url("openai"), azure_openai_attempts=3)
    made = AzureOpenAIEngine(settings, AnswersInMemory())
    yield made
    made.close()


def scripted(server: Any, *answers: dict[str, Any]) -> None:
    from llmock.scenarios import Reply

    for answer in answers:
        server.state.scenarios.add(Reply(text=json.dumps(answer, ensure_ascii=False)))


def right() -> dict[str, Any]:
    lines = "\n".join(f"{line.number}| {line.text}" for line in reading(INVOICE).lines)
    return dict(LabelAnswers([LABEL])(lines))


def test_a_structured_extraction_completes(server: Any, engine: AzureOpenAIEngine) -> None:
    scripted(server, right())
    extraction = engine.extract(document(), reading(INVOICE))
    assert extraction is not None
    assert extraction.invoice.invoice_number == "30064443"
    assert extraction.invoice.gross_total == Decimal(119)
    assert [line.net_amount for line in extraction.invoice.line_items] == [Decimal(50), Decimal(50)]
    [usage] = extraction.usage
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


def test_what_it_makes_up_by_the_schema_alone_fits_the_schema_and_becomes_no_value(
    server: Any, engine: AzureOpenAIEngine
) -> None:
    """Unscripted, the server fills our strict schema with examples: proof that it understood it."""
    extraction = engine.extract(document(), reading(INVOICE))
    assert extraction is not None
    named = {finding.fields[0] for finding in extraction.findings if finding.rule == "ungrounded"}
    assert {"invoice_number", "line_items[0].description"} <= named, "the first name of each list"
    assert extraction.invoice.model_dump(exclude_defaults=True) == {}


def test_a_correction_round_completes(server: Any, engine: AzureOpenAIEngine) -> None:
    scripted(server, changed(right(), gross_total={"text": "100,00", "line": 14}), right())
    context = ValidationContext(today=date(2026, 5, 1))
    extraction = engine.extract_judged(document(), reading(INVOICE), lambda each: validate(each, context))
    assert extraction is not None
    assert extraction.invoice.gross_total == Decimal(119)
    assert len(extraction.usage) == 2


def test_its_rate_limit_is_obeyed(server: Any, engine: AzureOpenAIEngine) -> None:
    from llmock.scenarios import Fail

    server.state.scenarios.add(Fail(429, retry_after=0.4, times=2))
    scripted(server, right())
    assert engine.extract(document(), reading(INVOICE)) is not None


def test_its_outage_is_told_as_what_it_is(server: Any, engine: AzureOpenAIEngine) -> None:
    from llmock.scenarios import Fail

    server.state.scenarios.add(Fail(429, retry_after=0.01, times=None))
    with pytest.raises(ModelRateLimited):
        engine.extract(document(), reading(INVOICE))
