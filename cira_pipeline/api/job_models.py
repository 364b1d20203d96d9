"""Request and response models of the job routes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..errors import leaves
from ..invoice import Amount, Invoice
from ..jobs import JobStatus, Policy, Stage
from ..models import Verdict

if TYPE_CHECKING:
    # The Python client uses these models too, and must not import the database.
    from cira_pipeline.db.jobs.repository import Job
    from cira_pipeline.db.jobs.status_cache import JobStatusEntry

MAX_JOBS_A_REQUEST = 1_000
MAX_REFERENCE_CHARS = 500
MAX_CALLBACK_CHARS = 2_048
_RETRYABLE = {each.code: each.retryable for each in leaves()}
_EXAMPLE_ID = "inv_01jdj5hx4fhk1n2x5vd8sbxy3m"

Callback = Annotated[str, Field(min_length=1, max_length=MAX_CALLBACK_CHARS, json_schema_extra={"format": "uri"})]


class JobRequest(BaseModel):
    """An invoice URL to submit, with options."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=8192,
        json_schema_extra={"format": "uri"},
        description="URL of the invoice",
        examples=["https://supplier.example/invoices/4711.pdf"],
    )
    client_reference: str | None = Field(
        None, max_length=MAX_REFERENCE_CHARS, description="the client's own reference", examples=["order 2026-118"]
    )
    policy: Policy | None = Field(None, description="which engines may run; default: as configured")
    model_batch: bool | None = Field(
        None,
        description="true: questions to the model may wait, usually up to a day, for a batch at half the price; "
        "default: as configured. Meanwhile `status` is `waiting` and `error.code` is `answer_in_batch`",
    )
    callback: Callback | None = Field(
        None,
        description="https: URL that a signed webhook is sent to when the job ends (docs/api.md, webhooks)",
        examples=["https://client.example/hooks/cira"],
    )
    labels: Invoice | None = Field(
        None,
        description="ground truth for the document, at least one header field; `null`: the document has no such field. "
        "Records are measured against it, never filled from it",
        examples=[{"invoice_number": "RE-2024/007", "gross_total": "119.00"}],
    )


class SubmitJobs(BaseModel):
    """One or more jobs to submit."""

    model_config = ConfigDict(extra="forbid")

    jobs: list[JobRequest] = Field(min_length=1, max_length=MAX_JOBS_A_REQUEST)


class JobProblem(BaseModel):
    """The error that a job failed with, was rejected for, or waits for; docs/errors.md lists all codes."""

    code: str = Field(examples=["source_not_found"])
    message: str
    hint: str = Field(description="what to do about it")
    retryable: bool = Field(description="a retry can help although nothing is changed")


class JobLinks(BaseModel):
    """Paths of related resources."""

    self: str
    invoice: str
    document: str
    deliveries: str


class JobView(BaseModel):
    """The state of a job."""

    job_id: str = Field(examples=[_EXAMPLE_ID])
    client: str
    client_reference: str | None
    status: JobStatus
    stage: Stage | None = Field(description="current or last stage")
    verdict: Verdict | None = Field(description="verdict of the record, if there is one")
    error: JobProblem | None
    attempts: int
    cost_usd: Amount = Field(description="USD spent on the job at its last change", examples=["0.0016"])
    document_sha256: str | None
    submitted_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    waited_s: float | None = Field(description="seconds from queueing to the start of the last attempt")
    processing_s: float | None = Field(description="seconds from the start of the last attempt to its end")
    links: JobLinks

    @classmethod
    def of(cls, entry: JobStatusEntry) -> JobView:
        return cls(
            job_id=entry.job_id,
            client=entry.client,
            client_reference=entry.client_reference,
            status=entry.status,
            stage=entry.stage,
            verdict=entry.verdict,
            error=_problem(entry.error_code, entry.error_message, entry.error_hint),
            attempts=entry.attempts,
            cost_usd=entry.cost_usd,
            document_sha256=entry.document_sha256,
            submitted_at=entry.submitted_at,
            queued_at=entry.queued_at,
            started_at=entry.started_at,
            finished_at=entry.finished_at,
            updated_at=entry.updated_at,
            waited_s=_seconds(entry.queued_at, entry.started_at),
            processing_s=_seconds(entry.started_at, entry.finished_at),
            links=_links(entry.job_id),
        )


class SubmittedJob(BaseModel):
    """A submitted job, new or already known."""

    job_id: str = Field(examples=[_EXAMPLE_ID])
    created: bool = Field(description="false: the URL was already submitted with this idempotency key")
    status: JobStatus
    url: str = Field(description="the normalised URL")
    client_reference: str | None
    links: JobLinks


class SubmittedJobs(BaseModel):
    """The submitted jobs, in the order of the request; all are stored durably."""

    created: int = Field(description="number of new jobs")
    jobs: list[SubmittedJob]


class ListedJob(BaseModel):
    """A job in a list."""

    job_id: str = Field(examples=[_EXAMPLE_ID])
    client: str
    client_reference: str | None
    url: str
    source: str
    policy: Policy | None
    callback: str | None = Field(description="URL that a webhook is sent to when the job ends")
    status: JobStatus
    stage: Stage | None
    verdict: Verdict | None
    error: JobProblem | None
    attempts: int
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: JobLinks

    @classmethod
    def of(cls, job: Job) -> ListedJob:
        return cls(
            **job.model_dump(include=set(cls.model_fields)),
            error=_problem(job.error_code, job.error_message, job.error_hint),
            links=_links(job.job_id),
        )


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[ListedJob]
    next_cursor: str | None = Field(description="value of `cursor` for the next page; null on the last page")


PageSize = Annotated[int, Field(ge=1, le=500)]


def submitted(job: Job, *, created: bool) -> SubmittedJob:
    """The response model of a submitted job."""
    return SubmittedJob(
        job_id=job.job_id,
        created=created,
        status=job.status,
        url=job.url,
        client_reference=job.client_reference,
        links=_links(job.job_id),
    )


def _links(job_id: str) -> JobLinks:
    invoice = f"/v1/invoices/{job_id}"
    job = f"/v1/jobs/{job_id}"
    return JobLinks(self=job, invoice=invoice, document=f"{invoice}/document", deliveries=f"{job}/deliveries")


def _problem(code: str | None, message: str | None, hint: str | None) -> JobProblem | None:
    if code is None:
        return None
    return JobProblem(code=code, message=message or "", hint=hint or "", retryable=_RETRYABLE.get(code, False))


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return round((end - start).total_seconds(), 3)
