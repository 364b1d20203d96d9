"""Extractions, kept by content, and which of them a job believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from cira_pipeline.jobs import JobId
from cira_pipeline.storage.database import Database
from cira_pipeline.storage.tables import extractions, job_extractions
from cira_pipeline.values import EngineName, Extraction

_PARTS = ("engine", "engine_version", "invoice", "evidence", "findings", "usage", "seconds", "memory")


@dataclass(frozen=True)
class StoredOutcome:
    """The extractions made for a job, in the order in which the engines ran; `chosen` is an index from 0."""

    extractions: tuple[Extraction, ...]
    chosen: int
    stopped_because: str


class ExtractionRepository:
    """Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, sha256: str, extraction: Extraction, input_hash: str) -> int:
        """Keeps what an engine made of document `sha256` and `input_hash` (a SHA-256, 64 hexadecimal digits).

        The first answer stays: a second one for the same content changes nothing. Returns the extraction's id.
        """
        content = {
            "document_sha256": sha256,
            "engine": extraction.engine,
            "engine_version": extraction.engine_version,
            "input_hash": input_hash,
        }
        parts = extraction.model_dump(mode="json", exclude_defaults=False)
        statement = upsert(extractions).values(parts | content).on_conflict_do_nothing(constraint=_CONTENT_KEY)
        with self._database.begin() as connection:
            extraction_id = connection.scalar(statement.returning(extractions.c.extraction_id))
            if extraction_id is None:
                extraction_id = connection.execute(
                    select(extractions.c.extraction_id).filter_by(**content)
                ).scalar_one()
        return int(extraction_id)

    def get(self, sha256: str, engine: EngineName, engine_version: str, input_hash: str) -> Extraction | None:
        statement = select(extractions).filter_by(
            document_sha256=sha256, engine=engine, engine_version=engine_version, input_hash=input_hash
        )
        with self._database.begin() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else _extraction(row)

    def put_outcome(self, job_id: JobId, extraction_ids: Sequence[int], chosen: int, stopped_because: str) -> None:
        """Replaces the job's outcome. `chosen` is an index from 0 into `extraction_ids`. Raises: ValueError."""
        if not 0 <= chosen < len(extraction_ids):
            raise ValueError(f"{chosen} is no index into {len(extraction_ids)} extractions")
        rows = [
            {
                "job_id": job_id,
                "position": index + 1,
                "extraction_id": extraction_id,
                "chosen": index == chosen,
                "stopped_because": stopped_because if index == chosen else None,
            }
            for index, extraction_id in enumerate(extraction_ids)
        ]
        with self._database.begin() as connection:
            connection.execute(delete(job_extractions).where(job_extractions.c.job_id == job_id))
            connection.execute(insert(job_extractions), rows)

    def outcome(self, job_id: JobId) -> StoredOutcome | None:
        """What `put_outcome` kept; `None` before it was called."""
        statement = (
            select(job_extractions.c.chosen, job_extractions.c.stopped_because, extractions)
            .join(extractions, extractions.c.extraction_id == job_extractions.c.extraction_id)
            .where(job_extractions.c.job_id == job_id)
            .order_by(job_extractions.c.position)
        )
        with self._database.begin() as connection:
            rows = connection.execute(statement).all()
        if not rows:
            return None
        chosen = next(index for index, row in enumerate(rows) if row.chosen)
        return StoredOutcome(tuple(_extraction(row) for row in rows), chosen, rows[chosen].stopped_because)


_CONTENT_KEY = "extractions_content_key"


def _extraction(row: Row[Any]) -> Extraction:
    return Extraction.model_validate({part: row._mapping[part] for part in _PARTS})
