"""What was spent, summed by day, provider, model and stage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from cira_pipeline.jobs import Stage
from cira_pipeline.storage.database import Database


@dataclass(frozen=True)
class Spent:
    """One day's spending on one model in one stage; `jobs` are those it was spent on."""

    day: date
    provider: str
    model: str
    stage: Stage
    jobs: int
    amount_usd: Decimal


def spending(database: Database, *, since: date, until: date, client: str | None = None) -> list[Spent]:
    """Days in UTC, both included, newest first. Raises: StoreUnavailable."""
    statement = text("""
        SELECT (c.created_at AT TIME ZONE 'UTC')::date AS day, c.provider, c.model, c.stage,
               count(DISTINCT c.job_id) AS jobs, sum(c.amount_usd) AS amount_usd
        FROM cira.cost_entries c JOIN cira.jobs j USING (job_id)
        WHERE c.created_at >= CAST(:since AS timestamp) AT TIME ZONE 'UTC'
          AND c.created_at < (CAST(:until AS timestamp) + interval '1 day') AT TIME ZONE 'UTC'
          AND (CAST(:client AS text) IS NULL OR j.client = :client)
        GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 6 DESC, 2, 3, 4
    """)
    with database.begin() as connection:
        rows = connection.execute(statement, {"since": since, "until": until, "client": client}).all()
    return [Spent(row.day, row.provider, row.model, Stage(row.stage), row.jobs, row.amount_usd) for row in rows]
