"""A run's process is killed while an invoice is in each of the stages: the invoice must end once, and be paid once.

The invoices travel in one run, started by the sensor and the daemon. Each is held in its stage by what the run stands
on: a document server or a model that does not answer, locks in PostgreSQL, pages that take their time.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pytest
from psycopg.rows import dict_row

from assets.specs import STAGES
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JobId, JobStatus, Stage
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.running.conftest import HELD_NUMBER, RunningCira
from tests.running.scan import scanned

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

_LOCK = (4711, 1)


@dataclass(frozen=True)
class Hold:
    """An invoice that gets no further than one point; `is_there` says when its job is known to have come to it."""

    path: str
    number: str
    is_there: Callable[[JobId], bool]
    policy: str = "model_first"


@dataclass(frozen=True)
class Killed:
    hold: Hold
    job_id: JobId
    run_id: str
    at: datetime


@contextmanager
def held_at_the_document(cira: RunningCira) -> Iterator[Hold]:
    path, number = "/killed-document.pdf", "KILL-1001"
    cira.server.serve(path, invoice_pdf(number))
    cira.server.hold(path)
    yield Hold(path, number, lambda _: cira.server.requests[path] == 1)
    cira.server.release(path)


@contextmanager
def busy_reading(cira: RunningCira) -> Iterator[Hold]:
    """Pages that take their time."""
    path, number = "/killed-scan.pdf", "KILL-1002"
    cira.server.serve(path, scanned(invoice_pdf(number), pages=4))
    cira.server.hold(path)
    yield Hold(path, number, lambda job_id: cira.jobs.get(job_id).stage is Stage.OCR_TEXT, policy="offline_only")


@contextmanager
def held_at_the_model(cira: RunningCira) -> Iterator[Hold]:
    path, number = "/killed-question.pdf", HELD_NUMBER
    cira.server.serve(path, invoice_pdf(number))
    cira.server.hold(path)
    yield Hold(path, number, lambda _: cira.model.waiting.is_set())
    cira.model.let_go()


@contextmanager
def held_between_the_answer_and_its_use(cira: RunningCira) -> Iterator[Hold]:
    """PostgreSQL lets the run keep the paid answer, and then not the fields that it makes of it."""
    path, number = "/killed-answer.pdf", "KILL-1003"
    content = invoice_pdf(number)
    cira.server.serve(path, content)
    with psycopg.connect(cira.services.postgres_url, autocommit=True) as locking:
        locking.execute("SELECT pg_advisory_lock(%s, %s)", _LOCK)
        locking.execute(
            f"CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM pg_advisory_xact_lock{_LOCK}; RETURN NEW; END $$; "
            f"CREATE TRIGGER wait_for_test BEFORE INSERT ON cira.extractions FOR EACH ROW "
            f"WHEN (NEW.document_sha256 = '{hashlib.sha256(content).hexdigest()}') EXECUTE FUNCTION wait_for_test()"
        )
        waiting = "SELECT count(*) FROM pg_locks WHERE (classid, objid, objsubid) = (%s, %s, 2) AND NOT granted"
        yield Hold(path, number, lambda _: cira.times_answered(number) == 1 and cira.scalar(waiting, *_LOCK) == 1)


@contextmanager
def held_at_validation(cira: RunningCira) -> Iterator[Hold]:
    """Another process is busy with an invoice of this number."""
    path, number = "/killed-validation.pdf", "KILL-1005"
    cira.server.serve(path, invoice_pdf(number))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND NOT granted"

    def waits_for_its_turn(job_id: JobId) -> bool:
        return cira.jobs.get(job_id).stage is Stage.VALIDATED_RECORD and cira.scalar(waiting) == 1

    with RecordRepository(cira.database).one_at_a_time(Invoice(invoice_number=number)):
        yield Hold(path, number, waits_for_its_turn)


HOLDS = {
    "raw_document": held_at_the_document,
    "ocr_text": busy_reading,
    "extracted_fields, the model asked": held_at_the_model,
    "extracted_fields, the answer paid": held_between_the_answer_and_its_use,
    "validated_record": held_at_validation,
}

# They arrive last, one after the other: a model's answer is not waited for long, and pages end by themselves.
SHORT_HOLDS = ("extracted_fields, the model asked", "ocr_text")


@pytest.fixture(scope="module")
def killed(cira: RunningCira) -> dict[str, Killed]:
    """One run with an invoice in every stage, killed, and all that Dagster does about it by itself."""
    with ExitStack() as holding:
        holds = {name: holding.enter_context(hold(cira)) for name, hold in HOLDS.items()}
        submissions = [Submission(cira.server.url(hold.path), policy=hold.policy) for hold in holds.values()]
        submitted = [each.job.job_id for each in cira.jobs.submit(submissions)]
        jobs = dict(zip(holds, submitted, strict=True))

        def wait_for(*names: str) -> None:
            cira.wait_until(lambda: all(holds[name].is_there(jobs[name]) for name in names), f"held: {names}")

        wait_for(*(name for name in HOLDS if name not in SHORT_HOLDS))
        for name in SHORT_HOLDS:
            cira.server.release(holds[name].path)
            wait_for(name)
        wait_for(*HOLDS)
        (run_id,) = {cira.jobs.get(job_id).run_id for job_id in submitted}
        assert run_id
        at = cira.scalar("SELECT clock_timestamp()")
        os.kill(cira.ui.process_of(run_id), signal.SIGKILL)
    cira.wait_for_end(*submitted)
    return {name: Killed(hold, jobs[name], run_id, at) for name, hold in holds.items()}


@pytest.mark.parametrize("where", list(HOLDS))
def test_an_invoice_whose_run_was_killed_ends_as_one_record(
    cira: RunningCira, killed: dict[str, Killed], where: str
) -> None:
    job_id, dead_run = killed[where].job_id, killed[where].run_id
    job = cira.jobs.get(job_id)
    assert (job.status, job.attempts) == (JobStatus.SUCCEEDED, 2), job
    assert job.run_id != dead_run
    assert cira.ui.run_status(dead_run) == "FAILURE"
    records = "SELECT count(*) FROM cira.records WHERE job_id = %s AND invoice_number = %s"
    assert cira.scalar(records, job_id, killed[where].hold.number) == 1
    for stage in STAGES:
        cira.wait_until(lambda: job_id in cira.ui.partitions(stage)["materialized"], f"Dagster shows {stage}")  # noqa: B023


@pytest.mark.parametrize("where", list(HOLDS))
def test_what_was_done_before_the_kill_is_not_done_again(
    cira: RunningCira, killed: dict[str, Killed], where: str
) -> None:
    hold, job_id, at = killed[where].hold, killed[where].job_id, killed[where].at
    fetched_before = where != "raw_document"
    read_before = where not in ("raw_document", "ocr_text")
    assert cira.server.requests[hold.path] == (1 if fetched_before else 2)
    sha256 = cira.jobs.get(job_id).document_sha256
    with psycopg.connect(cira.services.postgres_url, row_factory=dict_row) as connection:
        (reading,) = connection.execute(
            "SELECT created_at FROM cira.readings WHERE document_sha256 = %s", (sha256,)
        ).fetchall()
    assert (reading["created_at"] < at) is read_before


@pytest.mark.parametrize("where", list(HOLDS))
def test_every_answer_is_paid_once_and_booked_once(cira: RunningCira, killed: dict[str, Killed], where: str) -> None:
    hold, job_id = killed[where].hold, killed[where].job_id
    paid = 0 if where == "ocr_text" else 1
    assert cira.times_answered(hold.number) == paid
    booked = "SELECT coalesce(sum(quantity), 0) FROM cira.cost_entries WHERE job_id = %s AND unit = 'output_token'"
    tokens = {bill.output_tokens for bill in cira.azure.bill}
    assert cira.scalar(booked, job_id) in (tokens if paid else {0})


def test_the_sum_of_the_book_is_the_sum_of_the_bill(cira: RunningCira, killed: dict[str, Killed]) -> None:
    bill = cira.azure.bill
    assert len(bill) == len(cira.model.answered)
    assert set(Counter(cira.model.answered).values()) == {1}, "no question was answered twice"
    booked = "SELECT coalesce(sum(quantity), 0) FROM cira.cost_entries WHERE unit = ANY(%s)"
    assert cira.scalar(booked, ["input_token", "cached_input_token"]) == sum(each.input_tokens for each in bill)
    assert cira.scalar(booked, ["output_token"]) == sum(each.output_tokens for each in bill)


def test_one_poisonous_invoice_takes_none_of_its_neighbours_with_it(cira: RunningCira) -> None:
    """Every run it is in flight in dies, as of a document that takes all memory; its neighbours end all the same."""
    paths = [f"/neighbour-{number}.pdf" for number in range(11)]
    for number, path in enumerate(paths):
        cira.server.serve(path, invoice_pdf(f"NEAR-{number}"))
    poison, in_flight = "/poison.pdf", paths[:4]
    for path in (poison, *in_flight):
        cira.server.serve(path, invoice_pdf(path))
        cira.server.hold(path)
    poisonous, *neighbours = cira.submit(*(cira.server.url(path) for path in (poison, *paths)))

    cira.wait_until(lambda: all(cira.server.requests[path] for path in (poison, *in_flight)), "in flight together")
    for deaths in range(1, 4):
        cira.wait_until(lambda: cira.server.requests[poison] == deaths, f"death {deaths}")  # noqa: B023
        run_id = cira.jobs.get(poisonous).run_id
        assert run_id
        os.kill(cira.ui.process_of(run_id), signal.SIGKILL)
        for path in in_flight:
            cira.server.release(path)
    ended = cira.wait_for_end(poisonous, *neighbours)
    assert [job.status for job in ended] == [JobStatus.FAILED, *[JobStatus.SUCCEEDED] * len(neighbours)]
    assert (ended[0].error_code, ended[0].attempts) == ("run_interrupted", 3)
    assert {job.url: job.attempts for job in ended[1:5]} == {cira.server.url(path): 2 for path in in_flight}
