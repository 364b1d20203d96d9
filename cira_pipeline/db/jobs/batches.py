"""Run batches: each is the set of jobs that one Dagster run was planned for.

A batch holds jobs of one client, so that no client waits behind another's jobs in a run, and clients take turns.

A batch is stored before its run is requested, so that a crash between planning, adding partition keys and launching
loses nothing: the next tick finds the open batches and continues. A run names a contiguous range of keys: fresh jobs
form one in the order of their ids, and jobs that were planned before form one where their keys are adjacent. A job
whose run died gets a run of its own.

Alternatively, a run names one key for the whole batch. The jobs keep that key: those that must be processed again form
another batch of the same key. A key has one open batch at a time, so that its newest run shows its state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row, text

from cira_pipeline.db.database import Database
from cira_pipeline.jobs import JobId, JobStatus, Stage, new_batch_id


@dataclass(frozen=True)
class BatchJob:
    job_id: JobId
    status: JobStatus
    stage: Stage | None
    run_id: str | None
    attempts: int
    batch_id: str | None
    partition_key: str | None


@dataclass(frozen=True)
class OpenBatch:
    """A run batch with unfinished jobs."""

    batch_id: str
    first_job: JobId
    last_job: JobId
    job_count: int
    client: str
    """Client of its first job; batches planned by earlier versions may also hold jobs of other clients."""
    partition_key: str | None
    """The one partition key of the whole batch; `None`: each job has its own."""


@dataclass(frozen=True)
class RunSizes:
    """Sizes of runs depending on the queue: single jobs while little is under way, large runs for thousands of jobs.

    `small_runs`: while fewer are open, a run may have any size; else it waits for `most_jobs`, at most `wait_s`.
    `most_runs`: limit of open runs, except that each client may have one; further jobs wait in their table.
    `jobs_at_once`: limit of jobs planned in one call.
    `one_key_from`: new jobs from which a run gets one partition key for all of them; `None`: never.
    `most_runs_of_client`: limit of open runs of one client: its backlog waits in the table, where other clients
    overtake it, and not in Dagster's queue. `None`: as many as `most_runs`.
    """

    most_jobs: int
    small_runs: int
    wait_s: float
    most_runs: int
    jobs_at_once: int
    one_key_from: int | None = None
    most_runs_of_client: int | None = None

    def allows(self, open_runs: int) -> bool:
        """Whether a client with `open_runs` open runs may have another one."""
        return self.most_runs_of_client is None or open_runs < self.most_runs_of_client


@dataclass(frozen=True)
class _Waiting:
    job_id: JobId
    client: str
    partition_key: str | None
    planned_before: bool
    interrupted: bool
    """Its last run died, perhaps because of this job, so it shares no run with others."""
    queued_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> _Waiting:
        return cls(
            JobId(row.job_id),
            row.client,
            row.partition_key,
            bool(row.planned_before),
            row.run_id is not None,
            row.queued_at,
        )


@dataclass(frozen=True)
class _Group:
    """Jobs that become one run batch. `partition_key`: the jobs' existing batch key; `is_new`: they have no key yet."""

    jobs: Sequence[_Waiting]
    partition_key: str | None = None
    is_new: bool = False


Positions = Callable[[Collection[JobId]], Mapping[JobId, int]]
"""Position of each job's partition key among all keys, for jobs that have one."""


class BatchRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(
        self,
        sizes: RunSizes,
        *,
        open_runs: Mapping[str, int],
        positions: Positions,
        now: datetime,
        avoid: Collection[str] = (),
        admitted: Collection[JobId] = (),
    ) -> int:
        """Assigns waiting jobs to run batches of one client each, according to `sizes`; returns how many jobs.

        Clients take turns, one run each: those with the fewest `open_runs` come first, and of these the one with the
        fewest waiting jobs. A client without an open run gets one, however many others there are. Within a client the
        oldest jobs come first. Jobs of the hosts in `avoid` are left waiting, except those in `admitted`.

        Concurrent planners never take the same job: each skips rows that the other has locked.
        """
        with self._database.begin() as connection:
            found = connection.execute(
                text(WAITING_SQL),
                {
                    "max_jobs": sizes.jobs_at_once,
                    "avoid": list(avoid),
                    "admitted": list(admitted),
                },
            ).all()
            by_client: dict[str, list[str]] = {}
            for row in found:
                by_client.setdefault(row.client, []).append(row.job_id)
            chosen = _by_turns(by_client, open_runs, sizes)
            rows = connection.execute(text(LOCK_SQL), {"job_ids": chosen}).all() if chosen else []
            waiting = [_Waiting.of(row) for row in rows]
            groups = _started(_groups_by_turns(waiting, chosen, sizes.most_jobs, positions), open_runs, sizes, now)
            for group in groups:
                _insert(connection, group, sizes.one_key_from)
        return sum(len(group.jobs) for group in groups)

    def open(self) -> tuple[OpenBatch, ...]:
        """Every run batch that still has queued or running jobs, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(text(OPEN_SQL)).all()
        return tuple(
            OpenBatch(
                row.batch_id, JobId(row.first_job), JobId(row.last_job), row.job_count, row.client, row.partition_key
            )
            for row in rows
        )

    def jobs(self, batch_ids: Collection[str]) -> Mapping[str, Sequence[BatchJob]]:
        """All jobs of each run batch, also finished ones, in the order of its range."""
        found: dict[str, list[BatchJob]] = {batch_id: [] for batch_id in batch_ids}
        if not found:
            return found
        with self._database.begin() as connection:
            rows = connection.execute(text(JOBS_SQL), {"batch_ids": list(found)}).all()
        for row in rows:
            found[row.batch_id].append(_job(row))
        return found

    def running_in_no_batch(self) -> Sequence[BatchJob]:
        """Running jobs without a batch, owned by their run alone: started by a person, or by an older version."""
        with self._database.begin() as connection:
            return [_job(row) for row in connection.execute(text(RUNNING_IN_NO_BATCH_SQL))]


# The key of a batch whose run is open is not planned again before that run has ended.
_KEY_IS_FREE = (
    "(partition_key IS NULL OR partition_key NOT IN ("
    "SELECT partition_key FROM cira.jobs WHERE status IN ('queued', 'running') AND batch_id IS NOT NULL "
    "AND partition_key IS NOT NULL UNION ALL SELECT partition_key FROM cira.jobs WHERE status = 'running' "
    "AND batch_id IS NULL AND partition_key IS NOT NULL))"
)
_WAITS = "status = 'queued' AND batch_id IS NULL"
WAITING_SQL = f"""
WITH RECURSIVE clients AS (
    (SELECT client FROM cira.jobs WHERE {_WAITS} ORDER BY client LIMIT 1)
    UNION ALL
    SELECT (
        SELECT client FROM cira.jobs WHERE {_WAITS} AND client > clients.client ORDER BY client LIMIT 1
    ) FROM clients WHERE clients.client IS NOT NULL
)
SELECT waiting.client, waiting.job_id FROM clients CROSS JOIN LATERAL (
    SELECT client, job_id FROM cira.jobs
    WHERE {_WAITS} AND client = clients.client AND {_KEY_IS_FREE}
    AND (source_host IS NULL OR source_host <> ALL(CAST(:avoid AS text[])) OR job_id = ANY(CAST(:admitted AS text[])))
    ORDER BY job_id LIMIT :max_jobs
) waiting
"""  # noqa: S608 - constants
"""The oldest waiting jobs of each client: one index step for each client, however long its queue is."""
LOCK_SQL = f"""
SELECT job_id, client, partition_key, planned_before, run_id, queued_at FROM cira.jobs
WHERE job_id = ANY(:job_ids) AND {_WAITS} AND {_KEY_IS_FREE} ORDER BY job_id FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants
OPEN_SQL = (
    "SELECT batch_id, first_job, last_job, job_count, partition_key, "
    "(SELECT client FROM cira.jobs WHERE job_id = first_job) AS client "
    "FROM cira.batches WHERE batch_id IN ("
    "SELECT batch_id FROM cira.jobs WHERE status IN ('queued', 'running') AND batch_id IS NOT NULL) "
    "ORDER BY first_job, batch_id"
)
JOBS_SQL = (
    "SELECT batch_id, job_id, status, stage, run_id, attempts, partition_key FROM cira.jobs "
    "WHERE batch_id = ANY(:batch_ids) ORDER BY job_id"
)
RUNNING_IN_NO_BATCH_SQL = (
    "SELECT batch_id, job_id, status, stage, run_id, attempts, partition_key FROM cira.jobs "
    "WHERE status = 'running' AND batch_id IS NULL ORDER BY job_id"
)


def _insert(connection: Connection, group: _Group, one_key_from: int | None) -> None:
    batch_id, job_ids = new_batch_id(), [job.job_id for job in group.jobs]
    of_its_own = group.is_new and one_key_from is not None and len(job_ids) >= one_key_from
    row = {
        "batch_id": batch_id,
        "first_job": job_ids[0],
        "last_job": job_ids[-1],
        "job_count": len(job_ids),
        "partition_key": batch_id if of_its_own else group.partition_key,
    }
    connection.execute(
        text(
            "INSERT INTO cira.batches (batch_id, first_job, last_job, job_count, partition_key) "
            "VALUES (:batch_id, :first_job, :last_job, :job_count, :partition_key)"
        ),
        row,
    )
    connection.execute(
        text(
            "UPDATE cira.jobs SET batch_id = :batch_id, partition_key = :partition_key, planned_before = true "
            "WHERE job_id = ANY(:job_ids)"
        ),
        {**row, "job_ids": job_ids},
    )


def _job(row: Row[Any]) -> BatchJob:
    stage = Stage(row.stage) if row.stage else None
    return BatchJob(
        JobId(row.job_id), JobStatus(row.status), stage, row.run_id, row.attempts, row.batch_id, row.partition_key
    )


