"""Routes for jobs: submit, status, list, retry, cancel and erase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query, Request, Response

from cira_pipeline.api.access import demand
from cira_pipeline.api.caller import (
    JobIdInPath,
    Reader,
    ServicesOf,
    Submitter,
    client_filter,
    own_job,
    sees,
    services_of,
)
from cira_pipeline.api.confirmation import check_bounds
from cira_pipeline.api.job_models import (
    JobPage,
    JobRequest,
    JobView,
    ListedJob,
    PageSize,
    SubmitJobs,
    SubmittedJobs,
    submitted,
)
from cira_pipeline.api.known_parameters import StrictRoute
from cira_pipeline.api.problem_models import FieldProblem
from cira_pipeline.api.problems import responses
from cira_pipeline.api.services import Services
from cira_pipeline.db.access.api_keys import ApiKey, Scope
from cira_pipeline.db.disk_space import disk_space
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import CiraError, JobNotFound, RequestInvalid, UrlSchemeUnsupported
from cira_pipeline.evaluation.labels import check_fields
from cira_pipeline.intake.url import normalise_url
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JOB_ID_PATTERN, JobId, JobStatus
from cira_pipeline.models import Verdict
from cira_pipeline.settings import Settings
from cira_pipeline.webhooks.callback import checked_callback

T = TypeVar("T")

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute)

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        pattern=r"^[\x20-\x7e]*$",
        description="identifies a job together with client and URL, so that a repeated request creates no new job",
    ),
]


@router.post(
    "",
    status_code=202,
    response_model=SubmittedJobs,
    summary="Submit one or up to 1,000 invoice URLs",
    responses={200: {"model": SubmittedJobs, "description": "All jobs were already submitted"}, **responses(409, 507)},
)
def submit_jobs(
    body: SubmitJobs, services: ServicesOf, key: Submitter, response: Response, idempotency_key: IdempotencyKey = ""
) -> SubmittedJobs:
    """Creates a job for each URL, all or none; they are durable before the response is sent.

    The same URL from the same client with the same `Idempotency-Key` is the same job, so repeating a request is safe.
    A different key creates a new job for a known URL. An existing job keeps its reference, policy, callback and labels.
    """
    submissions = _submissions(body.jobs, services.settings, key, idempotency_key)
    if any(each.callback for each in submissions):
        # Without a signing secret no webhook could be sent.
        services.signer.demand(key.client)
    return submit_within_quota(services, key, submissions, response)


def submit_within_quota(
    services: Services, key: ApiKey, submissions: Sequence[Submission], response: Response
) -> SubmittedJobs:
    """Submits jobs within the key's daily quota, which only new jobs count against.

    Raises: QuotaExhausted, DiskFull.
    """
    disk_space(services.settings).demand()
    wanted = len({submission.url for submission in submissions})
    quota = services.keys.take_quota(key, wanted)
    created = 0
    try:
        answers = services.jobs.submit(submissions)
        created = sum(each.created for each in answers)
    finally:
        services.keys.give_back(key, wanted - created)
    response.status_code = 202 if created else 200
    response.headers["Quota-Limit"] = str(quota.limit)
    response.headers["Quota-Remaining"] = str(quota.limit - quota.used + wanted - created)
    return SubmittedJobs(created=created, jobs=[submitted(each.job, created=each.created) for each in answers])


@router.get(
    "/{job_id}",
    response_model=JobView,
    summary="Get the state of a job",
    responses=responses(404),
)
async def job_status(request: Request, job_id: JobIdInPath) -> Response:
    """Status, stage, timings, verdict, cost and error. Fast enough for frequent polling."""
    # No FastAPI dependencies: they would take longer than the rest of the request.
    services, key = services_of(request), request.scope["cira.key"]
    demand(key, Scope.READ)
    entry = request.scope["cira.status_entry"]
    source = "redis"
    if entry is None:
        source = "postgresql"
        entry = await services.statuses.read(JobId(job_id))
    services.metrics.status_from.labels(source).inc()
    if not sees(key, entry.client):
        raise JobNotFound(f"there is no job {job_id}", job_id=job_id)
    return Response(JobView.of(entry).model_dump_json(), media_type="application/json")


@router.get("", response_model=JobPage, summary="List jobs", responses=responses())
def list_jobs(
    services: ServicesOf,
    key: Reader,
    status: Annotated[JobStatus | None, Query()] = None,
    verdict: Annotated[Verdict | None, Query()] = None,
    client_reference: Annotated[str | None, Query(max_length=500)] = None,
    client: Annotated[str | None, Query(max_length=200, description="for keys with the scope admin")] = None,
    cursor: Annotated[
        str | None, Query(pattern=JOB_ID_PATTERN, description="`next_cursor` of the previous page")
    ] = None,
    limit: Annotated[PageSize, Query()] = 50,
) -> JobPage:
    """The client's jobs, newest first."""
    found = services.jobs.list(
        status=status,
        verdict=verdict,
        client_reference=client_reference,
        client=client_filter(key, client),
        limit=limit + 1,
        before=JobId(cursor) if cursor else None,
    )
    page = found[:limit]
    return JobPage(
        jobs=[ListedJob.of(job) for job in page],
        next_cursor=page[-1].job_id if len(found) > limit else None,
    )


