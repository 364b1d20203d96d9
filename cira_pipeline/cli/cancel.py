"""`cira cancel`: cancels queued or running jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from cira_pipeline.cli.named_jobs import each_job
from cira_pipeline.cli.remote import Api, remote
from cira_pipeline.cli.screen import counted
from cira_pipeline.cli.services import connected


def cancel(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB...", help="Queued or running jobs.")], api: Api = None
) -> None:
    """Cancel queued or running jobs; a running job stops before its next stage.

    Exit status 1 if a job could not be cancelled; the others are cancelled all the same.
    """
    if api is not None:
        with remote(api) as client:
            cancelled, refused = each_job(jobs, client.cancel)
    else:
        with connected() as services:
            cancelled, refused = each_job(jobs, services.jobs.cancel)
    typer.echo(f"{counted(cancelled, 'job')} cancelled.")
    if refused:
        raise typer.Exit(1)
