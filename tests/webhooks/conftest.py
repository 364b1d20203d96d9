from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cira_pipeline.api.key_secret import Pepper
from cira_pipeline.db.access.webhook_secrets import WebhookSecretRepository
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.webhooks import WebhookEvent, WebhookRepository
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.settings import Settings
from cira_pipeline.webhooks.delivering import Deliverer
from cira_pipeline.webhooks.sending import Sender
from cira_pipeline.webhooks.signature import Signer, shown_secret, signing_secret
from tests.webhooks.receiver import Receiver


@dataclass
class Outbox:
    """Jobs with callbacks, what is owed for them, and processes that deliver it."""

    settings: Settings
    database: Database
    jobs: JobRepository
    events: WebhookRepository
    secrets: WebhookSecretRepository
    pepper: Pepper
    new_deliverer: Callable[..., Deliverer]

    def secret(self, client: str = "acme") -> str:
        made = self.secrets.create(client, self.pepper.pepper_id)
        return shown_secret(signing_secret(self.pepper.derived, made.signing_id))

    def submit(self, callback: str | None, client: str = "acme", **given: Any) -> JobId:
        number = time.monotonic_ns()
        [made] = self.jobs.submit(
            [Submission(f"https://supplier.example/{number}.pdf", client=client, callback=callback, **given)]
        )
        return made.job.job_id

    def ended(self, callback: str | None, client: str = "acme", **given: Any) -> JobId:
        """A job that failed."""
        job_id = self.submit(callback, client, **given)
        self.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        self.jobs.fail(job_id, Stage.RAW_DOCUMENT, SourceNotFound("the server answered with status 404"))
        return job_id

    def event(self, job_id: JobId) -> WebhookEvent:
        [event] = self.events.of_job(job_id)
        return event

    def wait_until(self, job_id: JobId, holds: Callable[[WebhookEvent], bool], timeout_s: float = 60) -> WebhookEvent:
        ends = time.monotonic() + timeout_s
        while not holds(event := self.event(job_id)):
            assert time.monotonic() < ends, event
            time.sleep(0.02)
        return event

    def make_due(self) -> None:
        """Time passes: what waits is due, receivers are no longer paused."""
        with self.database.begin() as connection:
            connection.exec_driver_sql("UPDATE cira.webhook_events SET next_attempt_at = now() WHERE state = 'pending'")
            connection.exec_driver_sql("UPDATE cira.webhook_receivers SET paused_until = now()")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.close()


@pytest.fixture
def webhook_settings(migrated_database_url: str, tmp_path: Path) -> Settings:
    """Receivers of the tests are on this machine and speak HTTP; nothing else of it may be called."""
    return Settings(
        _env_file=None,
        home=tmp_path / "home",
        postgres_url=SecretStr(migrated_database_url),
        webhook_allow_http=True,
        webhook_allowed_hosts=("127.0.0.1",),
    )


@pytest.fixture
def outbox(webhook_settings: Settings, database: Database) -> Iterator[Outbox]:
    running: list[Deliverer] = []
    pepper = Pepper("the pepper of the tests, long enough to be one")
    events, secrets = WebhookRepository(database), WebhookSecretRepository(database)

    def new_deliverer(*, start: bool = True, sender: Sender | None = None, **changed: Any) -> Deliverer:
        settings = webhook_settings.model_copy(update=changed)
        signer = Signer(secrets, pepper.derived, pepper.pepper_id)
        deliverer = Deliverer(settings, events, signer, sender or Sender(settings))
        if start:
            deliverer.start()
            running.append(deliverer)
        return deliverer

    yield Outbox(webhook_settings, database, JobRepository(database), events, secrets, pepper, new_deliverer)
    for deliverer in running:
        deliverer.stop()
