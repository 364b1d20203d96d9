"""Whether the demo notices that a job did not end as it had to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JobStatus, new_job_id
from cira_pipeline.models import EngineName, Finding, Record, Severity, Verdict
from cira_pipeline.samples.outcome import Outcome, accuracy_by_kind
from cira_pipeline.samples.sample import ACCEPTED, DAMAGED, READ_BY_OCR, REVIEWED, Ending, Sample

TRUTH = Invoice(invoice_number="RE-1", gross_total=Decimal("119.00"))


def job_of(status: JobStatus, verdict: Verdict | None = None, error_code: str | None = None) -> Job:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return Job.model_validate(
        {
            **dict.fromkeys(Job.model_fields),
            "job_id": new_job_id(),
            "url": "http://127.0.0.1/a.pdf",
            "client": "demo",
            "idempotency_key": "1",
            "source": "demo",
            "status": status,
            "verdict": verdict,
            "error_code": error_code,
            "attempts": 1,
            "planned_before": False,
            "version": 1,
            "submitted_at": now,
            "queued_at": now,
            "updated_at": now,
        }
    )


def outcome_of(ending: Ending, job: Job, invoice: Invoice | None = TRUTH) -> Outcome:
    finding = Finding(rule="CIRA-ARITH-01", severity=Severity.ERROR, message="does not add up")
    record = Record(
        invoice=invoice or Invoice(),
        verdict=job.verdict or Verdict.ACCEPTED,
        findings=(finding,),
        evidence=(),
        engine=EngineName.OFFLINE,
        engines=(EngineName.OFFLINE,),
    )
    sample = Sample("a.pdf", "pdf-text", b"%PDF", TRUTH, ending)
    return Outcome(sample, job, record if invoice is not None else None, Decimal(0), 0.1)


@pytest.mark.parametrize(
    ("ending", "job"),
    [
        (ACCEPTED, job_of(JobStatus.SUCCEEDED, Verdict.ACCEPTED)),
        (REVIEWED, job_of(JobStatus.SUCCEEDED, Verdict.NEEDS_REVIEW)),
        (READ_BY_OCR, job_of(JobStatus.SUCCEEDED, Verdict.NEEDS_REVIEW)),
        (DAMAGED, job_of(JobStatus.REJECTED, None, "document_damaged")),
    ],
)
def test_nothing_is_said_about_jobs_that_ended_as_they_had_to(ending: Ending, job: Job) -> None:
    assert outcome_of(ending, job).complaint is None


@pytest.mark.parametrize(
    ("ending", "job", "said"),
    [
        (ACCEPTED, job_of(JobStatus.FAILED, None, "reading_failed"), "reading_failed"),
        (ACCEPTED, job_of(JobStatus.RUNNING), "running"),
        (ACCEPTED, job_of(JobStatus.SUCCEEDED, Verdict.NEEDS_REVIEW), "CIRA-ARITH-01"),
        (REVIEWED, job_of(JobStatus.SUCCEEDED, Verdict.ACCEPTED), "accepted"),
        (DAMAGED, job_of(JobStatus.SUCCEEDED, Verdict.ACCEPTED), "succeeded"),
        (DAMAGED, job_of(JobStatus.REJECTED, None, "document_empty"), "document_empty"),
    ],
)
def test_a_wrong_ending_is_named_with_what_happened(ending: Ending, job: Job, said: str) -> None:
    complaint = outcome_of(ending, job).complaint
    assert complaint is not None
    assert said in complaint


def test_a_document_without_a_record_counts_as_all_missing() -> None:
    right = outcome_of(ACCEPTED, job_of(JobStatus.SUCCEEDED, Verdict.ACCEPTED))
    lost = outcome_of(ACCEPTED, job_of(JobStatus.FAILED, None, "reading_failed"), invoice=None)
    broken = replace(lost, sample=replace(lost.sample, truth=None))
    board = accuracy_by_kind([right, lost, broken])["pdf-text"]
    assert board.documents == 2
    assert board.header_accuracy == Decimal("0.5")
    assert board.missing.total() == 2
