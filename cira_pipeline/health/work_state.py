"""State of the work: queue, runs, sensors, daemons, circuit breakers, webhooks, model batches and disks.

One snapshot of PostgreSQL, Dagster's tables, Redis and the disks, for `cira doctor`, `/readyz` and `/metrics`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from cira_pipeline.db.database import Database
from cira_pipeline.db.disk_space import free_bytes, watched_folders
from cira_pipeline.errors import CiraError
from cira_pipeline.health.dagster_tables import STATEMENT_TIMEOUT_MS, DagsterState, read_dagster
from cira_pipeline.resilience.breaker import shared_states
from cira_pipeline.resilience.shared_redis import SharedRedis
from cira_pipeline.resilience.source_hosts import HostState, SourceHosts, source_hosts_from_settings
from cira_pipeline.settings import Settings

_log = logging.getLogger(__name__)

RUN_DEAD_AFTER_S = 600.0
"""Longer than `new_invoices` needs to queue jobs of a dead run again (it waits three minutes for Dagster's retry)."""

QUEUED_SQL = """
    SELECT client, count(*) AS jobs, extract(epoch FROM now() - min(queued_at))::float AS oldest_s
    FROM cira.jobs WHERE status = 'queued' GROUP BY client ORDER BY jobs DESC, client
"""
RUNNING_SQL = """
    SELECT run_id, count(*) AS jobs, extract(epoch FROM now() - min(started_at))::float AS oldest_s,
           extract(epoch FROM now() - max(updated_at))::float AS unchanged_s
    FROM cira.jobs WHERE status = 'running' GROUP BY run_id
"""
HELD_SQL = """
    SELECT status, error_code, count(*) AS jobs FROM cira.jobs WHERE status IN ('needs_budget', 'waiting')
    GROUP BY status, error_code ORDER BY status, error_code
"""
MODEL_BATCHES_SQL = """
    SELECT count(*) AS batches, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS oldest_s
    FROM cira.model_batches WHERE files_deleted_at IS NULL AND ended_at IS NULL
"""
WEBHOOKS_SQL = """
    SELECT count(*) AS pending, coalesce(extract(epoch FROM now() - min(owed_since)), 0)::float AS oldest_s
    FROM cira.webhook_events WHERE state = 'pending'
"""


@dataclass(frozen=True)
class Queue:
    """The queued jobs of one client; `oldest_s`: seconds since the oldest was queued."""

    client: str
    jobs: int
    oldest_s: float


@dataclass(frozen=True)
class RunningJobs:
    """The running jobs of one run. `dead`: the run ended more than `RUN_DEAD_AFTER_S` ago, or is unknown to Dagster."""

    run_id: str | None
    jobs: int
    oldest_s: float
    dead: bool


@dataclass(frozen=True)
class Held:
    """Jobs that wait outside of runs: for a budget (`needs_budget`), or because of `error_code` (`waiting`)."""

    status: str
    error_code: str
    jobs: int


@dataclass(frozen=True)
class Pending:
    """Number of unfinished items and the age of the oldest in seconds, 0 if there is none."""

    count: int
    oldest_s: float


@dataclass(frozen=True)
class WorkState:
    """Snapshot of the state of the work.

    `queues`: longest first. `disk_free_bytes`: by place, `home`, and `objects` if the object store is a folder.
    `breakers`: states of the shared circuit breakers by name (`closed`, `open`, `half-open`); empty without Redis.
    `dagster`: `missing` if the database has no Dagster tables, `unreachable` if it does not answer.
    """

    queues: Sequence[Queue]
    running: Sequence[RunningJobs]
    held: Sequence[Held]
    webhooks: Pending
    model_batches: Pending
    database_bytes: int
    dagster: DagsterState | Literal["missing", "unreachable"]
    disk_free_bytes: Mapping[str, int]
    breakers: Mapping[str, str]
    source_hosts: Sequence[HostState]

    @property
    def queued(self) -> int:
        return sum(queue.jobs for queue in self.queues)

    @property
    def oldest_queued_s(self) -> float:
        return max((queue.oldest_s for queue in self.queues), default=0.0)

    @property
    def oldest_running_s(self) -> float:
        return max((run.oldest_s for run in self.running), default=0.0)

    @property
    def jobs_of_dead_runs(self) -> int:
        return sum(run.jobs for run in self.running if run.dead)


class WorkWatch:
    """Reads the state of the work, with one connection to each database, opened at the first read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(
            settings.postgres_url.get_secret_value() if settings.postgres_url else "", pool_size=1
        )
        self._dagster = self._database
        if settings.dagster_postgres_url is not None:
            self._dagster = Database(settings.dagster_postgres_url.get_secret_value(), pool_size=1)
        self._sources: SourceHosts = source_hosts_from_settings(settings)
        self._redis = SharedRedis(settings.redis_address, "states of circuits are not known")

    def read(self) -> WorkState:
        """The current state. Raises: StoreUnavailable when CIRA's database does not answer."""
        with self._database.begin() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
            queues = [Queue(row.client, row.jobs, row.oldest_s) for row in connection.execute(text(QUEUED_SQL))]
            running = connection.execute(text(RUNNING_SQL)).all()
            held = [Held(row.status, row.error_code, row.jobs) for row in connection.execute(text(HELD_SQL))]
            webhooks, model_batches = (_pending(connection, sql) for sql in (WEBHOOKS_SQL, MODEL_BATCHES_SQL))
            size = connection.scalar(text("SELECT pg_database_size(current_database())"))
        dagster = self._read_dagster([row.run_id for row in running if row.run_id])
        return WorkState(
            queues=queues,
            running=[
                RunningJobs(row.run_id, row.jobs, row.oldest_s, dead=_is_dead(row.run_id, row.unchanged_s, dagster))
                for row in running
            ],
            held=held,
            webhooks=webhooks,
            model_batches=model_batches,
            database_bytes=int(size or 0),
            dagster=dagster,
            disk_free_bytes=free_bytes_by_place(self._settings),
            breakers=self._redis.ask(shared_states) or {},
            source_hosts=self._sources.states(),
        )

    def close(self) -> None:
        for database in {self._database, self._dagster}:
            database.dispose()
        self._sources.close()
        self._redis.close()

    def _read_dagster(self, run_ids: Sequence[str]) -> DagsterState | Literal["missing", "unreachable"]:
        try:
            found = read_dagster(self._dagster, run_ids, launch_grace_s=RUN_DEAD_AFTER_S)
        except (CiraError, SQLAlchemyError) as error:
            _log.warning("Dagster's tables cannot be read: %s", type(error).__name__)
            return "unreachable"
        return "missing" if found is None else found


def free_bytes_by_place(settings: Settings) -> Mapping[str, int]:
    """Free bytes by place that CIRA writes to: `home`, and `objects` if the object store is a folder."""
    places = zip(("home", "objects"), watched_folders(settings), strict=False)
    return {place: free_bytes(folder) for place, folder in places}


def _pending(connection: Connection, sql: str) -> Pending:
    count, oldest_s = connection.execute(text(sql)).one()
    return Pending(count, oldest_s)


def _is_dead(run_id: str | None, unchanged_s: float, dagster: DagsterState | str) -> bool:
    """Whether neither the run nor a retry of it has worked on the jobs for `RUN_DEAD_AFTER_S`."""
    if isinstance(dagster, str):
        return False
    run = dagster.runs.get(run_id or "")
    if run is None:
        return unchanged_s > RUN_DEAD_AFTER_S
    return run.ended_s is not None and min(run.ended_s, unchanged_s) > RUN_DEAD_AFTER_S
