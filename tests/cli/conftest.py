"""The real command, called in this process over the session's real PostgreSQL and Valkey."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cira_pipeline.cli import main
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.errors import SourceNotFound
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Record, Verdict
from tests.db.invoices import document, record

CIRA = Path(sys.executable).with_name("cira")


@dataclass(frozen=True)
class Answer:
    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Cira:
    """`cira(...)` calls the command in this process, `process(...)` starts it as a person would."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str) -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["cira", *arguments])
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self.capture.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    def process(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen([CIRA, *arguments], cwd=self.folder, env={**os.environ}, **options)  # type: ignore[call-overload]


@pytest.fixture
def without_services(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cira:
    for name in [name for name in os.environ if name.startswith("CIRA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CIRA_HOME", str(tmp_path / ".cira"))
    monkeypatch.chdir(tmp_path)
    return Cira(tmp_path, capsys, monkeypatch)


@pytest.fixture
def cira(without_services: Cira, migrated_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Cira:
    monkeypatch.setenv("CIRA_POSTGRES_URL", migrated_database_url)
    monkeypatch.setenv("CIRA_REDIS_URL", redis_url)
    return without_services


@pytest.fixture
def jobs(database: Database) -> JobRepository:
    return JobRepository(database)


@pytest.fixture
def queued(jobs: JobRepository) -> Callable[..., JobId]:
    """Submits an invoice that nobody works on."""

    def submit(name: str = "4711.pdf", client: str = "default") -> JobId:
        [submitted] = jobs.submit([Submission(f"https://supplier.example/{name}", client=client)])
        return submitted.job.job_id

    return submit


@pytest.fixture
def failed(jobs: JobRepository, queued: Callable[..., JobId]) -> Callable[..., JobId]:
    def fail(name: str = "missing.pdf") -> JobId:
        job_id = queued(name)
        jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        jobs.fail(job_id, Stage.RAW_DOCUMENT, SourceNotFound("supplier.example answers 404"))
        return job_id

    return fail


@pytest.fixture
def finished(
    jobs: JobRepository, database: Database, queued: Callable[..., JobId], tmp_path: Path
) -> Callable[..., JobId]:
    """A job that went all the way, with the record given."""
    documents = DocumentRepository(database, ObjectStore(str(tmp_path / "objects")))

    def finish(name: str = "4711.pdf", kept: Record | None = None, client: str = "default") -> JobId:
        job_id = queued(name, client)
        found = document(name.encode())
        documents.put(found)
        jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        jobs.document_found(job_id, found.sha256)
        kept = kept or record()
        RecordRepository(database).put(job_id, found.sha256, kept)
        jobs.succeed(job_id, Verdict(kept.verdict))
        return job_id

    return finish


@pytest.fixture
def spent(database: Database) -> Callable[[JobId, str], None]:
    from sqlalchemy import text

    def spend(job_id: JobId, usd: str) -> None:
        with database.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO cira.cost_entries (job_id, stage, provider, model, unit, quantity, unit_price, "
                    "amount_usd, price_list, dedupe_key) VALUES (:job_id, 'extracted_fields', 'azure', 'gpt-4.1-mini', "
                    "'input_token', 1, :usd, :usd, 'test', :job_id || :usd)"
                ),
                {"job_id": job_id, "usd": Decimal(usd)},
            )

    return spend
