"""Job ids given on the command line: parsing, and applying a change to each job."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import typer

from cira_pipeline.errors import JobError, JobNotFound
from cira_pipeline.jobs import JobId, is_job_id


def job_id(given: str) -> JobId:
    """The parsed job id. Raises: JobNotFound if `given` is not a valid job id."""
    name = given.strip().lower()
    if not is_job_id(name):
        raise JobNotFound(f"there is no job {given!r}", job_id=given)
    return JobId(name)


def each_job(given: Iterable[str], change: Callable[[JobId], object]) -> tuple[int, int]:
    """Applies `change` to each job once; a failure is printed to standard error and does not stop the others.

    Returns the number of changed jobs and the number of failures.
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
