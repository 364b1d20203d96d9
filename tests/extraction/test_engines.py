"""An engine that is declared and cannot be made would fail at the first invoice only."""

from __future__ import annotations

import re

import pytest
from pydantic import TypeAdapter

from cira_pipeline.db.schema.tables import ENGINE_NAME
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.jobs import Policy
from cira_pipeline.models import EngineName
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.settings import load_settings


def test_every_engine_is_made_from_the_settings_by_its_name() -> None:
    settings = load_settings(openai_base_url="http://127.0.0.1:9", openai_api_key="none", _env_file=None)
    engines = engines_from_settings(settings, AnswersInMemory())
    assert list(engines) == list(EngineName)
    assert [engine.name for engine in engines.values()] == list(EngineName)


def test_without_a_model_only_free_engines_run() -> None:
    settings = load_settings(_env_file=None)
    assert not settings.model_configured
    engines = engines_from_settings(settings, AnswersInMemory())
    assert list(engines) == [name for name in EngineName if not name.is_paid]
    assert settings.policy_for() is Policy.OFFLINE_ONLY


def test_each_engine_has_a_label_and_a_trust_of_its_own() -> None:
    assert len({name.label for name in EngineName}) == len(EngineName)
    assert len({name.trust for name in EngineName}) == len(EngineName)


@pytest.mark.parametrize("name", EngineName)
def test_the_database_takes_the_name_of_each_engine(name: EngineName) -> None:
    """Engines need no migration: a name of another form would fail at the first invoice."""
    assert re.search(ENGINE_NAME.split("'")[1], name)


def test_a_client_generated_from_the_api_takes_engines_that_a_later_version_adds() -> None:
    assert "enum" not in TypeAdapter(EngineName).json_schema()
