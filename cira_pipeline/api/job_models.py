"""What goes in and out about jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..errors import leaves
from ..invoice import Amount, Invoice
from ..jobs import JobStatus, Policy, Stage
from ..models import Verdict

if TYPE_CHECKING:
    # The client speaks these models too, and needs no database for it.
    from cira_pipeline.db.jobs.repository import Job
    from cira_pipeline.db.jobs.status_cache import JobStatusEntry

MAX_JOBS_A_REQUEST = 1_000
MAX_REFERENCE_CHARS = 500
MAX_CALLBACK_CHARS = 2_048
_RETRYABLE = {each.code: each.retryable for each in leaves()}
_EXAMPLE_ID = "inv_01jdj5hx4fhk1n2x5vd8sbxy3m"

Callback = Annotated[str, Field(min_length=1, max_length=MAX_CALLBACK_CHARS, json_schema_extra={"format": "uri"})]


class JobRequest(BaseModel):
    """One invoice URL."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=8192,
        json_schema_extra={"format": "uri"},
        description="where the invoice is",
        examples=["https://supplier.example/invoices/4711.pdf"],
    )
    client_reference: str | None = Field(
        None, max_length=MAX_REFERENCE_CHARS, description="your own reference", examples=["order 2026-118"]
    )
    policy: Policy | None = Field(None, description="which engines may run; as configured if not given")
    model_batch: bool | None = Field(
        None,
        description="its questions to the model may wait, a day as a rule, for a batch at half the price; as "
        "configured if not given. While it waits, `status` is `waiting` and `error.code` `answer_in_batch`",
    )
    callback: Callback | None = Field(
        None,
        description="https: URL that is told how the job ended, signed (docs/api.md, webhooks)",
        examples=["https://client.example/hooks/cira"],
    )
    labels: Invoice | None = Field(
        None,
        description="what is known to be right, at least one header field; `null` says that the document has no such "
        "field. Records are measured against it, never filled from it",
        examples=[{"invoice_number": "RE-2024/007", "gross_total": "119.00"}],
    )


class SubmitJobs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    jobs: list[JobRequest] = Field(min_length=1, max_length=MAX_JOBS_A_REQUEST)


class JobProblem(BaseModel):
    """Why a job failed, was rejected or waits; docs/errors.md lists all codes."""

    code: str = Field(examples=["source_not_found"])
    message: str
    hint: str = Field(description="what to do")
    retryable: bool = Field(description="trying again can help without anything being changed")


class JobLinks(BaseModel):
    self: str
    invoice: str
    document: str
    deliveries: str


class JobView(BaseModel):
    """Where a job stands."""

    job_id: str = Field(examples=[_EXAMPLE_ID])
    client: str
    client_reference: str | None
    status: JobStatus
    stage: Stage | None = Field(description="the stage it is in or ended in")
    verdict: Verdict | None = Field(description="the record's, once there is one")
    error: JobProblem | None
    attempts: int
    cost_usd: Amount = Field(description="USD spent on it when it last changed", examples=["0.0016"])
    document_sha256: str | None
    submitted_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    waited_s: float | None = Field(description="seconds from the queue to the start of the last attempt")
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
    job_id: str = Field(examples=[_EXAMPLE_ID])
    created: bool = Field(description="false: the same URL was submitted before under the same idempotency key")
    status: JobStatus
    url: str = Field(description="as it is stored, in its one spelling")
    client_reference: str | None
    links: JobLinks


class SubmittedJobs(BaseModel):
    """In the order of the request. All of them are on disk."""

    created: int = Field(description="how many jobs are new")
    jobs: list[SubmittedJob]


class ListedJob(BaseModel):
    """A job as lists show it."""

    job_id: str = Field(examples=[_EXAMPLE_ID])
    client: str
    client_reference: str | None
    url: str
    source: str
    policy: Policy | None
    callback: str | None = Field(description="the URL that is told how the job ended")
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
    """Newest first."""

    jobs: list[ListedJob]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null on the last one")


PageSize = Annotated[int, Field(ge=1, le=500)]


def submitted(job: Job, *, created: bool) -> SubmittedJob:
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
