"""A stand-in for Azure for each test, and engines that talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from cira_pipeline.extraction.answers import AnswersInMemory, AnswerStore
from cira_pipeline.extraction.azure_openai.engine import AzureOpenAIEngine
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin, LabelAnswers
from tests.extraction.azure_openai.readings import LABEL


@pytest.fixture
def azure() -> Iterator[AzureStandin]:
    with AzureStandin(LabelAnswers([LABEL])) as standin:
        yield standin


EngineMaker = Callable[..., AzureOpenAIEngine]


@pytest.fixture
def engine_for(azure: AzureStandin) -> Iterator[EngineMaker]:
    """Makes engines that ask `azure`; settings can be given by name."""
    made: list[AzureOpenAIEngine] = []

    def make(answers: AnswerStore | None = None, breaker: Breaker | None = None, **given: Any) -> AzureOpenAIEngine:
        settings = Settings(_env_file=None, **(settings_for(azure) | given))
        engine = AzureOpenAIEngine(settings, answers or AnswersInMemory(), breaker)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


def settings_for(azure: AzureStandin) -> dict[str, Any]:
    return {
        "azure_openai_endpoint": azure.endpoint,
        "azure_openai_deployment": "invoices",
        "azure_openai_api_key": SecretStr(azure.api_key),
    }
