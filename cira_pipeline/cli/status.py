"""`cira status`: how many jobs are where, and the newest ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cira_pipeline.cli.services import connected
from cira_pipeline.jobs import JobId, JobStatus
from cira_pipeline.storage.jobs import Job, JobRepository

STATUS_STYLES = {
    JobStatus.QUEUED: "dim",
    JobStatus.RUNNING: "cyan",
    JobStatus.SUCCEEDED: "green",
    JobStatus.FAILED: "red",
    JobStatus.REJECTED: "magenta",
    JobStatus.CANCELLED: "dim",
}
WATCH_S = 1.0


def status(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="JOB...", help="Only these jobs.")] = None,
    only: Annotated[JobStatus | None, typer.Option("--status", help="Only jobs in this status.")] = None,
    client: Annotated[str | None, typer.Option(help="Only this client's jobs.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it on the screen until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a job and line.")] = False,
) -> None:
    """How many jobs are where, and the newest ones."""
    with connected() as services:

        def found() -> Sequence[Job]:
            if jobs:
                return [services.jobs.get(JobId(job)) for job in jobs]
            return services.jobs.list(status=only, client=client, limit=limit)

        if as_json:
            for job in found():
                typer.echo(job.model_dump_json())
            return
        if not watch:
            Console().print(_view(services.jobs, found()))
            return
        with Live(_view(services.jobs, found()), refresh_per_second=4) as live:
            while True:
                time.sleep(WATCH_S)
                live.update(_view(services.jobs, found()))


def _view(repository: JobRepository, jobs: Sequence[Job]) -> Group:
    counts = repository.counts()
    head = Text("  ").join(Text(f"{counts[status]} {status}", STATUS_STYLES[status]) for status in JobStatus)
    if not jobs:
        return Group(head, Text("No jobs yet. Submit one: cira submit URL", "dim") if not any(counts.values()) else "")
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="dim")
    for column in ("job", "status", "stage or error", "verdict", "submitted", "url"):
        table.add_column(column, no_wrap=column != "url", overflow="fold")
    for job in jobs:
        table.add_row(
            job.job_id,
            Text(job.status.value, STATUS_STYLES[job.status]),
            job.error_code or (job.stage.value if job.stage and not job.status.final else ""),
            job.verdict.value if job.verdict else "",
            f"{job.submitted_at:%Y-%m-%d %H:%M:%S}",
            Text(job.url),
        )
    return Group(head, "", table)
