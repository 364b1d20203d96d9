"""Totals over all jobs, costs and webhooks, for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.stage_timings import Timing, timings
from cira_pipeline.jobs import JobStatus, Stage


@dataclass(frozen=True)
class WebhookFigures:
    """Webhook totals. `oldest_s`: age of the oldest pending event in seconds, 0 without any."""

    pending: int
    failed: int
    oldest_s: float
    paused_receivers: int


@dataclass(frozen=True)
class Figures:
    """Monitoring totals. `stages`: histogram of stage durations.

    `spend_usd` is by provider and model.
    """

    jobs: Mapping[JobStatus, int]
    stages: Mapping[Stage, Timing]
    spend_usd: Mapping[tuple[str, str], Decimal]
    webhooks: WebhookFigures


def figures(database: Database) -> Figures:
    """Reads whole tables, so not for every second. Raises: StoreUnavailable."""
    with database.begin() as connection:
        jobs = connection.execute(text("SELECT status, count(*) FROM cira.jobs GROUP BY status")).all()
        spend = connection.execute(
            text("SELECT provider, model, sum(amount_usd) FROM cira.cost_entries GROUP BY provider, model")
        ).all()
        stages = timings(connection)
        # Each count uses an index that holds nothing else.
        webhooks = connection.execute(
            text("""
                SELECT (SELECT count(*) FROM cira.webhook_events WHERE state = 'pending') AS pending,
                       (SELECT count(*) FROM cira.webhook_events WHERE state = 'failed') AS failed,
                       (SELECT coalesce(extract(epoch FROM now() - min(owed_since)), 0)::float
                        FROM cira.webhook_events WHERE state = 'pending') AS oldest_s,
                       (SELECT count(*) FROM cira.webhook_receivers WHERE paused_until > now()) AS paused_receivers
            """)
        ).one()
    return Figures(
        jobs=dict.fromkeys(JobStatus, 0) | {JobStatus(status): count for status, count in jobs},
        stages=stages,
        spend_usd={(provider, model): amount for provider, model, amount in spend},
        webhooks=WebhookFigures(**webhooks._mapping),
    )


# Spending by day, provider, model and stage.


@dataclass(frozen=True)
class Spent:
    """One day's spending on one model in one stage; `jobs` counts the jobs it was spent on."""

    day: date
    provider: str
    model: str
    stage: Stage
    jobs: int
    amount_usd: Decimal


def spending(database: Database, *, since: date, until: date, client: str | None = None) -> list[Spent]:
    """Spending by day in UTC, both bounds included, newest first. Raises: StoreUnavailable."""
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
