"""Jobs: submit, follow, list, retry, cancel."""

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
        description="with client and URL it names a job: a request that is sent again makes no new one",
    ),
]


@router.post(
    "",
    status_code=202,
    response_model=SubmittedJobs,
    summary="Submit one or up to 1,000 invoice URLs",
    responses={200: {"model": SubmittedJobs, "description": "All of them were known already"}, **responses(409, 507)},
)
def submit_jobs(
    body: SubmitJobs, services: ServicesOf, key: Submitter, response: Response, idempotency_key: IdempotencyKey = ""
) -> SubmittedJobs:
    """Makes a job of each URL, all or none; they are on disk when the answer comes.

    The same URL from the same client with the same `Idempotency-Key` is the same job, so sending a request again is
    safe. Another key makes a new job of a URL that was submitted before. A job that was known keeps the reference,
    policy, callback and labels it has.
    """
    submissions = _submissions(body.jobs, services.settings, key, idempotency_key)
    if any(each.callback for each in submissions):
        # What could not be signed would never be sent.
        services.signer.demand(key.client)
    return submit_within_quota(services, key, submissions, response)


def submit_within_quota(
    services: Services, key: ApiKey, submissions: Sequence[Submission], response: Response
) -> SubmittedJobs:
    """Counts new jobs against the day's quota; those that were known cost nothing.

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
    summary="Where a job stands",
    responses=responses(404),
)
async def job_status(request: Request, job_id: JobIdInPath) -> Response:
    """Status, stage, timings, verdict, cost so far, and what to do when it failed. Made for being polled."""
    # Without dependencies, which would cost more than all the rest.
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
    cursor: Annotated[str | None, Query(pattern=JOB_ID_PATTERN, description="`next_cursor` of the page before")] = None,
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


@router.post("/{job_id}/retry", response_model=ListedJob, summary="Put a job back", responses=responses(404, 409))
def retry_job(job_id: JobIdInPath, services: ServicesOf, key: Submitter) -> ListedJob:
    """Queues a failed, rejected or waiting job again. What was fetched, read and paid is kept."""
    own_job(services, key, job_id)
    return ListedJob.of(services.jobs.retry(JobId(job_id)))


@router.delete("/{job_id}", response_model=ListedJob, summary="Cancel or erase a job", responses=responses(404, 409))
def cancel_job(
    job_id: JobIdInPath,
    services: ServicesOf,
    key: Submitter,
    erase: Annotated[bool, Query(description="erase what the job has made, too")] = False,
) -> ListedJob:
    """Takes a job back that has not ended; a run stops before its next stage. Twice is once.

    With `erase` the document, its reading, the record, the label, and what a model was asked and answered are deleted;
    a job that had not ended is cancelled first. If a run was at work on it, that is answered with 409 and can be asked
    again when the run has stopped. That there was a job, and what it cost, stays.
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
    """Raises: RequestInvalid naming every URL and callback that cannot be fetched or called, and wrong labels."""
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
    """Only what was given: a field that was left out is not known. Raises: LabelsInvalid and what a value can lack."""
    if given is None:
        return None
    check_bounds({name: getattr(given, name) for name in given.model_fields_set})
    return check_fields(given.model_dump(mode="json", exclude_unset=True), "labels")


def _allowed_url(url: str, settings: Settings) -> str:
    normalised = normalise_url(url)
    scheme = normalised.partition(":")[0]
    if scheme not in settings.api_url_schemes:
        raise UrlSchemeUnsupported(f"URLs with {scheme}: are not taken from clients here", scheme=scheme)
    return normalised
