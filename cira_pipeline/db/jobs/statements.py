"""SQL statements that read and change one job, built once: building one takes longer than executing it.

`JOB` and `JOB_AND_COST` read the job `of_job`. All others change the job `changed_job` when its state allows it, and
return its columns and its cost; no row means that nothing was changed. Each change raises the row's version and is
notified on `NOTIFY_CHANNEL` at its commit. docs/job-states.md shows all states and transitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, bindparam, case, cast, func, or_, select, true, update
from sqlalchemy.sql.dml import ReturningUpdate

from cira_pipeline.db.schema.tables import cost_entries, jobs
from cira_pipeline.jobs import JobStatus

JOB_COLUMNS = [column for column in jobs.c if column.name != "submission_hash"]
_COST = (
    select(func.coalesce(func.sum(cost_entries.c.amount_usd), 0))
    .where(cost_entries.c.job_id == jobs.c.job_id)
    .correlate(jobs)
    .scalar_subquery()
    .label("cost_usd")
)
JOB = select(*JOB_COLUMNS).where(jobs.c.job_id == bindparam("of_job"))
JOB_AND_COST = select(*JOB_COLUMNS, _COST).where(jobs.c.job_id == bindparam("of_job"))
NOTIFY_CHANNEL = "cira_job"
"""PostgreSQL notification channel of job changes, sent at commit, as a JSON object."""

_NOTIFIED_COLUMNS = (
    "job_id",
    "client",
    "status",
    "stage",
    "verdict",
    "error_code",
    "attempts",
    "version",
    "updated_at",
)
NOTIFY_CHANGE = func.pg_notify(
    NOTIFY_CHANNEL,
    cast(func.json_build_object(*(part for name in _NOTIFIED_COLUMNS for part in (name, jobs.c[name]))), Text),
).label("notified")
CHANGED = [*JOB_COLUMNS, _COST, NOTIFY_CHANGE]
"""Columns that a change returns."""
ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
_HELD = tuple(status for status in JobStatus if status.held)
_NOTHING_ENDED: Mapping[str, None] = {
    "verdict": None,
    "error_code": None,
    "error_message": None,
    "error_hint": None,
    "finished_at": None,
    "not_before": None,
}
_AGAIN_IN_QUEUE: Mapping[str, Any] = {
    **_NOTHING_ENDED,
    "status": JobStatus.QUEUED,
    "stage": None,
    "batch_id": None,
    "started_at": None,
    "queued_at": func.now(),
}
_ENDED: Mapping[str, Any] = {"finished_at": func.now(), "not_before": None, "needs_usd": None}


def _changing(when: ColumnElement[bool], *given: str, **values: Any) -> ReturningUpdate[Any]:
    """`when`: the states that allow the change. Each column of `given` gets the parameter `new_` and its name."""
    return (
        update(jobs)
        .where(jobs.c.job_id == bindparam("changed_job"), when)
        .values(
            **values,
            **{name: bindparam(f"new_{name}", type_=jobs.c[name].type) for name in given},
            version=jobs.c.version + 1,
            updated_at=func.now(),
        )
        .returning(*CHANGED)
    )


_RUNNING = jobs.c.status == JobStatus.RUNNING
_SAME_ATTEMPT = _RUNNING & (jobs.c.run_id == bindparam("new_run_id"))
_HOW_IT_ENDED = ("status", "stage", "verdict", "error_code", "error_message", "error_hint")

_PLANNED_AS = bindparam("planned_as", type_=Text)
_FREE = ~_RUNNING | (jobs.c.run_id == bindparam("new_run_id")) | (jobs.c.run_id == bindparam("left_by", type_=Text))
_DOCUMENT_REJECTED = (jobs.c.status == JobStatus.REJECTED) & jobs.c.verdict.is_(None)
_OF_RUN = bindparam("of_run", type_=Text)
_IN_RUN = _RUNNING & (jobs.c.run_id == _OF_RUN)
_AT_WORK = _IN_RUN | (_OF_RUN.is_(None) & jobs.c.status.in_(ACTIVE))

# A planned run takes what is open in its own batch; a run started by a person takes any job that is in no other run,
# out of its batch too: a job has one owner, its batch while it is queued and its run while it is running.
START = _changing(
    _FREE
    & or_(
        (jobs.c.batch_id == _PLANNED_AS) & jobs.c.status.in_(ACTIVE),
        _PLANNED_AS.is_(None)
        & (jobs.c.status != JobStatus.CANCELLED)
        & (bindparam("rejected_too", type_=Boolean) | ~_DOCUMENT_REJECTED),
    ),
    "stage",
    "run_id",
    **_NOTHING_ENDED,
    batch_id=_PLANNED_AS,
    status=JobStatus.RUNNING,
    attempts=jobs.c.attempts + case((_SAME_ATTEMPT, 0), else_=1),
    started_at=case((_SAME_ATTEMPT, jobs.c.started_at), else_=func.now()),
)
ADVANCE = _changing(_IN_RUN, "stage")
DOCUMENT_FOUND = _changing(true(), "document_sha256")
END = _changing(_AT_WORK, *_HOW_IT_ENDED, **_ENDED)
HOLD = _changing(
    _AT_WORK,
    "status",
    "stage",
    "error_code",
    "error_message",
    "error_hint",
    "not_before",
    "needs_usd",
    attempts=case(
        (bindparam("is_attempt", type_=Boolean), jobs.c.attempts), else_=func.greatest(jobs.c.attempts - 1, 0)
    ),
    verdict=None,
    finished_at=None,
)
RESUME = _changing(jobs.c.status.in_(_HELD), **_AGAIN_IN_QUEUE, run_id=None)
RETRY = _changing(jobs.c.status.in_((JobStatus.FAILED, JobStatus.REJECTED, *_HELD)), **_AGAIN_IN_QUEUE, run_id=None)
# Only in the state that was seen: another process may have taken the job since.
REQUEUE = _changing(
    jobs.c.status.in_(ACTIVE)
    & (jobs.c.status == bindparam("seen_status"))
    & jobs.c.run_id.is_not_distinct_from(bindparam("seen_run_id", type_=Text))
    & jobs.c.batch_id.is_not_distinct_from(bindparam("seen_batch_id", type_=Text)),
    **_AGAIN_IN_QUEUE,
)
# Processing has ended before: `finished_at` is unchanged, and the confirmation has its own time.
CONFIRM = _changing(jobs.c.status.in_((JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.REJECTED)), *_HOW_IT_ENDED)
CANCEL = _changing(jobs.c.status.in_((*ACTIVE, *_HELD)), **{**_NOTHING_ENDED, **_ENDED}, status=JobStatus.CANCELLED)
