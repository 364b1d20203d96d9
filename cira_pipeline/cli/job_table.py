"""Table of jobs that fits a terminal of 100 characters: id, status, outcome, age and file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import unquote, urlsplit

from rich.table import Table
from rich.text import Text

from cira_pipeline.cli.record_view import VERDICT_STYLES
from cira_pipeline.cli.screen import columns, printable
from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.models import Verdict

STATUS_STYLES = {
    JobStatus.QUEUED: "dim",
    JobStatus.RUNNING: "cyan",
    JobStatus.SUCCEEDED: "green",
    JobStatus.FAILED: "red",
    JobStatus.REJECTED: "magenta",
    JobStatus.CANCELLED: "dim",
}
_AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class ShownJob(Protocol):
    """The job attributes that are shown, for jobs from the database and from the REST service."""

    @property
    def job_id(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def status(self) -> JobStatus: ...
    @property
    def stage(self) -> Stage | None: ...
    @property
    def verdict(self) -> Verdict | None: ...
    @property
    def error_code(self) -> str | None: ...
    @property
    def error_message(self) -> str | None: ...
    @property
    def error_hint(self) -> str | None: ...
    @property
    def submitted_at(self) -> datetime: ...


def job_table(jobs: Sequence[ShownJob], *, now: datetime | None = None) -> Table:
    """One row per job; `outcome` is the error's code, the verdict, or the stage of a running job."""
    table = columns("job", "status", "outcome", "age", "file")
    table.columns[-1].no_wrap = False
    for job in jobs:
        table.add_row(
            job.job_id,
            Text(job.status.value, STATUS_STYLES.get(job.status, "yellow")),
            _outcome(job),
            age_text((now or datetime.now(UTC)) - job.submitted_at),
            _file(job.url),
        )
    return table


def url_text(url: str) -> Text:
    """The URL without its query, which may contain a signature; truncated, not wrapped, if it does not fit."""
    shown, question_mark, _ = url.partition("?")
    text = printable(f"{shown}?..." if question_mark else shown)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _outcome(job: ShownJob) -> Text:
    if job.error_code:
        return Text(job.error_code, STATUS_STYLES.get(job.status, "yellow"))
    if job.verdict:
        return Text(job.verdict.value, VERDICT_STYLES[job.verdict.value])
    return Text(job.stage.value if job.stage and not job.status.final else "")


def age_text(age: timedelta) -> str:
    """The age in its largest unit, such as `3 h`."""
    seconds = max(0, int(age.total_seconds()))
    size, unit = next(((size, unit) for size, unit in _AGES if seconds >= size), _AGES[-1])
    return f"{seconds // size} {unit}"


def _file(url: str) -> Text:
    """The file name: the last part of the URL's path."""
    parts = urlsplit(url)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc
    text = printable(name)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
