"""Ledger of costs by job, and their sums by period, against which budgets are checked."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.costs.budgets import Budgets, BudgetState
from cira_pipeline.costs.prices import CostEntry
from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import cost_entries
from cira_pipeline.jobs import JobId, Stage

# One order for all writers, so that concurrent bookings cannot deadlock.
_SUM = text("""
    INSERT INTO cira.spending (client, period, starts_on, spent_usd)
    SELECT whose, period, date_trunc(period, now() AT TIME ZONE 'UTC')::date, CAST(:amount_usd AS numeric)
    FROM cira.jobs
    CROSS JOIN (VALUES ('day'), ('month')) periods (period)
    CROSS JOIN LATERAL (VALUES (''), (client)) owners (whose)
    WHERE job_id = :job_id
    ORDER BY whose, period
    ON CONFLICT (client, period, starts_on) DO UPDATE SET spent_usd = spending.spent_usd + excluded.spent_usd
""")

_BOOK = insert(cost_entries).on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(cost_entries.c.amount_usd)
_TOTAL = select(func.coalesce(func.sum(cost_entries.c.amount_usd), 0)).where(
    cost_entries.c.job_id == bindparam("of_job")
)


class Ledger:
    """Ledger of costs in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database, budgets: Budgets | None = None) -> None:
        self._database = database
        self.budgets = budgets or Budgets()

    def record(self, job_id: JobId, entries: Iterable[CostEntry]) -> None:
        """Books `entries` on `job_id`, all or none. An entry already booked, on whatever job, is not booked again."""
        wanted = tuple(entries)
        if wanted:
            with self._database.begin() as connection:
                self.book(connection, job_id, wanted)

    def book(self, connection: Connection, job_id: JobId, entries: Iterable[CostEntry]) -> None:
        """As `record`, in the caller's transaction: a cost and what it bought are stored together or not at all."""
        rows = [
            {
                "job_id": job_id,
                "stage": entry.stage,
                "provider": entry.provider,
                "model": entry.model,
                "unit": entry.unit,
                "quantity": entry.quantity,
                "unit_price": entry.unit_price_usd,
                "amount_usd": entry.amount_usd,
                "price_list": entry.price_list,
                "dedupe_key": entry.dedupe_key,
            }
            # One order here too, so that concurrent writers of the same entries cannot deadlock.
            for entry in sorted(entries, key=lambda entry: entry.dedupe_key)
        ]
        if not rows:
            return
        booked = connection.execute(_BOOK, rows).scalars().all()
        amount_usd = sum(booked, Decimal(0))
        if amount_usd:
            connection.execute(_SUM, {"job_id": job_id, "amount_usd": amount_usd})

    def budget_states(self, client: str) -> tuple[BudgetState, ...]:
        """Use of the budgets that apply to `client`."""
        return self.budgets.states(self._database, client=client)

    def total(self, job_id: JobId) -> Decimal:
        """Cost of `job_id` so far, in USD."""
        with self._database.single() as connection:
            return Decimal(connection.execute(_TOTAL, {"of_job": job_id}).scalar_one())

    def entries(self, job_id: JobId) -> list[CostEntry]:
        """Entries booked on `job_id`, in order."""
        statement = select(cost_entries).where(cost_entries.c.job_id == job_id).order_by(cost_entries.c.entry_id)
        with self._database.begin() as connection:
            return [
                CostEntry(
                    stage=Stage(row.stage),
                    provider=row.provider,
                    model=row.model,
                    unit=row.unit,
                    quantity=row.quantity,
                    unit_price_usd=row.unit_price,
                    amount_usd=row.amount_usd,
                    price_list=row.price_list,
                    dedupe_key=row.dedupe_key,
                )
                for row in connection.execute(statement)
            ]
