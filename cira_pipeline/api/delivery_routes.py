"""What goes out about webhooks, and what goes to their receivers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cira_pipeline.api.caller import JobIdInPath, Reader, ServicesOf, own_job
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses
from cira_pipeline.jobs import JobStatus
from cira_pipeline.models import Verdict

if TYPE_CHECKING:
    from cira_pipeline.db.webhooks import WebhookEvent

EventType = Literal["job.succeeded", "job.failed", "job.rejected", "job.cancelled"]


class DeliveryAttempt(BaseModel):
    attempt: int = Field(description="from 1")
    started_at: datetime
    seconds: float
    http_status: int | None = Field(description="what the receiver answered; null: nothing")
    error_code: str | None = Field(description="why it failed (docs/errors.md); null: delivered")


class Delivery(BaseModel):
    """One end of the job, and how the news of it was delivered."""

    event_id: str = Field(
        description="`webhook-id` of every attempt", examples=["evt_4ddc1d7ad1a84b0d9c1b1b2b7f0e9d51"]
    )
    type: EventType
    status: JobStatus
    verdict: Verdict | None
    error_code: str | None = Field(description="why the job failed or was rejected")
    state: Literal["pending", "delivered", "failed"] = Field(description="failed: given up")
    created_at: datetime
    next_attempt_at: datetime | None = Field(description="null: none is due any more")
    ended_at: datetime | None
    last_failure: str | None = Field(description="code of the last attempt that failed")
    attempts: list[DeliveryAttempt]

    @classmethod
    def of(cls, event: WebhookEvent) -> Delivery:
        return cls.model_validate(
            {
                **vars(event),
                "type": f"job.{event.status}",
                "next_attempt_at": event.next_attempt_at if event.state == "pending" else None,
                "attempts": [vars(each) for each in event.attempts],
            }
        )


class Deliveries(BaseModel):
    """Newest first; empty while the job has not ended, and for a job without a callback."""

    job_id: str
    callback: str | None
    deliveries: list[Delivery]


class WebhookData(BaseModel):
    """`version` grows with the job: a lower one that comes later is older news."""

    job_id: str
    client_reference: str | None
    status: JobStatus
    verdict: Verdict | None
    error_code: str | None
    version: int


class WebhookMessage(BaseModel):
    """What a callback receives, signed by the Standard Webhooks specification. At least once: `webhook-id` tells."""

    type: EventType
    timestamp: datetime
    data: WebhookData


# How the news of a job's end was delivered to its callback.

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute)
told = APIRouter()


@router.get(
    "/{job_id}/deliveries",
    response_model=Deliveries,
    summary="What the job's callback was told, and every attempt at it",
    responses=responses(404),
)
def deliveries(job_id: JobIdInPath, services: ServicesOf, key: Reader) -> Deliveries:
    job = own_job(services, key, job_id)
    return Deliveries(
        job_id=job.job_id,
        callback=job.callback,
        deliveries=[Delivery.of(event) for event in services.webhooks.of_job(job.job_id)],
    )


@told.post("job-ended", summary="A job has ended")
def job_ended(body: WebhookMessage) -> None:
    """Sent to the job's `callback` with `webhook-id`, `webhook-timestamp` and `webhook-signature`; any 2xx takes it."""
