"""`cira status`: shows the number of jobs by status, and the newest jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from cira_pipeline.api.job_models import JobView, ListedJob
from cira_pipeline.cli.job_table import STATUS_STYLES, job_table
from cira_pipeline.cli.named_jobs import job_id
from cira_pipeline.cli.remote import Api, RemoteJob, remote
from cira_pipeline.cli.screen import screen
from cira_pipeline.cli.services import connected
from cira_pipeline.client import Client
from cira_pipeline.db.jobs.repository import Job, JobRepository
from cira_pipeline.jobs import JobStatus

WATCH_S = 1.0


def status(
    jobs: Annotated[list[str] | None, typer.Argument(metavar="JOB...", help="Only these jobs.")] = None,
    only: Annotated[JobStatus | None, typer.Option("--status", help="Only jobs in this status.")] = None,
    client: Annotated[str | None, typer.Option(help="Only this client's jobs.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Number of newest jobs to show.")] = 20,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every second until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per job and line.")] = False,
    api: Api = None,
) -> None:
    """Show the number of jobs by status, and the newest jobs first. `cira show JOB` shows one job in full."""
    if jobs and (only or client):
        raise typer.BadParameter("give job ids, or filters such as --status, not both", param_hint="JOB")
    if api is not None:
        with remote(api) as service:
            _status_remotely(service, jobs, only, client, limit, watch=watch, as_json=as_json)
        return
    with connected() as services:

        def found() -> Sequence[Job]:
            if jobs:
                return [services.jobs.get(job_id(job)) for job in jobs]
            return services.jobs.list(status=only, client=client, limit=limit)

        def view() -> RenderableType:
            return job_table(found()) if jobs else _view(services.jobs, found(), filtered=bool(only or client))

        if as_json:
            for job in found():
                typer.echo(job.model_dump_json())
            return
        _show(view, watch=watch)


def _status_remotely(
    service: Client,
    jobs: Sequence[str] | None,
    only: JobStatus | None,
    client: str | None,
    limit: int,
    *,
    watch: bool,
    as_json: bool,
) -> None:
    """As `status`, without the counts, which the REST service does not return."""

    def found() -> Sequence[JobView | ListedJob]:
        if jobs:
            return [service.status(job_id(job)) for job in jobs]
        return list(islice(service.jobs(status=only, client=client, page_size=min(limit, 500)), limit))

    def view() -> RenderableType:
        known = [RemoteJob.of(job) for job in found()]
        return job_table(known) if known else Text(_nothing(filtered=bool(only or client)), "dim")

    if as_json:
        for job in found():
            typer.echo(job.model_dump_json())
        return
    _show(view, watch=watch)


def _show(view: Callable[[], RenderableType], *, watch: bool) -> None:
    console = screen()
    if not watch or not console.is_terminal:
        console.print(view())
        return
    with Live(view(), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(WATCH_S)
            live.update(view(), refresh=True)


def _nothing(*, filtered: bool) -> str:
    return "No matching jobs." if filtered else "No jobs yet. Submit one: cira submit URL"


def _view(repository: JobRepository, jobs: Sequence[Job], *, filtered: bool) -> RenderableType:
    counts = repository.counts()
    # Rare statuses are shown only if a job has one.
    shown = [status for status in JobStatus if counts[status] or status in STATUS_STYLES]
    head = Text("  ").join(
        Text(f"{counts[status]:,} {status}", STATUS_STYLES.get(status, "yellow")) for status in shown
    )
    if jobs:
        return Group(head, "", job_table(jobs))
    return Group(head, Text(_nothing(filtered=filtered), "dim"))
