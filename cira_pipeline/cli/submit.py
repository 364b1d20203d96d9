"""`cira submit`: URLs, paths or a manifest become jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cira_pipeline.cli.following import follow
from cira_pipeline.cli.services import connected
from cira_pipeline.errors import SubmissionInvalid
from cira_pipeline.intake.manifest import read_manifest
from cira_pipeline.intake.url import normalise_url
from cira_pipeline.jobs import JobStatus
from cira_pipeline.settings import Policy
from cira_pipeline.storage.jobs import Submission, Submitted


def submit(
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL...", help="Invoice URLs, or paths of files.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="CSV file with a column `url`.")] = None,
    client: Annotated[str, typer.Option(help="Who submits.")] = "default",
    idempotency_key: Annotated[str, typer.Option(help="Another key makes a new job of a known URL.")] = "",
    reference: Annotated[str | None, typer.Option(help="Your own reference, kept with the job.")] = None,
    policy: Annotated[Policy | None, typer.Option(help="Engines to use; as configured if not given.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; exit status 1 when a job failed.")] = False,
) -> None:
    """Submit invoice URLs, or a CSV manifest of them. The same URL twice is the same job."""
    submissions = _submissions(urls or [], manifest, client, idempotency_key, reference, policy)
    with connected() as services:
        submitted = services.jobs.submit(submissions)
        Console().print(_table(submitted))
        if not wait:
            return
        ended = follow(services.jobs, [each.job.job_id for each in submitted])
    failed = [job for job in ended if job.status is not JobStatus.SUCCEEDED]
    for job in failed:
        typer.secho(f"{job.job_id} {job.status}: {job.error_message} [{job.error_code}]", err=True, fg="red")
    if failed:
        raise typer.Exit(1)


def _submissions(
    urls: Sequence[str],
    manifest: Path | None,
    client: str,
    idempotency_key: str,
    reference: str | None,
    policy: Policy | None,
) -> list[Submission]:
    given = [
        Submission(
            url=normalise_url(_as_url(url)),
            client=client,
            idempotency_key=idempotency_key,
            client_reference=reference,
            policy=policy.value if policy else None,
            source="cli",
        )
        for url in urls
    ]
    listed = read_manifest(manifest, client=client) if manifest else []
    if not given and not listed:
        raise SubmissionInvalid("nothing to submit: no URL was given, and no manifest with lines")
    return given + listed


def _as_url(given: str) -> str:
    """A path of an existing file is what people type first; it becomes the file's URL."""
    if "://" not in given and Path(given).is_file():
        return Path(given).absolute().as_uri()
    return given


def _table(submitted: Sequence[Submitted]) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="dim")
    for column in ("job", "status", "", "url"):
        table.add_column(column, overflow="fold" if column == "url" else "ellipsis", no_wrap=column != "url")
    for each in submitted:
        table.add_row(each.job.job_id, each.job.status.value, "new" if each.created else "known", each.job.url)
    return table
