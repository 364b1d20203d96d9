"""`cira retry`: failed and rejected jobs go back into the queue."""

from __future__ import annotations

from typing import Annotated

import typer

from cira_pipeline.cli.services import connected
from cira_pipeline.errors import SubmissionInvalid
from cira_pipeline.jobs import JobId, JobStatus

AT_ONCE = 10_000


def retry(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="JOB...", help="The jobs to retry.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failed jobs.")] = False,
) -> None:
    """Put failed or rejected jobs back into the queue; finished work is kept."""
    with connected() as services:
        wanted = [JobId(job) for job in jobs or ()]
        if failed:
            wanted += [job.job_id for job in services.jobs.list(status=JobStatus.FAILED, limit=AT_ONCE)]
        if not wanted and not failed:
            raise SubmissionInvalid("no job was named; name some, or say --failed")
        for job_id in wanted:
            services.jobs.retry(job_id)
    typer.echo(f"{len(wanted)} jobs are queued again.")
