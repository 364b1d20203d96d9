"""Rows that would be wrong cannot be written, whoever writes them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Verdict
from tests.db.invoices import document, record

_HASH = "a" * 64


@pytest.fixture(scope="module")
def database(postgres_url: str, migrated_template: str) -> Iterator[Database]:
    """One database for all: what these tests write is refused or taken back."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{migrated_template}"')
    database = Database(urlsplit(postgres_url)._replace(path=f"/{name}").geturl())
    yield database
    database.dispose()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def kept_record(database: Database) -> JobId:
    """A finished job with an accepted record."""
    jobs = JobRepository(database)
    job_id = jobs.submit([Submission("https://supplier.example/1.pdf")])[0].job.job_id
    jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
    kept = document()
    DocumentRepository(database, ObjectStore("memory://impossible-rows")).put(kept)
    jobs.document_found(job_id, kept.sha256)
    RecordRepository(database).put(job_id, kept.sha256, record())
    jobs.succeed(job_id, Verdict.ACCEPTED)
    return job_id


@pytest.mark.parametrize(
    "change",
    [
        "job_id = 'inv_01'",
        "url = ''",
        "client = ''",
        "source = 'fax'",
        "policy = 'free'",
        "status = 'done'",
        "status = 'failed', verdict = NULL",
        "status = 'failed', verdict = NULL, error_code = 'x'",
        "error_code = 'x', error_message = 'x', error_hint = 'x'",
        "verdict = NULL",
        "verdict = 'rejected'",
        "verdict = 'perfect'",
        "document_sha256 = NULL",
        f"document_sha256 = '{_HASH}'",
        "batch_id = 'no such batch'",
        "finished_at = NULL",
        "status = 'running', verdict = NULL, finished_at = NULL, started_at = NULL",
        "status = 'queued', verdict = NULL, finished_at = NULL",
        "stage = 'payment'",
        "attempts = -1",
        "version = 0",
    ],
)
def test_no_job_contradicts_itself(database, kept_record, change):
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(text(f"UPDATE cira.jobs SET {change}"))


@pytest.mark.parametrize(
    "change",
    [
        "verdict = 'paid'",
        "engine = 'crystal ball'",
        "engine = 'azure_openai'",
        "currency = 'eur'",
        "currency = '€'",
        "gross_total = 'NaN'",
        "gross_total = 'Infinity'",
        "gross_total = 1e26",
        "net_total = 0.1234567890123",
        # Accepted means that it can be paid from.
        "invoice_number = NULL",
        "issue_date = NULL",
        "currency = NULL",
        "gross_total = NULL",
        "supplier_name = NULL, supplier_vat_id = NULL",
        f"document_sha256 = '{_HASH}'",
    ],
)
def test_no_record_holds_what_cannot_be_paid_from(database, kept_record, change):
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(text(f"UPDATE cira.records SET {change}"))


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("record_lines", "net_amount = 'NaN'"),
        ("record_lines", "position = 0"),
        ("record_taxes", "rate = 1e30"),
        ("record_evidence", "confidence = 1.01"),
        ("record_evidence", "confidence = -0.1"),
        ("record_evidence", "confidence = 'NaN'"),
        ("record_evidence", "page = 0"),
        ("record_evidence", "box_left = NULL, box_top = 1"),
        ("record_evidence", "box_left = 1, box_top = 1, box_right = 2, box_bottom = 2, page = NULL"),
        ("record_findings", "severity = 'fatal'"),
        ("record_findings", "rule = ''"),
        ("documents", "size_bytes = 0"),
        ("documents", "media_type = 'text/html'"),
        ("documents", "page_count = -1"),
    ],
)
def test_no_part_of_a_record_is_out_of_bounds(database, kept_record, table, change):
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(text(f"UPDATE cira.{table} SET {change}"))


def _cost(**values: str) -> str:
    row = {
        "stage": "'extracted_fields'",
        "provider": "'azure'",
        "model": "'gpt-4.1-mini'",
        "unit": "'input_token'",
        "quantity": "1000",
        "unit_price": "0.0000004",
        "amount_usd": "0.0004",
        "price_list": "'2024-05'",
        "dedupe_key": "'k'",
        **values,
    }
    return f"INSERT INTO cira.cost_entries (job_id, {', '.join(row)}) VALUES (:job_id, {', '.join(row.values())})"


@pytest.mark.parametrize(
    "values",
    [
        {"amount_usd": "-0.01"},
        {"amount_usd": "'NaN'"},
        {"quantity": "-1"},
        {"unit_price": "'Infinity'"},
        {"stage": "'lunch'"},
        {"dedupe_key": "NULL"},
    ],
)
def test_no_money_is_booked_that_cannot_have_been_spent(database, kept_record, values):
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(text(_cost(**values)), {"job_id": kept_record})


def test_no_money_is_booked_twice_or_for_an_unknown_job(database, kept_record):
    for second, job_id in ((_cost(), kept_record), (_cost(dedupe_key="'other'"), "inv_" + "0" * 26)):
        with database.engine.connect() as connection:
            connection.execute(text(_cost()), {"job_id": kept_record})
            with pytest.raises(IntegrityError):
                connection.execute(text(second), {"job_id": job_id})


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO cira.model_answers (request_hash, claimed_by, lease_until) VALUES ('no hash', 'me', now())",
        f"INSERT INTO cira.model_answers (request_hash, claimed_by, lease_until, content) "
        f"VALUES ('{_HASH}', 'me', now(), 'half an answer')",
        "INSERT INTO cira.labels (document_sha256, fields, source) VALUES ('x', '{}', 'csv')",
        f"INSERT INTO cira.labels (document_sha256, fields, source) VALUES ('{_HASH}', '[]', 'csv')",
        f"INSERT INTO cira.readings VALUES ('{_HASH}', 'docling', '1', 1, 0, 0, NULL, 1, 'a', 'b')",
        "INSERT INTO cira.batches (batch_id, first_job, last_job, job_count) VALUES ('b', 'x', 'x', 1)",
    ],
)
def test_no_row_stands_without_what_it_is_about(database, statement):
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_job_has_one_chosen_extraction_at_the_most(database, kept_record):
    with database.engine.connect() as connection:
        connection.execute(
            text("""
            INSERT INTO cira.extractions
                (document_sha256, engine, engine_version, input_hash, invoice, evidence, findings, usage, seconds)
            SELECT sha256, 'offline', '1', sha256, '{}', '[]', '[]', '[]', 0 FROM cira.documents
            """)
        )
        two_chosen = text("""
            INSERT INTO cira.job_extractions (job_id, position, extraction_id, chosen, stopped_because)
            SELECT :job_id, number, extraction_id, true, 'done' FROM cira.extractions, generate_series(1, 2) number
        """)
        with pytest.raises(IntegrityError):
            connection.execute(two_chosen, {"job_id": kept_record})


def test_removing_a_document_that_jobs_stand_on_is_refused(database, kept_record):
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(text("DELETE FROM cira.documents"))
