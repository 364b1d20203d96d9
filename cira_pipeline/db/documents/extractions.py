"""Extractions, stored by content, and the outcome of each job: its extractions and the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from cira_pipeline.db.database import Database
from cira_pipeline.db.schema.tables import extractions, job_extractions
from cira_pipeline.jobs import JobId
from cira_pipeline.models import Extraction

_PARTS = ("engine", "engine_version", "invoice", "evidence", "findings", "usage", "seconds", "memory")

_FORGET = delete(job_extractions).where(job_extractions.c.job_id == bindparam("of_job"))
_OUTCOME = (
    select(job_extractions.c.chosen, job_extractions.c.stopped_because, extractions)
    .join(extractions, extractions.c.extraction_id == job_extractions.c.extraction_id)
    .where(job_extractions.c.job_id == bindparam("of_job"))
    .order_by(job_extractions.c.position)
)
_KEEP = (
    upsert(extractions)
    .on_conflict_do_nothing(constraint="extractions_content_key")
    .returning(extractions.c.extraction_id)
)


@dataclass(frozen=True)
class StoredOutcome:
    """Extractions of a job, in the order in which the engines ran; `chosen` is an index from 0."""

    extractions: tuple[Extraction, ...]
    chosen: int
    stopped_because: str


class ExtractionRepository:
    """Extractions and outcomes in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_outcome(
        self,
        job_id: JobId,
        sha256: str,
        made: Sequence[tuple[Extraction, str]],
        chosen: int,
        stopped_because: str,
    ) -> None:
        """Stores the extractions of document `sha256` as the job's outcome, replacing an earlier one.

        Each extraction comes with the hash of its input (SHA-256, 64 hexadecimal digits): the first answer to the same
        input is kept. `chosen` is an index from 0 into `made`. Raises: ValueError.
        """
        if not 0 <= chosen < len(made):
            raise ValueError(f"chosen is {chosen}, expected an index into {len(made)} extractions")
        with self._database.begin() as connection:
            rows = [
                {
                    "job_id": job_id,
                    "position": index + 1,
                    "extraction_id": _kept(connection, sha256, extraction, input_hash),
                    "chosen": index == chosen,
                    "stopped_because": stopped_because if index == chosen else None,
                }
                for index, (extraction, input_hash) in enumerate(made)
            ]
            connection.execute(_FORGET, {"of_job": job_id})
            connection.execute(insert(job_extractions), rows)

    def outcome(self, job_id: JobId) -> StoredOutcome | None:
        """The outcome that `put_outcome` stored; `None` before it was called."""
        with self._database.single() as connection:
            rows = connection.execute(_OUTCOME, {"of_job": job_id}).all()
        if not rows:
            return None
        chosen = next(index for index, row in enumerate(rows) if row.chosen)
        return StoredOutcome(tuple(_extraction(row) for row in rows), chosen, rows[chosen].stopped_because)


def _kept(connection: Connection, sha256: str, extraction: Extraction, input_hash: str) -> int:
    """Id of the stored extraction."""
    content = {
        "document_sha256": sha256,
        "engine": extraction.engine,
        "engine_version": extraction.engine_version,
        "input_hash": input_hash,
    }
    parts = extraction.model_dump(mode="json", exclude={"invoice"})
    parts["invoice"] = extraction.invoice.model_dump(mode="json", exclude_defaults=True)
    extraction_id = connection.scalar(_KEEP, parts | content)
    if extraction_id is None:
        extraction_id = connection.execute(select(extractions.c.extraction_id).filter_by(**content)).scalar_one()
    return int(extraction_id)


def _extraction(row: Row[Any]) -> Extraction:
    return Extraction.model_validate({part: row._mapping[part] for part in _PARTS})
