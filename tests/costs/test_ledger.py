from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from sqlalchemy import select

from cira_pipeline.costs.ledger import Ledger
from cira_pipeline.costs.prices import PriceList
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.schema.tables import cost_entries
from cira_pipeline.jobs import JobId
from cira_pipeline.models import Usage


@pytest.fixture
def job_ids(database: Database) -> list[JobId]:
    submissions = [Submission(f"https://supplier.example/{number}.pdf") for number in range(2)]
    return [each.job.job_id for each in JobRepository(database, None).submit(submissions)]


def _entries(request_hash: str = "a" * 64):
    usage = Usage(
        provider="azure",
        model="gpt-4.1-mini",
        input_tokens=1_003,
        cached_input_tokens=1,
        output_tokens=7,
        request_hash=request_hash,
    )
    return PriceList.load().price_answer(usage)


def test_the_same_answer_is_booked_once_however_often_it_comes(database: Database, job_ids: list[JobId]) -> None:
    ledger, entries = Ledger(database), _entries()
    for job_id in (job_ids[0], job_ids[0], job_ids[1]):
        ledger.record(job_id, entries)
    assert ledger.total(job_ids[0]) == sum(entry.amount_usd for entry in entries) == Decimal("0.0004121")
    assert ledger.total(job_ids[1]) == 0


def test_nothing_is_rounded_away_between_price_and_book(database: Database, job_ids: list[JobId]) -> None:
    ledger = Ledger(database)
    ledger.record(job_ids[0], _entries())
    with database.begin() as connection:
        rows = connection.execute(select(cost_entries)).all()
    assert {row.unit for row in rows} == {"input_token", "cached_input_token", "output_token"}
    assert all(row.quantity * row.unit_price == row.amount_usd for row in rows)
    assert {row.stage for row in rows} == {"extracted_fields"}


def test_many_workers_booking_the_same_answers_at_once_neither_block_nor_book_twice(
    database: Database, job_ids: list[JobId]
) -> None:
    ledger = Ledger(database)
    entries = [entry for number in range(20) for entry in _entries(f"{number:064x}")]
    workers = [
        threading.Thread(target=ledger.record, args=(job_ids[number % 2], entries if number % 2 else entries[::-1]))
        for number in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert ledger.total(job_ids[0]) + ledger.total(job_ids[1]) == sum(entry.amount_usd for entry in entries)


def test_nothing_spent_is_zero_and_nothing_to_book_is_no_error(database: Database, job_ids: list[JobId]) -> None:
    ledger = Ledger(database)
    ledger.record(job_ids[0], ())
    assert ledger.total(job_ids[0]) == 0
