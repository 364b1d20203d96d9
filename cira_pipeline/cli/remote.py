"""Commands against a remote REST service (`--api URL`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from cira_pipeline.api.job_models import JobView, ListedJob
from cira_pipeline.cli.following import progress
from cira_pipeline.client import Client
from cira_pipeline.errors import ConfigurationError
from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.models import Verdict
from cira_pipeline.settings import load_settings

Api = Annotated[
    str | None,
    typer.Option("--api", metavar="URL", help="Use this REST service; its API key is read from CIRA_API_KEY."),
]


@dataclass(frozen=True)
class RemoteJob:
    """A job from the REST service; `url` is the client's reference where the service omits the URL (single jobs)."""

    job_id: str
    url: str
    status: JobStatus
    stage: Stage | None
    verdict: Verdict | None
    submitted_at: datetime
    error_code: str | None
    error_message: str | None
    error_hint: str | None

    @classmethod
    def of(cls, job: ListedJob | JobView, url: str | None = None) -> RemoteJob:
        known = url or (job.url if isinstance(job, ListedJob) else job.client_reference or "")
        error = job.error
        return cls(
            job.job_id,
            known,
            job.status,
            job.stage,
            job.verdict,
            job.submitted_at,
            error.code if error else None,
            error.message if error else None,
            error.hint if error else None,
        )


@contextmanager
def remote(url: str) -> Iterator[Client]:
    """A client of the REST service at `url`. Raises: ConfigurationError for a missing CIRA_API_KEY or a wrong URL."""
    key = load_settings().api_key
    if key is None:
        raise ConfigurationError(
            "CIRA_API_KEY is not set; set it to an API key of this service (an operator creates one: `cira keys "
            "create`)"
        )
    with Client(url, key.get_secret_value()) as client:
        yield client


def not_remotely(**given: bool) -> None:
    """Raises: BadParameter for given options that the REST service does not support."""
    for option, is_given in given.items():
        if is_given:
            raise typer.BadParameter(
                "this option is not available with --api", param_hint=f"--{option.replace('_', '-')}"
            )


def followed(client: Client, job_ids: Sequence[str], urls: Sequence[str]) -> list[RemoteJob]:
    """Waits until all jobs have ended, with a progress bar on a terminal; returns them in the given order."""
    with progress(len(set(job_ids))) as ended:
        views = client.wait_for_all(job_ids, on_end=lambda _job_id: ended(1))
    return [RemoteJob.of(view, url) for view, url in zip(views, urls, strict=True)]
