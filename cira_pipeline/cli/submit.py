"""`cira submit`: URLs, paths or a manifest become jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cira_pipeline.cli.following import follow
from cira_pipeline.cli.job_table import job_table, url_text
from cira_pipeline.cli.screen import columns, counted, screen
from cira_pipeline.cli.services import connected
from cira_pipeline.errors import SourceNotFound, UrlInvalid
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
    batch: Annotated[
        bool | None, typer.Option("--batch/--no-batch", help="Let questions to the model wait for a cheaper batch.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; exit status 1 when a job failed.")] = False,
) -> None:
    """Submit invoice URLs, or a CSV manifest of them. The same URL twice is the same job."""
    if not urls and manifest is None:
        raise typer.BadParameter("give a URL, the path of a file, or --manifest", param_hint="URL")
    submissions = [
        replace(each, model_batch=batch)
        for each in _submissions(urls or [], manifest, client, idempotency_key, reference, policy)
    ]
    with connected() as services:
        if batch and not services.settings.batches_configured:
            typer.echo("No deployment for batches is configured here (CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT).", err=True)
        submitted = services.jobs.submit(submissions)
        new = sum(each.created for each in submitted)
        if not wait:
            screen().print(_table(submitted))
            typer.echo(f"{counted(new, 'new job')}, {len(submitted) - new:,} known before.", err=True)
            return
        typer.echo(f"Waiting for {counted(len(submitted), 'job')}; Ctrl-C stops waiting, not the work.", err=True)
        ended = follow(services.jobs, [each.job.job_id for each in submitted])
    screen().print(job_table(ended))
    if not all(job.status is JobStatus.SUCCEEDED for job in ended):
        for job in ended:
            if job.error_code:
                typer.secho(f"{job.job_id}: {job.error_message} [{job.error_code}]", err=True, fg="red")
                typer.secho(f"  {job.error_hint}", err=True)
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
            url=_url(url),
            client=client,
            idempotency_key=idempotency_key,
            client_reference=reference,
            policy=policy.value if policy else None,
            source="cli",
        )
        for url in urls
    ]
    return given + (read_manifest(manifest, client=client) if manifest else [])


def _url(given: str) -> str:
    """A path of an existing file is what people type first; it becomes the file's URL.

    Raises: UrlInvalid and UrlSchemeUnsupported naming what was given, SourceNotFound for a path without a file.
    """
    if "://" not in given:
        path = Path(given)
        if path.is_dir():
            raise SourceNotFound(f"{given} is a folder; name the files in it, such as {given.rstrip('/')}/*.pdf")
        if path.is_file():
            return normalise_url(path.absolute().as_uri())
        if ":" not in given:
            raise SourceNotFound(f"there is no file {given}, and a URL starts with https://, s3:// or file://")
    try:
        return normalise_url(given)
    except UrlInvalid as error:
        # A URL with a password in it is refused, so it must not be repeated.
        raise UrlInvalid(error.message if "@" in given else f"{given}: {error.message}") from error


def _table(submitted: Sequence[Submitted]) -> Table:
    table = columns("job", "", "status", "url")
    table.columns[-1].no_wrap = False
    for each in submitted:
        table.add_row(
            each.job.job_id,
            Text("new" if each.created else "known", "green" if each.created else "dim"),
            each.job.status.value,
            url_text(each.job.url),
        )
    return table
