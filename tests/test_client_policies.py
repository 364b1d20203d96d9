from __future__ import annotations

import pytest

from cira_pipeline.errors import ConfigurationError
from cira_pipeline.jobs import Policy
from cira_pipeline.settings import Settings, load_settings

MODEL = {"azure_openai_endpoint": "https://x.openai.azure.com", "azure_openai_deployment": "invoices"}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CIRA_CLIENT_POLICIES", "acme=model_first, shop=offline_only")
    return load_settings(_env_file=None, **MODEL)


def test_a_client_has_its_own_policy_and_others_the_general_one(settings: Settings) -> None:
    assert settings.policy_for("acme") is Policy.MODEL_FIRST
    assert settings.policy_for("shop") is Policy.OFFLINE_ONLY
    assert settings.policy_for("elsewhere") is settings.policy


def test_a_jobs_own_policy_goes_before_its_clients(settings: Settings) -> None:
    assert settings.policy_for("shop", Policy.MODEL_FIRST) is Policy.MODEL_FIRST


def test_without_a_model_no_policy_asks_one() -> None:
    free = Settings(_env_file=None, client_policies={"acme": "model_first"})
    assert free.policy_for("acme") is Policy.OFFLINE_ONLY


def test_processes_that_are_started_inherit_the_clients_policies(settings: Settings) -> None:
    assert settings.as_environment()["CIRA_CLIENT_POLICIES"] == "acme=model_first,shop=offline_only"


@pytest.mark.parametrize("given", ["acme=cheap", "acme", "=model_first"])
def test_a_policy_that_cannot_be_understood_is_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("CIRA_CLIENT_POLICIES", given)
    with pytest.raises(ConfigurationError, match="CIRA_CLIENT_POLICIES"):
        load_settings(_env_file=None)
