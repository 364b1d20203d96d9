"""A file of variables lists many of them and leaves most empty."""

import pytest

from cira_pipeline.settings import load_settings


def test_a_variable_left_empty_is_a_setting_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CIRA_MONTHLY_BUDGET_USD", "CIRA_AZURE_OPENAI_ENDPOINT", "CIRA_BATCH_MAX_JOBS", "CIRA_REDIS_URL"):
        monkeypatch.setenv(name, "")
    settings = load_settings(_env_file=None)
    assert settings.monthly_budget_usd is None
    assert not settings.model_configured
    assert settings.batch_max_jobs == 500
    assert settings.redis_url is None
