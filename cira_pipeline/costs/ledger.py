"""The book of what was spent on which job, and its sums by period, which budgets are held to."""

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

# In one order for everybody, so that two who book at once never wait for each other in a circle.
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
    """Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database, budgets: Budgets | None = None) -> None:
        self._database = database
        self.budgets = budgets or Budgets()

    def record(self, job_id: JobId, entries: Iterable[CostEntry]) -> None:
        """Books `entries` on `job_id`, all or none. What is booked already, on whatever job, stays as it is."""
        wanted = tuple(entries)
        if wanted:
            with self._database.begin() as connection:
                self.book(connection, job_id, wanted)

    def book(self, connection: Connection, job_id: JobId, entries: Iterable[CostEntry]) -> None:
        """As `record`, in a transaction of the caller: money and what it bought are kept together or not at all."""
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
            # One order here too, for two writers of the same entries.
            for entry in sorted(entries, key=lambda entry: entry.dedupe_key)
        ]
        if not rows:
            return
        booked = connection.execute(_BOOK, rows).scalars().all()
        amount_usd = sum(booked, Decimal(0))
        if amount_usd:
            connection.execute(_SUM, {"job_id": job_id, "amount_usd": amount_usd})

    def budget_states(self, client: str) -> tuple[BudgetState, ...]:
        """How far the budgets that hold for `client` are used up."""
        return self.budgets.states(self._database, client=client)

    def total(self, job_id: JobId) -> Decimal:
        """What `job_id` has cost so far, in USD."""
        with self._database.single() as connection:
            return Decimal(connection.execute(_TOTAL, {"of_job": job_id}).scalar_one())

    def entries(self, job_id: JobId) -> list[CostEntry]:
        """What was booked on `job_id`, in order."""
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
