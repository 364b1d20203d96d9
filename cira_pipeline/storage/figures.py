"""Figures about everything at once, for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text

from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.storage.database import Database


@dataclass(frozen=True)
class Figures:
    """`stages`: how often a stage did its work, and the seconds all of that took; stages that are timed only.

    `queue_age_s` is the age of the oldest queued job, 0 when none is. `spend_usd` is by provider and model.
    """

    jobs: Mapping[JobStatus, int]
    queue_age_s: float
    stages: Mapping[Stage, tuple[int, float]]
    spend_usd: Mapping[tuple[str, str], Decimal]


def figures(database: Database) -> Figures:
    """Reads whole tables: not for every second. Raises: StoreUnavailable."""
    with database.begin() as connection:
        jobs = connection.execute(text("SELECT status, count(*) FROM cira.jobs GROUP BY status")).all()
        age = connection.scalar(
            text("SELECT extract(epoch FROM now() - min(queued_at)) FROM cira.jobs WHERE status = 'queued'")
        )
        read = connection.execute(text("SELECT count(*), coalesce(sum(seconds), 0) FROM cira.readings")).one()
        extracted = connection.execute(text("SELECT count(*), coalesce(sum(seconds), 0) FROM cira.extractions")).one()
        spend = connection.execute(
            text("SELECT provider, model, sum(amount_usd) FROM cira.cost_entries GROUP BY provider, model")
        ).all()
    return Figures(
        jobs=dict.fromkeys(JobStatus, 0) | {JobStatus(status): count for status, count in jobs},
        queue_age_s=float(age or 0),
        stages={
            Stage.OCR_TEXT: (int(read[0]), float(read[1])),
            Stage.EXTRACTED_FIELDS: (int(extracted[0]), float(extracted[1])),
        },
        spend_usd={(provider, model): amount for provider, model, amount in spend},
    )
