"""Jobs named on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import typer

from cira_pipeline.errors import JobError, JobNotFound
from cira_pipeline.jobs import JobId, is_job_id


def job_id(given: str) -> JobId:
    """Raises: JobNotFound for what cannot be a job's id."""
    name = given.strip().lower()
    if not is_job_id(name):
        raise JobNotFound(f"there is no job {given!r}", job_id=given)
    return JobId(name)


def each_job(given: Iterable[str], change: Callable[[JobId], object]) -> tuple[int, int]:
    """Does `change` to each job once; what cannot be done is a line on standard error and stops no other.

    Returns how many were changed and how many were not.
    """
    changed = refused = 0
    for name in dict.fromkeys(given):
        try:
            change(job_id(name))
            changed += 1
        except JobError as error:
            refused += 1
            typer.secho(f"Error: {error.message} [{error.code}]\n  {error.hint}", err=True, fg="red")
    return changed, refused
