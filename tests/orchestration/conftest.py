"""A Dagster instance and CIRA's services in this process, over the session's real PostgreSQL and Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.jobs.status_cache import StatusCache
from cira_pipeline.jobs import JobId
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from resources.redis import RedisResource
from tests.conftest import temporary_database
from tests.orchestration.document_server import DocumentServer


@dataclass
class Pipeline:
    """Everything a person has: definitions, a Dagster instance, jobs, a place to put documents."""

    settings: Settings
    database: Database
    jobs: JobRepository
    instance: dg.DagsterInstance
    server: DocumentServer
    definitions: dg.Definitions = field(repr=False)

    def submit(self, *urls: str) -> list[JobId]:
        return [each.job.job_id for each in self.jobs.submit([Submission(url=url) for url in urls])]

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        """One tick of `new_invoices`, and what the daemon does first with its answer: adding the keys."""
        result = self.tick_and_crash()
        for request in getattr(result, "dynamic_partitions_requests", None) or ():
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return result

    def tick_and_crash(self) -> Any:
        """One tick whose answer never reaches Dagster."""
        resources = {
            "postgres": PostgresResource(url=_secret(self.settings.postgres_url)),
            "redis": RedisResource(url=_secret(self.settings.redis_url), status_ttl_s=3600),
        }
        with dg.build_sensor_context(instance=self.instance, resources=resources) as context:
            return self.definitions.get_sensor_def("new_invoices")(context)

    def launch(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run of a request, in this process."""
        job = self.definitions.get_job_def("process_invoices")
        return job.execute_in_process(
            instance=self.instance, partition_key=request.partition_key, tags=dict(request.tags), raise_on_error=False
        )

    def process(self) -> list[dg.ExecuteInProcessResult]:
        result = self.tick()
        return [self.launch(request) for request in getattr(result, "run_requests", None) or ()]


def _secret(value: SecretStr | None) -> str:
    assert value is not None
    return value.get_secret_value()


@pytest.fixture
def database_url(postgres_url: str, template_with_dagster: str) -> Iterator[str]:
    """A fresh database with Dagster's tables, dropped afterwards."""
    yield from temporary_database(postgres_url, template=template_with_dagster)


@pytest.fixture
def server() -> Iterator[DocumentServer]:
    with DocumentServer().running() as running:
        yield running


@pytest.fixture
def pipeline(
    database: Database,
    migrated_database_url: str,
    redis_url: str,
    server: DocumentServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Pipeline]:
    from cira_pipeline.definitions import definitions

    for name, value in {
        "CIRA_POSTGRES_URL": migrated_database_url,
        "CIRA_REDIS_URL": redis_url,
        "CIRA_HOME": str(tmp_path),
        "CIRA_FETCH_ALLOWED_HOSTS": "127.0.0.1",
        "CIRA_FETCH_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings(batch_max_jobs=3)
    # As in dagster.yaml.
    retries = {"run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}}
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "dagster"), settings=retries) as instance:
        yield Pipeline(
            settings=settings,
            database=database,
            jobs=JobRepository(database, StatusCache(redis_url, settings.status_ttl_s)),
            instance=instance,
            server=server,
            definitions=definitions(settings),
        )
