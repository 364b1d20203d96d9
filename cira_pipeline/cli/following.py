"""Progress bar that waits for jobs to end (`cira submit --wait`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cira_pipeline.cli.screen import progress_console
from cira_pipeline.db.jobs.repository import Job, JobRepository
from cira_pipeline.jobs import JobId

POLL_S = 0.5
# The status cache misses changes while Redis is down, so every tenth poll reads PostgreSQL.
POLLS_PER_DATABASE_READ = 10


@contextmanager
def progress(total: int, console: Console | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar, shown on a terminal only; yields a function that adds to the number of ended jobs."""
    shown = console or progress_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bars:
        bar = bars.add_task("Processing", total=total)
        yield lambda ended: bars.update(bar, advance=ended)


def follow(jobs: JobRepository, job_ids: Sequence[JobId], *, console: Console | None = None) -> list[Job]:
    """Waits until all jobs have ended, with a progress bar on a terminal; returns them in the given order."""
    waiting = set(job_ids)
    with progress(len(waiting), console) as ended:
        for at in count(1):
            ask = jobs.get if at % POLLS_PER_DATABASE_READ == 0 else jobs.status
            still = {job_id for job_id in waiting if not ask(job_id).status.final}
            ended(len(waiting) - len(still))
            waiting = still
            if not waiting:
                break
            time.sleep(POLL_S)
    return [jobs.get(job_id) for job_id in job_ids]
