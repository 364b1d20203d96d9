"""`cira retry`: puts failed or rejected jobs back into the queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from cira_pipeline.cli.named_jobs import each_job
from cira_pipeline.cli.remote import Api, remote
from cira_pipeline.cli.screen import counted
from cira_pipeline.cli.services import connected
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.jobs import JobId, JobStatus

AT_ONCE = 1_000


def retry(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="JOB...", help="The jobs to retry.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failed jobs.")] = False,
    api: Api = None,
) -> None:
    """Put failed or rejected jobs back into the queue; finished stages are kept.

    Exit status 1 if a job could not be retried; the others are retried all the same.
    """
    if not jobs and not failed:
        raise typer.BadParameter("give job ids, or --failed for all failed jobs", param_hint="JOB")
    if api is not None:
        with remote(api) as client:
            known = (job.job_id for job in client.jobs(status=JobStatus.FAILED, page_size=500)) if failed else ()
            queued, refused = each_job([*(jobs or ()), *known], client.retry)
    else:
        with connected() as services:
            wanted = [*(jobs or ()), *(_failed(services.jobs) if failed else ())]
            queued, refused = each_job(wanted, services.jobs.retry)
    typer.echo(f"{counted(queued, 'job')} queued again.")
    if refused:
        raise typer.Exit(1)


def _failed(repository: JobRepository) -> Iterator[JobId]:
    before: JobId | None = None
    while page := repository.list(status=JobStatus.FAILED, limit=AT_ONCE, before=before):
        yield from (job.job_id for job in page)
        before = page[-1].job_id
