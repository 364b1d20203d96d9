"""Queues deferred jobs again: when a budget has room, when a model batch has answered, or when a dependency may be
available again.

Called every few seconds by the sensor. It queues no more jobs than can continue: one that is deferred again at once
costs a run for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.repository import Job, JobRepository
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.resilience.breaker import Breaker

Room = dict[tuple[str, str], Decimal]
"""USD left, by client and period."""

PROBES = 1
"""Jobs queued again while their dependency may still be unavailable: their calls are the ones that find out."""
UNKNOWN_AT_ONCE = 10
"""Jobs queued again when the state of the dependency is unknown."""


def resume_held_jobs(
    jobs: JobRepository, database: Database, budgets: Budgets, breakers: Mapping[Stage, Breaker], now: datetime
) -> tuple[JobId, ...]:
    """Queues deferred jobs again, oldest first; returns which. Raises: StoreUnavailable."""
    resumed = [job.job_id for job in (*_with_money(jobs, database, budgets), *_with_dependency(jobs, breakers, now))]
    return tuple(job_id for job_id in (*resumed, *jobs.answered_by_batch()) if jobs.resume(job_id))


def _with_money(jobs: JobRepository, database: Database, budgets: Budgets) -> Iterable[Job]:
    """As many jobs as all budgets have room for, also counting unfinished jobs that were queued again before."""
    waiting = jobs.held(JobStatus.NEEDS_BUDGET)
    if not waiting:
        return
    room: Room = {(each.budget.client, each.budget.period): each.room_usd for each in budgets.states(database)}
    for client, promised_usd in jobs.promised_usd().items():
        _take(room, budgets, client, promised_usd)
    for job in waiting:
        needs_usd = job.needs_usd or Decimal(0)
        own = [(budget.client, budget.period) for budget in budgets.of_client(job.client)]
        if all(needs_usd <= room[key] for key in own):
            _take(room, budgets, job.client, needs_usd)
            yield job


def _take(room: Room, budgets: Budgets, client: str, usd: Decimal) -> None:
    for budget in budgets.of_client(client):
        room[budget.client, budget.period] -= usd


def _with_dependency(jobs: JobRepository, breakers: Mapping[Stage, Breaker], now: datetime) -> Iterable[Job]:
    """All due jobs when the circuit of their stage is closed, else only as many as are needed to test it."""
    due = [job for job in jobs.held(JobStatus.WAITING) if job.not_before is not None and job.not_before <= now]
    for stage in Stage:
        waiting = [job for job in due if job.stage is stage]
        if waiting:
            yield from waiting[: _most_at_once(breakers.get(stage))]


def _most_at_once(breaker: Breaker | None) -> int | None:
    if breaker is None:
        return None
    if not breaker.shared:
        # The circuit is only in the processes of the runs, and this process cannot see it.
        return UNKNOWN_AT_ONCE
    return None if breaker.state == "closed" else PROBES
