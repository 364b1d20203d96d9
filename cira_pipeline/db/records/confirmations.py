"""Confirmations: records that a person has checked, corrected or not, and confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import confirmations
from cira_pipeline.jobs import JobId
from cira_pipeline.models import Verdict

_LATEST = (
    select(confirmations)
    .where(confirmations.c.job_id == bindparam("of_job"))
    .order_by(confirmations.c.confirmation_id.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Confirmation:
    """A person's confirmation. `changes`: field -> `before` and `after`, as JSON values; empty without corrections."""

    confirmed_by: str
    confirmed_at: datetime
    changes: Mapping[str, Any]
    verdict_before: Verdict
    verdict_after: Verdict


class ConfirmationRepository:
    """Confirmations in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self,
        job_id: JobId,
        document_sha256: str,
        *,
        confirmed_by: str,
        key_id: str | None,
        changes: Mapping[str, Any],
        verdict_before: Verdict,
        verdict_after: Verdict,
    ) -> Confirmation:
        """Adds a confirmation; earlier ones are kept as a history."""
        statement = (
            insert(confirmations)
            .values(
                job_id=job_id,
                document_sha256=document_sha256,
                confirmed_by=confirmed_by,
                key_id=key_id,
                changes=dict(changes),
                verdict_before=verdict_before,
                verdict_after=verdict_after,
            )
            .returning(confirmations.c.confirmed_at)
        )
        with self._database.begin() as connection:
            confirmed_at = connection.execute(statement).scalar_one()
        return Confirmation(confirmed_by, confirmed_at, changes, verdict_before, verdict_after)

    def latest(self, job_id: JobId) -> Confirmation | None:
        with self._database.single() as connection:
            row = connection.execute(_LATEST, {"of_job": job_id}).one_or_none()
        if row is None:
            return None
        return Confirmation(
            row.confirmed_by,
            row.confirmed_at,
            row.changes,
            Verdict(row.verdict_before),
            Verdict(row.verdict_after),
        )
