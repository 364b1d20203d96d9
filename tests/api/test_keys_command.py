"""`cira keys` as an operator types it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cira_pipeline.api.key_secret import parse_key
from cira_pipeline.cli.keys import app
from cira_pipeline.db.access.api_keys import ApiKeyRepository, Scope


@pytest.fixture
def run(migrated_database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("CIRA_POSTGRES_URL", migrated_database_url)
    monkeypatch.setenv("CIRA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str):
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    return invoke


def test_a_key_is_made_listed_rotated_and_revoked(run, database):
    made = run("create", "--client", "accounting", "--name", "ledger", "--scope", "read", "--scope", "review")
    key_id, secret = parse_key(made.stdout.strip()) or ("", "")
    stored = ApiKeyRepository(database).get(key_id)
    assert (stored.key.client, stored.key.scopes) == ("accounting", {Scope.READ, Scope.REVIEW})

    shown = run("list").stdout
    assert key_id in shown
    assert "valid" in shown
    assert secret not in shown

    new_id, _ = parse_key(run("rotate", key_id, "--grace-hours", "1").stdout.strip()) or ("", "")
    assert f"rotated to {new_id}" in " ".join(run("list").stdout.split())
    run("revoke", new_id)
    assert "revoked" in run("list").stdout


def test_a_key_made_under_another_pepper_is_said_to_be_of_no_use_here(run, tmp_path):
    run("create")
    (tmp_path / "key-pepper").write_text("another pepper, that of another machine")
    assert "another pepper" in run("list").stdout
