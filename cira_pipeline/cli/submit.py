"""`cira submit`: submits invoice URLs, files or a CSV manifest as jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

import typer
from rich.table import Table
from rich.text import Text

from cira_pipeline.api.key_secret import load_pepper
from cira_pipeline.cli.following import follow
from cira_pipeline.cli.job_table import ShownJob, job_table, url_text
from cira_pipeline.cli.remote import Api, followed, not_remotely, remote
from cira_pipeline.cli.screen import columns, counted, screen
from cira_pipeline.cli.services import Connected, connected
from cira_pipeline.client import Client
from cira_pipeline.client.calls import request_for
from cira_pipeline.db.access.webhook_secrets import WebhookSecretRepository
from cira_pipeline.db.disk_space import disk_space
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import SourceNotFound, UrlInvalid
from cira_pipeline.intake.manifest import read_manifest
from cira_pipeline.intake.url import normalise_url
from cira_pipeline.jobs import JobStatus, Policy
from cira_pipeline.webhooks.callback import checked_callback
from cira_pipeline.webhooks.signature import Signer


def submit(
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL...", help="Invoice URLs, or paths of files.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="CSV file with a column `url`.")] = None,
    client: Annotated[str, typer.Option(help="Client that the jobs belong to.")] = "default",
    idempotency_key: Annotated[str, typer.Option(help="A new key makes a new job for a known URL.")] = "",
    reference: Annotated[str | None, typer.Option(help="Your own reference, stored with the job.")] = None,
    policy: Annotated[Policy | None, typer.Option(help="Policy of the jobs; default: as configured.")] = None,
    batch: Annotated[
        bool | None, typer.Option("--batch/--no-batch", help="Let questions wait for a cheaper model batch.")
    ] = None,
    callback: Annotated[str | None, typer.Option(help="https: URL that a webhook is sent to when a job ends.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the jobs end; exit status 1 if one did not succeed.")
    ] = False,
    api: Api = None,
) -> None:
    """Submit invoice URLs, or a CSV manifest of them. Submitting a URL again returns the existing job."""
    if not urls and manifest is None:
        raise typer.BadParameter("give a URL, the path of a file, or --manifest", param_hint="URL")
    submissions = [
        replace(each, model_batch=batch, callback=each.callback or callback)
        for each in _submissions(urls or [], manifest, client, idempotency_key, reference, policy)
    ]
    if api is not None:
        uploads = any(each.url.startswith("file:") for each in submissions)
        # The upload endpoint has no option for model batches.
        not_remotely(client=client != "default", batch=batch is not None and uploads)
        with remote(api) as service:
            sent = _sent(service, submissions)
            if not _print_submitted(sent, wait=wait):
                return
            _print_ended(followed(service, [each.job_id for each in sent], [each.url for each in sent]))
        return
    with connected() as services:
        if batch and not services.settings.batches_configured:
            typer.echo(
                "No batch deployment is configured (CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT); --batch has no effect.",
                err=True,
            )
        disk_space(services.settings).demand()
        submitted = services.jobs.submit(_with_callbacks(submissions, services))
        if not _print_submitted(
            [_Sent(each.job.job_id, each.created, each.job.status, each.job.url) for each in submitted], wait=wait
        ):
            return
        ended = follow(services.jobs, [each.job.job_id for each in submitted])
    _print_ended(ended)


def _with_callbacks(submissions: Sequence[Submission], services: Connected) -> list[Submission]:
    """The submissions with checked, normalised callbacks.

    Raises: UrlInvalid, UrlSchemeUnsupported, AddressRefused, WebhookSecretMissing.
    """
    checked = [
        replace(each, callback=checked_callback(each.callback, services.settings)) if each.callback else each
        for each in submissions
    ]
    if clients := {each.client for each in checked if each.callback}:
        # Only callbacks need the pepper; it is created when first loaded.
        pepper = load_pepper(services.settings)
        signer = Signer(WebhookSecretRepository(services.database), pepper.derived, pepper.pepper_id)
        for client in sorted(clients):
            signer.demand(client)
    return checked


class _Sent(NamedTuple):
    """A submitted job as it is printed."""

    job_id: str
    created: bool
    status: JobStatus
    url: str


def _sent(service: Client, submissions: Sequence[Submission]) -> list[_Sent]:
    """Submits to the REST service; local files are uploaded."""
    sent: list[_Sent] = []
    for (is_file, key), group in groupby(
        submissions, key=lambda each: (each.url.startswith("file:"), each.idempotency_key)
    ):
        part = list(group)
        if is_file:
            for each in part:
                policy = Policy(each.policy) if each.policy else None
                job = service.upload(
                    _content(each.url),
                    client_reference=each.client_reference,
                    policy=policy,
                    callback=each.callback,
                    idempotency_key=key,
                )
                sent.append(_Sent(job.job_id, job.created, job.status, each.url))
            continue
        requests = [
            request_for(
                each.url,
                client_reference=each.client_reference,
                policy=each.policy,
                model_batch=each.model_batch,
                callback=each.callback,
            )
            for each in part
        ]
        answer = service.submit_many(requests, idempotency_key=key)
        sent += [_Sent(job.job_id, job.created, job.status, job.url) for job in answer.jobs]
    return sent


def _content(file_url: str) -> bytes:
    """Raises: SourceNotFound."""
    path = Path(url2pathname(urlsplit(file_url).path))
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceNotFound(f"{path} cannot be read: {error.strerror}") from error


def _print_submitted(sent: Sequence[_Sent], *, wait: bool) -> bool:
    """Prints the submitted jobs; returns whether to wait for their end."""
    if wait:
        typer.echo(f"Waiting for {counted(len(sent), 'job')}; Ctrl-C stops waiting, not the jobs.", err=True)
        return True
    new = sum(each.created for each in sent)
    screen().print(_table(sent))
    typer.echo(f"{counted(new, 'new job')}, {len(sent) - new:,} already known.", err=True)
    return False


def _print_ended(ended: Sequence[ShownJob]) -> None:
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
    """The normalised URL; the path of an existing file becomes a file:// URL.

    Raises: UrlInvalid and UrlSchemeUnsupported, which quote the argument; SourceNotFound for a path without a file.
    """
    if "://" not in given:
        path = Path(given)
        if path.is_dir():
            raise SourceNotFound(f"{given} is a folder; give the files in it, such as {given.rstrip('/')}/*.pdf")
        if path.is_file():
            return normalise_url(path.absolute().as_uri())
        if ":" not in given:
            raise SourceNotFound(
                f"{given} is neither an existing file nor a URL (a URL starts with https://, s3:// or file://)"
            )
    try:
        return normalise_url(given)
    except UrlInvalid as error:
        # A URL with `@` may contain a password, so it is not quoted.
        raise UrlInvalid(error.message if "@" in given else f"{given}: {error.message}") from error


def _table(sent: Sequence[_Sent]) -> Table:
    table = columns("job", "", "status", "url")
    table.columns[-1].no_wrap = False
    for each in sent:
        table.add_row(
            each.job_id,
            Text("new" if each.created else "known", "green" if each.created else "dim"),
            each.status.value,
            url_text(each.url),
        )
    return table
