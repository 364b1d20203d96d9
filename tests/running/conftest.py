"""CIRA as `cira up` runs it, for the tests of this folder together: starting it takes longer than most of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cira_pipeline.embedded.supervisor import Services, Supervisor
from cira_pipeline.jobs import JobId, JobStatus
from cira_pipeline.settings import Settings
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.jobs import Job, JobRepository, Submission
from tests.orchestration.document_server import DocumentServer
from tests.running.graphql import DagsterUi, wait_until


@dataclass
class RunningCira:
    services: Services
    database: Database
    jobs: JobRepository
    server: DocumentServer
    ui: DagsterUi

    def submit(self, *urls: str, policy: str | None = None) -> list[JobId]:
        return [each.job.job_id for each in self.jobs.submit([Submission(url, policy=policy) for url in urls])]

    def wait_for_end(self, *job_ids: JobId, timeout_s: float = 180) -> list[Job]:
        wait_until(
            lambda: all(self.jobs.get(job_id).status.final for job_id in job_ids),
            f"{job_ids} ended",
            timeout_s=timeout_s,
        )
        return [self.jobs.get(job_id) for job_id in job_ids]

    def wait_for_status(self, job_id: JobId, status: JobStatus) -> None:
        wait_until(lambda: self.jobs.get(job_id).status is status, f"{job_id} is {status}")


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cira-running-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def cira(home: Path) -> Iterator[RunningCira]:
    settings = Settings(home=home, fetch_allowed_hosts=("127.0.0.1",), fetch_attempts=1, sensor_interval_s=1)
    with DocumentServer().running() as server, Supervisor(settings).running() as services:
        database = Database(services.postgres_url)
        try:
            yield RunningCira(services, database, JobRepository(database), server, DagsterUi(services.ui_url))
        finally:
            database.dispose()