def _by_turns(waiting: Mapping[str, Sequence[str]], open_runs: Mapping[str, int], sizes: RunSizes) -> list[str]:
    """Up to `jobs_at_once` jobs: in each round every client contributes one run's worth of its oldest jobs."""
    order = sorted(
        waiting, key=lambda client: (open_runs.get(client, 0), len(waiting[client]) >= sizes.most_jobs, waiting[client])
    )
    chosen: list[str] = []
    most, rounds = sizes.most_jobs, max((len(ids) for ids in waiting.values()), default=0)
    room = sizes.most_runs - sum(open_runs.values())
    for start in range(0, rounds, most):
        for client in order:
            left = sizes.jobs_at_once - len(chosen)
            part = waiting[client][start : start + most]
            open_now = open_runs.get(client, 0) + start // most
            # A full run at the next tick is better than a partial one now. But the few jobs of other clients must not
            # put off a client's first run, or they could do so at every tick.
            fits = len(part) <= left or (start == 0 and left > 0)
            if part and fits and sizes.allows(open_now) and (room > 0 or open_now == 0):
                chosen += part
                room -= 1
    return chosen


def _groups_by_turns(
    waiting: Sequence[_Waiting], chosen: Sequence[str], most: int, positions: Positions
) -> Iterator[_Group]:
    """Candidate batches in the clients' turns: first one of each client, then the second of each."""
    by_client: dict[str, list[_Waiting]] = {}
    place = {job_id: number for number, job_id in enumerate(chosen)}
    for job in sorted(waiting, key=lambda job: place[job.job_id]):
        by_client.setdefault(job.client, []).append(job)
    planned_before = [job.job_id for job in waiting if job.planned_before and job.partition_key is None]
    standing = positions(planned_before) if planned_before else {}
    groups = [_groups(jobs, most, standing) for jobs in by_client.values()]
    for round_of_all in zip_longest(*groups):
        yield from (group for group in round_of_all if group is not None)


def _started(
    groups: Iterable[_Group], open_runs: Mapping[str, int], sizes: RunSizes, now: datetime
) -> Sequence[_Group]:
    """The groups that get a run now. Each client's first one is always among them."""
    started: list[_Group] = []
    own, total, keys = dict(open_runs), sum(open_runs.values()), set[str]()
    for group in groups:
        client = group.jobs[0].client
        if group.partition_key in keys:
            continue  # another client's jobs under a key of an earlier version: one run of a key at a time
        more = total < sizes.most_runs and sizes.allows(own.get(client, 0))
        if not own.get(client) or (more and _may_start(group.jobs, sizes, total, now)):
            started.append(group)
            keys.update([group.partition_key] if group.partition_key else [])
            own[client] = own.get(client, 0) + 1
            total += 1
    return started


def _may_start(group: Sequence[_Waiting], sizes: RunSizes, open_runs: int, now: datetime) -> bool:
    oldest = min(job.queued_at for job in group)
    return (
        len(group) >= sizes.most_jobs or open_runs < sizes.small_runs or (now - oldest).total_seconds() >= sizes.wait_s
    )


def _groups(waiting: Sequence[_Waiting], most: int, place: Mapping[JobId, int]) -> list[_Group]:
    """Groups of contiguous key ranges and of existing batch keys, the oldest first."""
    of_batches = [job for job in waiting if job.partition_key is not None]
    groups = [
        *_ranges([job for job in waiting if job.partition_key is None], most, place),
        *_of_batches(of_batches),
    ]
    return sorted(groups, key=lambda group: group.jobs[0].job_id)


def _ranges(waiting: Sequence[_Waiting], most: int, place: Mapping[JobId, int]) -> Iterator[_Group]:
    # A key that housekeeping removed is added again, after all others.
    fresh = [job for job in waiting if job.job_id not in place and not job.interrupted]
    yield from (_Group(part, is_new=True) for part in _parts(fresh, most))
    standing = [job for job in waiting if job.job_id in place and not job.interrupted]
    standing.sort(key=lambda job: place[job.job_id])
    for stretch in _stretches(standing, [place[job.job_id] for job in standing]):
        yield from (_Group(part) for part in _parts(stretch, most))
    yield from (_Group([job]) for job in waiting if job.interrupted)


def _of_batches(waiting: Sequence[_Waiting]) -> Iterator[_Group]:
    """One group for each key: first the jobs that may share a run, then the interrupted ones, each alone."""
    by_key: dict[str, list[_Waiting]] = {}
    for job in waiting:
        by_key.setdefault(job.partition_key or "", []).append(job)
    for key, jobs in by_key.items():
        yield _Group([job for job in jobs if not job.interrupted] or jobs[:1], partition_key=key)


def _stretches(jobs: Sequence[_Waiting], places: Sequence[int]) -> Iterator[Sequence[_Waiting]]:
    start = 0
    for end in range(1, len(jobs) + 1):
        if end == len(jobs) or places[end] != places[end - 1] + 1:
            yield jobs[start:end]
            start = end


def _parts(jobs: Sequence[_Waiting], most: int) -> Iterable[Sequence[_Waiting]]:
    return (jobs[start : start + most] for start in range(0, len(jobs), most))