@router.post("/{job_id}/retry", response_model=ListedJob, summary="Retry a job", responses=responses(404, 409))
def retry_job(job_id: JobIdInPath, services: ServicesOf, key: Submitter) -> ListedJob:
    """Puts a failed, rejected or waiting job back into the queue. Finished stages and paid answers are kept."""
    own_job(services, key, job_id)
    return ListedJob.of(services.jobs.retry(JobId(job_id)))


@router.delete("/{job_id}", response_model=ListedJob, summary="Cancel or erase a job", responses=responses(404, 409))
def cancel_job(
    job_id: JobIdInPath,
    services: ServicesOf,
    key: Submitter,
    erase: Annotated[bool, Query(description="also erase the job's data")] = False,
) -> ListedJob:
    """Cancels an unfinished job; its run stops before the next stage. Repeating the request is safe.

    With `erase`, the document, its reading, the record, the label and the model's questions and answers are deleted; an
    unfinished job is cancelled first. While a run is working on the job, the response is 409: repeat the request when
    the run has stopped. The job's row and its cost are kept.
    """
    job = own_job(services, key, job_id)
    if not (erase and job.status.final):
        job = services.jobs.cancel(job.job_id)
    if erase:
        services.erasure.erase(job.job_id)
        job = services.jobs.get(job.job_id)
    return ListedJob.of(job)


def _submissions(
    wanted: Sequence[JobRequest], settings: Settings, key: ApiKey, idempotency_key: str
) -> list[Submission]:
    """The submissions. Raises: RequestInvalid, which lists every invalid URL, callback and label."""
    submissions: list[Submission] = []
    wrong: list[FieldProblem] = []

    def part(index: int, name: str, check: Callable[[], T]) -> T | None:
        try:
            return check()
        except CiraError as error:
            wrong.append(FieldProblem(pointer=f"/jobs/{index}/{name}", detail=f"{error.message} [{error.code}]"))
            return None

    for index, each in enumerate(wanted):
        url = part(index, "url", partial(_allowed_url, each.url, settings))
        callback = part(index, "callback", partial(_callback, each.callback, settings))
        labels = part(index, "labels", partial(_labels, each.labels))
        submissions.append(
            Submission(
                url=url or "",
                client=key.client,
                idempotency_key=idempotency_key,
                client_reference=each.client_reference,
                policy=each.policy,
                model_batch=each.model_batch,
                source="api",
                callback=callback,
                labels=labels,
            )
        )
    if wrong:
        jobs = len({each.pointer.split("/")[2] for each in wrong})
        raise RequestInvalid(f"{jobs} of {len(wanted)} jobs cannot be submitted", wrong=wrong[:100])
    return submissions


def _callback(url: str | None, settings: Settings) -> str | None:
    return None if url is None else checked_callback(url, settings)


def _labels(given: Invoice | None) -> dict[str, Any] | None:
    """The given fields only; an omitted field is unknown. Raises: LabelsInvalid, RequestInvalid, ValueNotStorable."""
    if given is None:
        return None
    check_bounds({name: getattr(given, name) for name in given.model_fields_set})
    return check_fields(given.model_dump(mode="json", exclude_unset=True), "labels")


def _allowed_url(url: str, settings: Settings) -> str:
    normalised = normalise_url(url)
    scheme = normalised.partition(":")[0]
    if scheme not in settings.api_url_schemes:
        raise UrlSchemeUnsupported(f"clients may not submit URLs with {scheme}: to this service", scheme=scheme)
    return normalised
