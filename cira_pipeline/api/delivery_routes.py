"""How the news of a job's end was delivered to its callback."""

from __future__ import annotations

from fastapi import APIRouter

from cira_pipeline.api.caller import JobIdInPath, Reader, ServicesOf, own_job
from cira_pipeline.api.delivery_models import Deliveries, Delivery, WebhookMessage
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problems import responses

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
