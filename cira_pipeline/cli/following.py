"""Waiting for jobs at a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cira_pipeline.jobs import JobId
from cira_pipeline.storage.jobs import Job, JobRepository

POLL_S = 0.5


def follow(jobs: JobRepository, job_ids: Sequence[JobId], *, console: Console | None = None) -> list[Job]:
    """Shows how many have ended until all have; answers them in the order given."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Processing", total=len(set(job_ids)))
        waiting = set(job_ids)
        while waiting:
            waiting = {job_id for job_id in waiting if not jobs.status(job_id).status.final}
            progress.update(bar, completed=len(set(job_ids)) - len(waiting))
            if waiting:
                time.sleep(POLL_S)
    return [jobs.get(job_id) for job_id in job_ids]
