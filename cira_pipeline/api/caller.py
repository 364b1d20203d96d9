"""Route dependencies for authorisation: the authenticated API key, the required scope, and the visible jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from cira_pipeline.api.access import demand
from cira_pipeline.api.services import Services
from cira_pipeline.db.access.api_keys import ApiKey, Scope
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.errors import JobNotFound
from cira_pipeline.jobs import JOB_ID_PATTERN, JobId


def services_of(request: Request) -> Services:
    """The services of the application that handles `request`."""
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - set once by create_app
    return services


def _key(scope: Scope) -> object:
    # Asynchronous, so that it does not occupy a thread of the pool.
    async def key(request: Request) -> ApiKey:
        found: ApiKey = request.scope["cira.key"]
        demand(found, scope)
        return found

    return key


ServicesOf = Annotated[Services, Depends(services_of)]
Submitter = Annotated[ApiKey, Depends(_key(Scope.SUBMIT))]
Reader = Annotated[ApiKey, Depends(_key(Scope.READ))]
Reviewer = Annotated[ApiKey, Depends(_key(Scope.REVIEW))]
Admin = Annotated[ApiKey, Depends(_key(Scope.ADMIN))]

JobIdInPath = Annotated[
    str, Path(pattern=JOB_ID_PATTERN, description="id of the job", examples=["inv_01jdj5hx4fhk1n2x5vd8sbxy3m"])
]


def sees(key: ApiKey, client: str) -> bool:
    """Whether the key may read jobs of `client`: its own client's, or all with the scope admin."""
    return key.client == client or Scope.ADMIN in key.scopes


def client_filter(key: ApiKey, wanted: str | None = None) -> str | None:
    """The client to filter lists by: the key's client; with the scope admin `wanted`, or `None` for all clients."""
    return wanted if Scope.ADMIN in key.scopes else key.client


def own_job(services: Services, key: ApiKey, job_id: str) -> Job:
    """The job. Raises: JobNotFound, also for another client's job, so that its existence is not disclosed."""
    job = services.jobs.get(JobId(job_id))
    if not sees(key, job.client):
        raise JobNotFound(f"there is no job {job_id}", job_id=job_id)
    return job
