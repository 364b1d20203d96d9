"""Jobs over files, a processor for them, and a model that knows the answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import text

from cira_pipeline.clock import utc_now
from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.engines import breakers_from_settings
from cira_pipeline.pipeline.processor import Processor
from cira_pipeline.pipeline.resuming import resume_held_jobs
from cira_pipeline.pipeline.stream import StreamEvent, stream
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin, LabelAnswers
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.pipeline.worker import opened


def label(number: str) -> dict[str, str]:
    """What stands on `invoice_pdf(number)`."""
    return {
        "invoice_number": number,
        "issue_date": "2026-03-14",
        "currency": "GBP",
        "supplier_name": "Bellweather Tools Ltd",
        "customer_name": "Harbour Print Works Ltd",
        "net_total": "100.00",
        "tax_total": "20.00",
        "gross_total": "120.00",
    }


@dataclass
class House:
    """Where jobs are submitted and processed. Settings that name a model, unless they are changed."""

    folder: Path
    database: Database
    azure: AzureStandin
    jobs: JobRepository
    given: dict[str, Any]
    closing: ExitStack

    def submit(self, *numbers: str, client: str = "default", model_batch: bool | None = None) -> list[JobId]:
        urls = []
        for number in numbers:
            path = self.folder / f"{number}.pdf"
            path.write_bytes(invoice_pdf(number))
            urls.append(path.as_uri())
        submissions = [Submission(url, client=client, model_batch=model_batch) for url in urls]
        return [each.job.job_id for each in self.jobs.submit(submissions)]

    def settings(self, **given: Any) -> Settings:
        return Settings(_env_file=None, **(self.given | given))

    def processor(self, **given: Any) -> Processor:
        return self.closing.enter_context(opened(self.settings(**given)))

    def process(self, processor: Processor, *job_ids: JobId) -> list[StreamEvent]:
        return list(stream(processor, job_ids, tuple(Stage), run_id="run"))

    def status(self, job_id: JobId) -> JobStatus:
        return self.jobs.get(job_id).status


@pytest.fixture
def house(tmp_path: Path, database: Database, migrated_database_url: str) -> Iterator[House]:
    with AzureStandin(LabelAnswers([label(f"BT-{number}") for number in range(9)])) as azure, ExitStack() as closing:
        given: dict[str, Any] = {
            "home": tmp_path,
            "postgres_url": SecretStr(migrated_database_url),
            "file_roots": (tmp_path,),
            "policy": "model_first",
            "azure_openai_endpoint": azure.endpoint,
            "azure_openai_deployment": "invoices",
            "azure_openai_api_key": SecretStr(azure.api_key),
            "azure_openai_correction_rounds": 0,
            "azure_openai_attempts": 1,
            "breaker_failures": 2,
            "breaker_reset_s": 60,
            "stage_threads": 4,
        }
        yield House(tmp_path, database, azure, JobRepository(database), given, closing)


def resume(house: House, settings: Settings) -> tuple[JobId, ...]:
    breakers = breakers_from_settings(settings)
    return resume_held_jobs(house.jobs, house.database, Budgets(), breakers, utc_now())


def time_has_come(house: House, settings: Settings | None = None) -> None:
    """The waits of all jobs are over, and with `settings` that of the circuit too."""
    if settings is not None and settings.redis_url is not None:
        name = f"azure_openai:{settings.azure_openai_deployment}"
        redis.Redis.from_url(settings.redis_url.get_secret_value()).set(f"cira:breaker:{name}:pybreaker:opened_at", 0)
    with house.database.begin() as connection:
        connection.execute(text("UPDATE cira.jobs SET not_before = now() WHERE not_before IS NOT NULL"))
