"""CIRA as `cira up` runs it, for the tests of this folder together: starting it takes longer than most of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import Job, JobRepository, Submission
from cira_pipeline.jobs import JobId, Policy
from cira_pipeline.local_stack.supervisor import Services, Supervisor
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin
from tests.keys import new_key
from tests.orchestration.document_server import DocumentServer
from tests.orchestration.invoice_pdf import invoice_label
from tests.running.graphql import DagsterUi, wait_until
from tests.running.held_model import HeldModel

# The invoices the model behind Azure's stand-in knows; it answers nothing about the last one while it is held.
KNOWN_NUMBERS = ("KILL-1001", "KILL-1003", "KILL-1005", "KILL-1007")
HELD_NUMBER = KNOWN_NUMBERS[-1]
# More than any other test submits at once: theirs have keys of their own, beside those of batches.
BATCH_KEY_MIN_JOBS = 6


@dataclass
class RunningCira:
    services: Services
    database: Database
    jobs: JobRepository
    server: DocumentServer
    ui: DagsterUi
    azure: AzureStandin
    model: HeldModel

    def submit(self, *urls: str, policy: str | None = None) -> list[JobId]:
        return [each.job.job_id for each in self.jobs.submit([Submission(url, policy=policy) for url in urls])]

    def wait_until(self, condition: Callable[[], object], what: str, *, timeout_s: float = 600) -> None:
        """Like `graphql.wait_until`, and tells how the jobs and runs stand when it was in vain."""
        try:
            wait_until(condition, what, timeout_s=timeout_s)
        except AssertionError as in_vain:
            jobs = [(job.url, job.status, job.stage, job.error_code, job.run_id) for job in self.jobs.list(limit=30)]
            runs = [(run["runId"], run["status"]) for run in self.ui.runs()]
            raise AssertionError("\n".join(map(str, (in_vain, *jobs, *runs)))) from None

    def wait_for_end(self, *job_ids: JobId) -> list[Job]:
        self.wait_until(
            lambda: all(self.jobs.get(job_id).status.final for job_id in job_ids), f"{', '.join(job_ids)} ended"
        )
        return [self.jobs.get(job_id) for job_id in job_ids]

    def scalar(self, query: str, *parameters: object) -> Any:
        """The one value that a query through a connection of its own returns."""
        with psycopg.connect(self.services.postgres_url) as connection:
            (value,) = connection.execute(query, parameters).fetchone() or (None,)
        return value

    def times_answered(self, text: str) -> int:
        return sum(text in question for question in self.model.answered)


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cira-running-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def cira(home: Path) -> Iterator[RunningCira]:
    model = HeldModel([invoice_label(number) for number in KNOWN_NUMBERS], hold_when=HELD_NUMBER)
    with DocumentServer().running() as server, AzureStandin(model) as azure:
        settings = Settings(
            home=home,
            fetch_allowed_hosts=("127.0.0.1",),
            fetch_attempts=1,
            # Documents are held back for as long as a test needs.
            fetch_timeout_s=600,
            fetch_stall_timeout_s=600,
            sensor_interval_s=2,
            batch_key_min_jobs=BATCH_KEY_MIN_JOBS,
            # Only jobs that ask for it use the model.
            policy=Policy.OFFLINE_ONLY,
            azure_openai_endpoint=azure.endpoint,
            azure_openai_deployment="invoices",
            azure_openai_api_key=SecretStr(azure.api_key),
            # A dead run's claim on a question ends a minute after this.
            azure_openai_deadline_s=40,
            azure_openai_timeout_s=40,
            azure_openai_attempts=1,
        )
        with Supervisor(settings).running() as services:
            database = Database(services.postgres_url)
            try:
                yield RunningCira(
                    services,
                    database,
                    JobRepository(database),
                    server,
                    DagsterUi(services.ui_url, new_key(services.settings, database, Scope.ADMIN)),
                    azure,
                    model,
                )
            finally:
                database.dispose()
