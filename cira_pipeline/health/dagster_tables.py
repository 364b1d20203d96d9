"""State of Dagster's sensors, schedules, daemons and runs, read from Dagster's tables by SQL.

The domain does not import Dagster, and the REST service and `cira doctor` have no Dagster instance. This module has all
knowledge of Dagster's schema: `instigators`, `job_ticks`, `daemon_heartbeats`, `runs` and `run_tags` as written by
Dagster 1.13 (tested with 1.13.27; tests/health/test_dagster_tables.py reads tables of a real instance). Every query
uses an index; times are UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from cira_pipeline.db.database import Database

TICKS_LOOKED_AT = 3
STATEMENT_TIMEOUT_MS = 5_000
"""Statement timeout of each query about the state of the work."""
_TABLES = ("instigators", "job_ticks", "daemon_heartbeats", "runs", "run_tags")


@dataclass(frozen=True)
class Instigator:
    """A sensor or a schedule.

    `interval_s`: seconds between two ticks of a sensor; `None` for schedules. `last_tick_age_s`: `None` if it never
    ticked. `failed_ticks`: number of consecutive failures among the last `TICKS_LOOKED_AT` ticks.
    """

    name: str
    kind: Literal["sensor", "schedule"]
    running: bool
    interval_s: float | None
    last_tick_age_s: float | None
    failed_ticks: int


@dataclass(frozen=True)
class RunState:
    """A run, or the last of its automatic retries. `ended_s`: seconds since it ended; `None` if it has not ended."""

    run_id: str
    ended_s: float | None


@dataclass(frozen=True)
class DagsterState:
    """State of Dagster. `heartbeat_age_s` is by daemon type, such as `SENSOR`; `runs` has the known runs by id."""

    instigators: Sequence[Instigator]
    heartbeat_age_s: Mapping[str, float]
    runs: Mapping[str, RunState]


def read_dagster(database: Database, run_ids: Collection[str], *, launch_grace_s: float) -> DagsterState | None:
    """The state of sensors, schedules, daemons and the runs `run_ids`; `None` if the database has no Dagster tables.

    A run that has not started `launch_grace_s` seconds after its creation counts as ended. Raises: StoreUnavailable.
    """
    with database.begin() as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        if any(connection.scalar(text("SELECT to_regclass(:name) IS NULL"), {"name": name}) for name in _TABLES):
            return None
        return DagsterState(
            instigators=_instigators(connection),
            heartbeat_age_s={row.daemon_type: row.age_s for row in connection.execute(text(HEARTBEATS_SQL))},
            runs=_runs(connection, run_ids, launch_grace_s),
        )


# A renamed code location leaves old rows behind; the newest row counts.
INSTIGATORS_SQL = """
    SELECT DISTINCT ON (name) i.name, i.kind, i.running, i.interval_s, i.selector_id FROM (
        SELECT instigator_body::jsonb -> 'origin' ->> 'job_name' AS name, lower(instigator_type) AS kind,
               status IN ('RUNNING', 'DECLARED_IN_CODE', 'AUTOMATICALLY_RUNNING') AS running,
               (instigator_body::jsonb -> 'job_specific_data' ->> 'min_interval')::float AS interval_s,
               selector_id, update_timestamp
        FROM instigators WHERE instigator_type IN ('SENSOR', 'SCHEDULE')
    ) i ORDER BY name, update_timestamp DESC
"""
TICKS_SQL = """
    SELECT status, extract(epoch FROM (now() AT TIME ZONE 'utc') - timestamp)::float AS age_s
    FROM job_ticks WHERE selector_id = :selector_id ORDER BY timestamp DESC LIMIT :ticks
"""
HEARTBEATS_SQL = """
    SELECT daemon_type, extract(epoch FROM (now() AT TIME ZONE 'utc') - timestamp)::float AS age_s
    FROM daemon_heartbeats
"""
# A run whose process died is retried as another run, whose id is in a tag of the first.
RUNS_SQL = """
    WITH RECURSIVE carried AS (
        SELECT first, first AS run_id, 0 AS depth FROM unnest(CAST(:run_ids AS text[])) first
        UNION ALL
        SELECT carried.first, tag.value, carried.depth + 1
        FROM carried JOIN run_tags tag ON tag.run_id = carried.run_id AND tag.key = 'dagster/auto_retry_run_id'
        WHERE carried.depth < 20
    ), ended AS (
        SELECT carried.first, CASE
            WHEN status IN ('SUCCESS', 'FAILURE', 'CANCELED')
                THEN coalesce(end_time, extract(epoch FROM update_timestamp AT TIME ZONE 'utc'))
            WHEN status = 'NOT_STARTED' AND create_timestamp AT TIME ZONE 'utc' < now() - make_interval(secs => :grace)
                THEN extract(epoch FROM create_timestamp AT TIME ZONE 'utc')
            END AS ended_at
        FROM carried JOIN runs USING (run_id)
    )
    SELECT first AS run_id,
           CASE WHEN bool_and(ended_at IS NOT NULL) THEN extract(epoch FROM now()) - max(ended_at) END::float AS ended_s
    FROM ended GROUP BY first
"""


def _instigators(connection: Connection) -> Sequence[Instigator]:
    found = []
    for row in connection.execute(text(INSTIGATORS_SQL)).all():
        ticks = connection.execute(text(TICKS_SQL), {"selector_id": row.selector_id, "ticks": TICKS_LOOKED_AT}).all()
        failed = 0
        for tick in ticks:
            if tick.status != "FAILURE":
                break
            failed += 1
        last = ticks[0].age_s if ticks else None
        found.append(Instigator(row.name, row.kind, row.running, row.interval_s, last, failed))
    return found


def _runs(connection: Connection, run_ids: Collection[str], launch_grace_s: float) -> Mapping[str, RunState]:
    if not run_ids:
        return {}
    rows = connection.execute(text(RUNS_SQL), {"run_ids": sorted(run_ids), "grace": launch_grace_s})
    return {row.run_id: RunState(row.run_id, row.ended_s) for row in rows}
