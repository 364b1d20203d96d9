"""A variable that was renamed in a new version must not lose its effect without a word."""

import logging
from pathlib import Path

import pytest

from cira_pipeline.settings import RENAMED, Settings, load_settings


@pytest.fixture(autouse=True)
def no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in RENAMED:
        monkeypatch.delenv(f"CIRA_{name.upper()}", raising=False)


def test_an_earlier_name_works_and_says_the_new_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CIRA_WHEN_MODEL_DOWN", "wait")
    with caplog.at_level(logging.WARNING):
        assert load_settings().model_outage_policy == "wait"
    assert "CIRA_WHEN_MODEL_DOWN was renamed to CIRA_MODEL_OUTAGE_POLICY" in caplog.text


def test_an_earlier_name_works_in_a_file_of_variables_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CIRA_MODEL_BATCH_TRIES=5\n")
    assert load_settings().model_batch_attempts == 5


def test_the_current_name_goes_before_the_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIRA_SUPPLIERS_MEMORY", "all")
    monkeypatch.setenv("CIRA_SUPPLIER_MEMORY_SCOPE", "off")
    assert load_settings().supplier_memory_scope == "off"


def test_every_renamed_setting_exists_by_its_new_name_alone() -> None:
    assert set(RENAMED.values()) <= set(Settings.model_fields)
    assert not set(RENAMED) & set(Settings.model_fields)
