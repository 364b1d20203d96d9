"""Figures about everything at once, for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text

from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.stage_timings import Timing, timings


@dataclass(frozen=True)
class WebhookFigures:
    """`oldest_s` is how long the oldest pending event has been owed, 0 when none is."""

    pending: int
    failed: int
    oldest_s: float
    paused_receivers: int


@dataclass(frozen=True)
class Figures:
    """`stages`: how long the stages took.

    `spend_usd` is by provider and model.
    """

    jobs: Mapping[JobStatus, int]
    stages: Mapping[Stage, Timing]
    spend_usd: Mapping[tuple[str, str], Decimal]
    webhooks: WebhookFigures


def figures(database: Database) -> Figures:
    """Reads whole tables: not for every second. Raises: StoreUnavailable."""
    with database.begin() as connection:
        jobs = connection.execute(text("SELECT status, count(*) FROM cira.jobs GROUP BY status")).all()
        spend = connection.execute(
            text("SELECT provider, model, sum(amount_usd) FROM cira.cost_entries GROUP BY provider, model")
        ).all()
        stages = timings(connection)
        # Each by an index that holds nothing else.
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
