"""`cira webhooks` as an operator types it."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook
from typer.testing import CliRunner

from cira_pipeline.cli.webhooks import app
from cira_pipeline.errors import WebhookEventNotFound, WebhookSecretExists, WebhookSecretMissing


@pytest.fixture
def run(migrated_database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("CIRA_POSTGRES_URL", migrated_database_url)
    monkeypatch.setenv("CIRA_HOME", str(tmp_path))
    monkeypatch.setenv("CIRA_API_KEY_PEPPER", "the pepper of the tests, long enough to be one")
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str):
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    return invoke


def test_a_secret_that_is_made_or_rotated_signs_and_stands_nowhere(run, outbox, receiver, database):
    first = run("secret", "create", "--client", "acme").stdout.strip()
    second = run("secret", "rotate", "--client", "acme", "--grace-hours", "1").stdout.strip()
    outbox.ended(receiver.url())
    outbox.new_deliverer()
    [came] = receiver.wait_for(1)
    for secret in (first, second):
        assert Webhook(secret).verify(came.body, came.headers)
    with database.begin() as connection:
        kept = str(connection.execute(text("SELECT * FROM cira.webhook_secrets")).all())
    assert first.removeprefix("whsec_") not in kept
    with pytest.raises(WebhookSecretExists):
        run("secret", "create", "--client", "acme")
    with pytest.raises(WebhookSecretMissing):
        run("secret", "rotate", "--client", "globex")


def test_what_was_given_up_is_listed_and_told_again(run, outbox, receiver):
    outbox.secret()
    receiver.answers = [(410, {}), (410, {}), (200, {})]
    first, second = outbox.ended(receiver.url("/1")), outbox.ended(receiver.url("/2"))
    outbox.new_deliverer()
    events = [outbox.wait_until(job_id, lambda event: event.state == "failed") for job_id in (first, second)]
    shown = run("list", "--state", "failed").stdout
    for event in events:
        assert event.event_id in shown
        assert event.job_id in shown
    assert "webhook_gone" in shown
    assert events[0].event_id not in run("list", "--client", "globex").stdout
    assert "1 event will" in run("replay", events[0].event_id).stdout
    outbox.wait_until(first, lambda event: event.state == "delivered")
    assert outbox.event(second).state == "failed"
    assert "1 event will" in run("replay", "--failed").stdout
    outbox.wait_until(second, lambda event: event.state == "delivered")
    with pytest.raises(WebhookEventNotFound):
        run("replay", "evt_" + "0" * 32)
