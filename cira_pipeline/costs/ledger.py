"""The book of what was spent on which job."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from cira_pipeline.costs.entry import CostEntry
from cira_pipeline.jobs import JobId
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.tables import cost_entries


class Ledger:
    """Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, job_id: JobId, entries: Iterable[CostEntry]) -> None:
        """Books `entries` on `job_id`, all or none. What is booked already, on whatever job, stays as it is."""
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
            # One order for all, so that two writers of the same entries never wait for each other in a circle.
            for entry in sorted(entries, key=lambda entry: entry.dedupe_key)
        ]
        if not rows:
            return
        with self._database.begin() as connection:
            connection.execute(insert(cost_entries).on_conflict_do_nothing(index_elements=["dedupe_key"]), rows)

    def total(self, job_id: JobId) -> Decimal:
        """What `job_id` has cost so far, in USD."""
        statement = select(func.coalesce(func.sum(cost_entries.c.amount_usd), 0)).where(cost_entries.c.job_id == job_id)
        with self._database.begin() as connection:
            return Decimal(connection.execute(statement).scalar_one())
