"""Routes and models of webhook deliveries, and the message that receivers get."""

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
    """One attempt to deliver a webhook."""

    attempt: int = Field(description="number of the attempt, from 1")
    started_at: datetime
    seconds: float
    http_status: int | None = Field(description="HTTP status of the receiver's response; null: no response")
    error_code: str | None = Field(description="code of the failure (docs/errors.md); null: delivered")


class Delivery(BaseModel):
    """A webhook event of the job and the state of its delivery."""

    event_id: str = Field(
        description="id of the event, sent as `webhook-id` with every attempt",
        examples=["evt_4ddc1d7ad1a84b0d9c1b1b2b7f0e9d51"],
    )
    type: EventType
    status: JobStatus
    verdict: Verdict | None
    error_code: str | None = Field(description="code of the error that ended the job (docs/errors.md)")
    state: Literal["pending", "delivered", "failed"] = Field(description="failed: delivery was given up")
    created_at: datetime
    next_attempt_at: datetime | None = Field(description="null: no further attempt")
    ended_at: datetime | None
    last_failure: str | None = Field(description="code of the last failed attempt")
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
    """Webhook events of a job, newest first; empty for an unfinished job and for a job without a callback."""

    job_id: str
    callback: str | None
    deliveries: list[Delivery]


class WebhookData(BaseModel):
    """Outcome of the job. `version` increases with each change of the job; ignore a message with a lower version."""

    job_id: str
    client_reference: str | None
    status: JobStatus
    verdict: Verdict | None
    error_code: str | None
    version: int


class WebhookMessage(BaseModel):
    """Body of a webhook, signed as in the Standard Webhooks specification; duplicates have the same `webhook-id`."""

    type: EventType
    timestamp: datetime
    data: WebhookData


router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute)
webhook_messages = APIRouter()


@router.get(
    "/{job_id}/deliveries",
    response_model=Deliveries,
    summary="Get the job's webhook events and delivery attempts",
    responses=responses(404),
)
def deliveries(job_id: JobIdInPath, services: ServicesOf, key: Reader) -> Deliveries:
    job = own_job(services, key, job_id)
    return Deliveries(
        job_id=job.job_id,
        callback=job.callback,
        deliveries=[Delivery.of(event) for event in services.webhooks.of_job(job.job_id)],
    )


@webhook_messages.post("job-ended", summary="A job has ended")
def job_ended(body: WebhookMessage) -> None:
    """Sent to the job's `callback` with the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.

    Any 2xx status acknowledges it.
    """
