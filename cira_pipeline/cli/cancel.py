"""`cira cancel`: jobs are taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from cira_pipeline.cli.services import connected
from cira_pipeline.jobs import JobId


def cancel(jobs: Annotated[list[str], typer.Argument(metavar="JOB...", help="Queued or running jobs.")]) -> None:
    """Take queued or running jobs back for good; a running one stops before its next stage."""
    with connected() as services:
        for job in jobs:
            services.jobs.cancel(JobId(job))
    typer.echo(f"{len(jobs)} jobs are cancelled.")
