"""Invoice search: filters and pagination of the view `invoices`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.jobs import JobId
from cira_pipeline.models import Verdict

# Condition over cira.invoices for each field of InvoiceFilter.
_CONDITIONS: Mapping[str, str] = {
    "client": "client = :client",
    "verdict": "verdict = :verdict",
    "supplier": "position(lower(:supplier) in lower(supplier_name)) > 0",
    "invoice_number": "invoice_number = :invoice_number",
    "currency": "currency = :currency",
    "issued_from": "issue_date >= :issued_from",
    "issued_until": "issue_date <= :issued_until",
    "recorded_since": "recorded_at >= :recorded_since",
}
# Containment, which the index records_custom_idx serves.
_CUSTOM = "custom @> CAST(:custom AS jsonb)"


@dataclass(frozen=True)
class InvoiceFilter:
    """Filter whose conditions must all hold. `supplier`: part of the name in any case; dates are inclusive.

    `custom`: values of declared header fields, as the record states them.
    """

    client: str | None = None
    verdict: Verdict | None = None
    supplier: str | None = None
    invoice_number: str | None = None
    currency: str | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    recorded_since: datetime | None = None
    custom: Mapping[str, str] = field(default_factory=dict)

    def where(self) -> tuple[str, dict[str, Any]]:
        """An SQL condition and its parameters."""
        given = {name: getattr(self, name) for name in _CONDITIONS if getattr(self, name) is not None}
        conditions = [_CONDITIONS[name] for name in given]
        if self.custom:
            conditions.append(_CUSTOM)
            given["custom"] = json.dumps(dict(self.custom))
        return " AND ".join(conditions) or "true", given


def find_invoices(
    database: Database, wanted: InvoiceFilter, *, limit: int, before: JobId | None = None
) -> list[dict[str, Any]]:
    """Rows of the view `invoices`, newest submission first; `before` is the last id of the previous page.

    Raises: StoreUnavailable.
    """
    condition, parameters = wanted.where()
    statement = text(
        f"SELECT * FROM cira.invoices WHERE {condition} "  # noqa: S608 - our own conditions, values are parameters
        "AND (CAST(:before AS text) IS NULL OR job_id < :before) ORDER BY job_id DESC LIMIT :limit"
    )
    with database.begin() as connection:
        rows = connection.execute(statement, {**parameters, "before": before, "limit": limit})
        return [dict(row._mapping) for row in rows]
