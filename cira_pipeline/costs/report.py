"""Cost reports: spending grouped by day, client, supplier, engine or model, and a projection of the month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.jobs import Stage
from cira_pipeline.models import EngineName

RECENT = timedelta(days=7)
"""The month is projected from the average of these last days."""


class GroupBy(StrEnum):
    DAY = "day"
    CLIENT = "client"
    ENGINE = "engine"
    MODEL = "model"
    SUPPLIER = "supplier"


@dataclass(frozen=True)
class CostRow:
    """One row of a cost report. `jobs` counts the jobs it was spent on; `name` is `None` for an unread supplier."""

    name: str | None
    jobs: int | None
    amount_usd: Decimal


@dataclass(frozen=True)
class MonthCosts:
    """Costs of a month. `projected_usd`: what is spent, plus the rest of the month at the rate of the last days."""

    spent_usd: Decimal
    projected_usd: Decimal


_PAID = " or ".join(name for name in EngineName if name.is_paid)
_NAMES: Mapping[GroupBy, str] = {
    GroupBy.DAY: "(c.created_at AT TIME ZONE 'UTC')::date::text",
    GroupBy.CLIENT: "j.client",
    # Reading and storage costs are listed under the program that did the work.
    GroupBy.ENGINE: f"CASE c.stage WHEN '{Stage.EXTRACTED_FIELDS}' THEN '{_PAID}' ELSE c.model END",
    GroupBy.MODEL: "c.provider || ' ' || c.model",
    GroupBy.SUPPLIER: "r.supplier_name",
}


def costs_by(database: Database, by: GroupBy, *, since: date, client: str | None = None) -> tuple[CostRow, ...]:
    """Costs booked since the day `since` (UTC); days in order, every other grouping most expensive first.

    Raises: StoreUnavailable.
    """
    order = "name" if by is GroupBy.DAY else "amount_usd DESC, name"
    statement = text(f"""
        SELECT {_NAMES[by]} AS name, count(DISTINCT c.job_id) AS jobs, sum(c.amount_usd) AS amount_usd
        FROM cira.cost_entries c
        JOIN cira.jobs j USING (job_id)
        LEFT JOIN cira.records r USING (job_id)
        WHERE c.created_at >= :since AND (CAST(:client AS text) IS NULL OR j.client = :client)
        GROUP BY 1 ORDER BY {order}
    """)  # noqa: S608 - both parts are of this file
    with database.begin() as connection:
        rows = connection.execute(statement, {"since": _midnight(since), "client": client}).all()
    return tuple(CostRow(row.name, row.jobs, row.amount_usd) for row in rows)


def month_costs(database: Database, now: datetime, *, client: str | None = None) -> MonthCosts:
    """Spending and projection of the month of `now` (UTC). Raises: StoreUnavailable."""
    begins = _midnight(now.date().replace(day=1))
    ends = begins + timedelta(days=monthrange(now.year, now.month)[1])
    statement = text("""
        SELECT coalesce(sum(amount_usd) FILTER (WHERE c.created_at >= :begins), 0) AS spent_usd,
               coalesce(sum(amount_usd) FILTER (WHERE c.created_at >= :recent), 0) AS recent_usd,
               min(c.created_at) FILTER (WHERE c.created_at >= :recent) AS first_at
        FROM cira.cost_entries c JOIN cira.jobs j USING (job_id)
        WHERE c.created_at >= least(CAST(:begins AS timestamptz), :recent)
          AND (CAST(:client AS text) IS NULL OR j.client = :client)
    """)
    recent = now - RECENT
    with database.begin() as connection:
        row = connection.execute(statement, {"begins": begins, "recent": recent, "client": client}).one()
    # An installation that began yesterday is averaged over one day, not seven; and less than a day is no basis.
    counted = max(now - (row.first_at or now), timedelta(days=1))
    share = Decimal((ends - now).total_seconds()) / Decimal(min(counted, RECENT).total_seconds())
    return MonthCosts(row.spent_usd, (row.spent_usd + row.recent_usd * share).quantize(Decimal("0.000001")))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
